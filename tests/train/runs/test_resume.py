"""Resuming a run: what is restored, what may change, and what is rejected."""

from __future__ import annotations

import dataclasses
import json
import shlex
import shutil
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import Result
from image_files import image_folder
from processes import invoke
from reporters import QUIET, InterruptAt
from run_folders import SPEC, newest_checkpoint, read_log, same_result

from netspec.net import loads
from netspec.passes.optimiser_state import STATE_KINDS
from netspec.train import run
from netspec.train.config import Request
from netspec.train.loop import run as run_loop
from netspec.train.run import train as run_train
from netspec.train.runs import checkpoint
from netspec.train.runs.resume import Earlier, reopen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a process cannot send itself SIGINT there")

ARGUMENTS = ("tiny.net", "--data", "synthetic", "--threads", "1", "--quiet")


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(SPEC)


def train(*arguments: str) -> Result:
    return invoke("train", *arguments)


def interrupt(step: int, out: str = "run", data: str = "synthetic", text: str = SPEC, **settings: Any) -> None:
    """Start a run, and interrupt it after a step."""
    request = Request(data, out=Path(out), threads=1, **settings)
    result = run_train(loads(text), "tiny", request, InterruptAt(step))
    assert (result.state, result.step) == ("interrupted", step)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An uninterrupted run of 3 epochs of 32 steps."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    run_train(loads(SPEC), "tiny", Request("synthetic", out=folder, threads=1), QUIET)
    return folder


def write_images() -> None:
    """Write 66 images of two classes, of which four are unreadable, some before and some after the interruptions."""
    image_folder(Path("data/train"), {"a": 33, "b": 33})
    image_folder(Path("data/val"), {"a": 3, "b": 3})
    for name in ("a/3", "a/20", "b/7", "b/30"):
        Path(f"data/train/{name}.jpg").write_bytes(b"")


@pytest.mark.many
@pytest.mark.parametrize("step", [1, 31, 32, 50, 96])
def test_resumed_run_has_the_result_of_an_uninterrupted_one(step: int, whole: Path) -> None:
    """At the beginning, one step before and right before a validation, in the middle, and at the end."""
    interrupt(step)
    assert newest_checkpoint(Path("run"))["step"] == step
    done = train("--resume", "run")
    assert done.exit_code == 0, done.output
    assert f"run: continuing after step {step}" in done.stderr
    assert same_result(Path("run"), whole)
    assert json.loads(Path("run/run.json").read_text())["resumed"] == [step]


@pytest.mark.ci
@pytest.mark.parametrize(
    ("optimizer", "remembered"),
    [
        ("sgd(lr=0.02, nesterov=yes)", {"velocities"}),
        ("adam(lr=0.01, weight_decay=0.01)", {"means", "squares"}),
        ("lamb(lr=0.01)", {"means", "squares"}),
        ("rmsprop(lr=0.003, momentum=0.9, eps_in_root=1e-3, start=1)", {"velocities", "squares"}),
        ("adadelta", {"squares", "moves"}),
    ],
)
def test_resumed_run_of_another_update_rule_has_the_same_result(
    optimizer: str, remembered: set[str], tmp_path: Path
) -> None:
    """``fc`` is updated after each of two parts of a batch, and counts its own updates. Its rate depends on how much of
    an epoch is done."""
    text = SPEC.replace("epochs=3", "epochs=2 accumulate=2").replace("sgd(lr=0.02)", optimizer)
    text = text.replace("[fc] fc", "[fc] fc update_every=1 schedule=restarts(1)")
    run_train(loads(text), "tiny", Request("synthetic", out=tmp_path / "whole", threads=1), QUIET)
    interrupt(45, text=text)
    state = newest_checkpoint(Path("run"))["optimiser"]
    assert {kind for kind in STATE_KINDS if state[kind]} == remembered
    assert state["updates"] == ({0: 45, 1: 90} if optimizer.startswith(("adam(", "lamb")) else {})
    done = train("--resume", "run")
    assert done.exit_code == 0, done.output
    assert same_result(Path("run"), tmp_path / "whole")


@pytest.mark.ci
def test_loaded_checkpoint_is_freed_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt(10)
    loaded: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def watched_reopen(*arguments: Any) -> Earlier:
        earlier = reopen(*arguments)
        assert earlier.state is not None
        containers = (
            earlier.state["weights"],
            *earlier.state["optimiser"].values(),
            *((earlier.state["average"] or {}).values()),
        )
        loaded.extend(weakref.ref(x) for one in containers if isinstance(one, dict) for x in one.values())
        return earlier

    def watched_loop(*arguments: Any) -> Any:
        alive.append(sum(ref() is not None for ref in loaded))
        return run_loop(*arguments)

    monkeypatch.setattr(run, "reopen", watched_reopen)
    monkeypatch.setattr(run, "run_loop", watched_loop)
    assert train("--resume", "run", "--quiet").exit_code == 0
    assert len(loaded) >= 8 and alive == [0]


@pytest.mark.ci
def test_repeating_the_command_resumes_the_run(whole: Path) -> None:
    interrupt(40)
    assert train(*ARGUMENTS, "--out", "run").exit_code == 0
    assert same_result(Path("run"), whole)


@pytest.mark.ci
@pytest.mark.parametrize(
    "recipe",
    [
        "schedule=linear(factor=0.1)",
        "schedule=jdexp(0.1, 3) bias_schedule=cosine",
        "warmup=steps(9) accumulate=2",
        "label_smoothing=0.1",
        "accumulate=2\ndefault fc super_eps=1 update_every=1",
    ],
)
def test_progress_schedules_resume_with_unreadable_images(recipe: str) -> None:
    """62 readable images make 7 batches of 8. Schedules depend on the planned steps, and so on unreadable images."""
    write_images()
    text = SPEC.replace("outputs=4", "outputs=2").replace("schedule=plateau(patience=1, times=3)", recipe)
    request = Request("data", batch=8, out=Path("whole"), threads=1)
    whole = run_train(loads(text), "tiny", request, QUIET)
    assert whole.step == 21
    for stop in (4, 10):
        interrupt(stop, f"run{stop}", "data", text, batch=8)
        done = train("--resume", f"run{stop}")
        assert done.exit_code == 0, done.output
        assert same_result(Path(f"run{stop}"), Path("whole"))
        facts = [json.loads(Path(run, "run.json").read_text()) for run in (f"run{stop}", "whole")]
        assert facts[0]["counts"] == facts[1]["counts"]
        assert facts[1]["counts"]["train"] == {
            "images": 66, "unreadable": 4, "drawn": 198, "used": 168, "skipped": 12, "dropped": 18, "unreached": 0,
        }  # fmt: skip
        unreadable = [Path(run, "unreadable.jsonl").read_text().splitlines() for run in (f"run{stop}", "whole")]
        assert sorted(unreadable[0]) == sorted(unreadable[1])


@pytest.mark.ci
def test_log_lines_after_the_checkpoint_are_removed(whole: Path) -> None:
    """A process that is killed between two checkpoints may leave half a line."""
    interrupt(40)
    with Path("run/metrics.jsonl").open("a") as file:
        file.write('{"step": 41, "epoch": 2, "loss": 0.5}\n{"step": 42, "ep')
    assert train("--resume", "run").exit_code == 0
    assert same_result(Path("run"), whole)


@pytest.mark.ci
def test_shortened_log_is_a_warning() -> None:
    interrupt(40)
    lines = Path("run/metrics.jsonl").read_text().splitlines(keepends=True)
    Path("run/metrics.jsonl").write_text("".join(lines[:30]))
    done = train("--resume", "run", "--quiet")
    assert done.exit_code == 0
    assert "does not end at the checkpoint" in done.stderr
    assert [line["step"] for line in read_log(Path("run"))][:31] == [*range(1, 31), 41]


@pytest.mark.many
@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damaged_checkpoint_falls_back_to_the_one_before(damage: str, whole: Path) -> None:
    interrupt(50)
    before, last = checkpoint.list_checkpoints(Path("run/checkpoints"))
    content = bytearray(last.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 16
    last.write_bytes({"truncated": content[: len(content) // 2], "flipped": content, "empty": b""}[damage])
    done = train("--resume", "run")
    assert done.exit_code == 0, done.output
    assert "warning: run/checkpoints/step-000000050.pt is damaged" in done.stderr
    assert "taking the checkpoint before it, step-000000032.pt" in done.stderr
    assert same_result(Path("run"), whole)
    assert (last.parent / "step-000000050.pt.damaged").exists()
    for path in checkpoint.list_checkpoints(Path("run/checkpoints")):
        path.write_bytes(b"nothing")
    assert before.name == "step-000000032.pt"
    done = train("--resume", "run")
    assert (done.exit_code, "no checkpoint of run can be read" in done.stderr) == (1, True)


def test_finished_run_is_not_changed(whole: Path) -> None:
    shutil.copytree(whole, "run")
    before = {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()}
    for command in (("--resume", "run"), (*ARGUMENTS, "--out", "run"), ("tiny.net", "--resume", "run")):
        done = train(*command)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith("run is finished already")
        assert done.stdout.endswith("run: run\n")
    assert {path: path.read_bytes() for path in Path("run").rglob("*") if path.is_file()} == before


@pytest.mark.ci
def test_epochs_and_steps_can_be_extended(whole: Path) -> None:
    assert train(*ARGUMENTS, "--out", "run", "--epochs", "2").exit_code == 0
    done = train("--resume", "run", "--epochs", "3")
    assert done.exit_code == 0, done.output
    assert same_result(Path("run"), whole)
    assert newest_checkpoint(Path("run"))["settings"]["epochs"] == 3
    for option in (("--epochs", "2"), ("--steps", "95")):
        done = train("--resume", "run", *option)
        assert done.exit_code == 2
        place = "epoch 3" if option[0] == "--epochs" else "step 96"
        assert done.stderr == f"Error: {option[0]} {option[1]} is too low: run is already at {place}\n"
    assert train("--resume", "run", "--steps", "97").exit_code == 0
    assert newest_checkpoint(Path("run"))["step"] == 97


def test_changed_settings_are_rejected_by_name(whole: Path) -> None:
    shutil.copytree(whole, "run")
    done = train("--resume", "run", "--batch", "16", "--seed", "3", "--precision", "bf16")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[:4] == [
        "Error: run is a run with other settings",
        "  --batch: 32 in the run, 16 here",
        "  --seed: 0 in the run, 3 here",
        "  --precision: fp32 in the run, bf16 here",
    ]
    done = train(*ARGUMENTS, "--out", "run", "--epochs", "9")
    assert (done.exit_code, "--epochs: 3 in the run, 9 here" in done.stderr) == (2, True)
    shutil.copytree("run", "a run")
    note = train("--resume", "a run", "--batch", "16").stderr.splitlines()[-1]
    assert note.startswith("  to continue with its own settings: netspec train --resume 'a run', ")
    assert train("--resume", "run", "--weights", "run").exit_code == 2
    assert train("--resume", "run", "--out", "other").exit_code == 2
    for reading in (("--set", "fc.outputs=5"), ("--input", "3x8x8"), ("--dialect", "v2"), ("--history",)):
        rejected = train("--resume", "run", *reading)
        assert (rejected.exit_code, "control how FILE is read, but there is none" in rejected.stderr) == (2, True)
    start = "  a new run with another spec can start from its weights: "
    (way,) = [line.removeprefix(start) for line in rejected.stderr.splitlines() if line.startswith(start)]
    assert way == "netspec train run/spec.net --weights run, with these options and --data"
    command = [*shlex.split(way.partition(",")[0])[2:], *ARGUMENTS[1:], "--set", "train.optimizer=sgd(lr=0.001)"]
    assert train(*command, "--steps", "1", "--out", "new").exit_code == 0


def test_changed_network_is_rejected_with_the_difference() -> None:
    interrupt(5)
    Path("other.net").write_text(SPEC.replace("filters=8", "filters=9").replace("lr=0.02", "lr=0.03"))
    before = Path("run/run.json").read_bytes()
    for command in (("other.net", "--resume", "run"), ("other.net", *ARGUMENTS[1:], "--out", "run")):
        done = train(*command)
        assert done.exit_code == 1
        assert "run was trained with another spec" in done.stderr
        assert "filters: 8 -> 9" in done.stderr
        assert "lr" in done.stderr
    assert Path("run/run.json").read_bytes() == before
    Path("comment.net").write_text(f"# only a comment\n{SPEC}")
    assert train("comment.net", "--resume", "run", "--quiet").exit_code == 0


def test_input_shape_of_the_command_line_is_kept() -> None:
    assert train(*ARGUMENTS, "--out", "run", "--input", "3x10x10", "--steps", "3").exit_code == 0
    assert newest_checkpoint(Path("run"))["preparation"]["mean"].shape == (3, 10, 10)
    done = train("--resume", "run", "--steps", "6", "--quiet")
    assert done.exit_code == 0, done.output
    assert newest_checkpoint(Path("run"))["weights"]["fc.weight"].shape == (4, 8 * 8 * 8)
    assert train("tiny.net", "--resume", "run", "--steps", "9").exit_code == 1
    assert train("tiny.net", "--input", "3x10x10", "--resume", "run", "--steps", "9", "--quiet").exit_code == 0


def test_changed_data_are_rejected_with_the_numbers() -> None:
    image_folder(Path("data/train"), {"a": 20, "b": 20})
    image_folder(Path("data/val"), {"a": 3, "b": 3})
    text = SPEC.replace("outputs=4", "outputs=2")
    interrupt(3, "run", "data", text, batch=8)
    shutil.copytree("data", "moved")
    assert train("--resume", "run", "--data", "moved", "--quiet").exit_code == 0  # the same images elsewhere
    assert newest_checkpoint(Path("run"))["settings"]["data"] == "moved"
    shutil.copy("moved/train/a/0.jpg", "moved/train/a/new.jpg")
    Path("moved/val/a/0.jpg").rename("moved/val/a/renamed.jpg")
    done = train("--resume", "run", "--epochs", "9")
    assert done.exit_code == 1
    assert done.stderr.splitlines()[:3] == [
        "Error: the data have changed since the run began: moved",
        "  40 training images then, 41 now",
        "  6 validation images then and now, but with other names or classes",
    ]


def test_resuming_what_is_not_a_run_is_an_error() -> None:
    Path("empty").mkdir()
    shutil.copy("tiny.net", "empty/spec.net")
    for folder, code in (("empty", 1), ("tiny.net", 1), ("nowhere", 2)):
        done = train("--resume", folder)
        assert done.exit_code == code, done.output
        assert done.stderr.startswith("Error: ")
    assert "empty is not a run: it contains nothing to resume" in train("--resume", "empty").stderr
    assert [path.name for path in Path("empty").iterdir()] == ["spec.net"]
    assert train().exit_code == 2


def test_checkpoint_without_state_to_resume_is_an_error(whole: Path) -> None:
    shutil.copytree(whole, "run")
    for lacks in ("optimiser.updates", "optimiser, place"):
        for path in checkpoint.list_checkpoints(Path("run/checkpoints")):
            state = checkpoint.load(path)
            if lacks == "optimiser.updates":
                del state["optimiser"]["updates"]
            else:
                del state["place"], state["optimiser"]
            checkpoint.save(path.parent, state["step"], {k: v for k, v in state.items() if k not in ("format", "step")})
        done = train("--resume", "run", "--epochs", "4")
        assert (done.exit_code, f"it lacks {lacks}" in done.stderr) == (1, True)


def test_changed_number_of_threads_is_noted() -> None:
    interrupt(3)
    done = train("--resume", "run", "--threads", "2", "--steps", "5")
    assert done.exit_code == 0, done.output
    assert "threads 1 -> 2: the last bits of the numbers may differ" in done.stderr


@pytest.mark.ci
def test_settings_are_taken_from_the_run() -> None:
    interrupt(3, seed=7, batch=16, precision="bf16")
    assert train("--resume", "run", "--quiet").exit_code == 0
    settings = newest_checkpoint(Path("run"))["settings"]
    assert [settings[key] for key in ("seed", "batch", "precision", "epochs")] == [7, 16, "bf16", 3]
    assert {field.name for field in dataclasses.fields(Request)} >= {"seed", "batch", "precision", "epochs"}


def test_moved_data_can_be_named() -> None:
    image_folder(Path("data"), {"a": 30, "b": 30})
    interrupt(2, "run", "data", SPEC.replace("outputs=4", "outputs=2"), batch=8)
    Path("data").rename("moved")
    done = train("--resume", "run")
    assert done.exit_code == 2
    assert done.stderr.splitlines()[-2:] == [
        "Error: there is no data source and no folder called data",
        "  the run was started with this source; if it has moved, name it with --data",
    ]
    assert train("--resume", "run", "--data", "moved", "--quiet").exit_code == 0
