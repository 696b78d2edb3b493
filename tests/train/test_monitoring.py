"""Monitoring a training: intervals, warnings about a network that does not learn, curves, and TensorBoard."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from building import Builder
from processes import invoke
from reporters import QUIET, Collector
from run_folders import SPEC
from torch import tensor

from netspec.ir.graph import Graph
from netspec.ir.ops import CrossEntropy, Linear, SquaredError
from netspec.net import loads
from netspec.train.config import Request
from netspec.train.interval import Due, Interval, read_interval
from netspec.train.learning.guessing import guessing
from netspec.train.run import train as run_train
from netspec.train.runs.plot import Drawing
from netspec.train.runs.runfolder import RunFolder

DEAD = """\
net dead
[image] input 3x8x8 range=1
[fc] fc outputs=10 init=gaussian(0.0001)
[prob] softmax
train epochs={epochs} batch=32 optimizer=sgd(lr=1e-7)
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500", Interval(500, "steps")),
        ("1 step", Interval(1, "steps")),
        ("10min", Interval(10, "min")),
        ("30 s", Interval(30, "s")),
        ("2H", Interval(2, "h")),
    ],
)
def test_intervals_are_read_and_printed(text: str, expected: Interval) -> None:
    assert read_interval(text) == expected
    assert read_interval(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10m", "'m' in '10m' is not a unit of time"),
        ("5 epochs", "'epochs' in '5 epochs' is not a unit"),
        ("0min", "at least 1"),
        ("often", "neither a number of steps nor a time"),
        ("-3", "neither a number of steps nor a time"),
        ("1.5h", "neither a number of steps nor a time"),
        ("", "neither a number of steps nor a time"),
    ],
)
def test_wrong_interval_is_an_error(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_interval(text)


def test_interval_is_due_after_its_steps_or_time() -> None:
    now = [100.0]
    steps, minutes = Due(Interval(3, "steps")), Due(Interval(2, "min"), lambda: now[0])
    assert [step for step in range(1, 10) if steps(step)] == [3, 6, 9]
    assert not minutes(1)
    now[0] = 220.0
    assert minutes(2)
    minutes.done()
    assert not minutes(3)


def two_losses(second: type) -> Graph:
    builder = Builder("two")
    x = builder.add("fc", Linear(10), builder.input(3, 8, 8))
    builder.add("a", CrossEntropy(0.3), x)
    builder.add("b", second(1.0), x)
    return builder.graph()


def test_loss_of_guessing_by_hand() -> None:
    """It is ln(classes) times the weight for each cross-entropy, and 0, which means unknown, with other losses."""
    plain = guessing(loads(DEAD.format(epochs=1)).graph, 1000, 32)
    assert (plain.check_at, plain.chance) == (200, pytest.approx(math.log(10)))
    assert guessing(two_losses(CrossEntropy), 32 * 700, 32).chance == pytest.approx(1.3 * math.log(10))
    assert guessing(two_losses(CrossEntropy), 32 * 700, 32).check_at == 700
    assert guessing(two_losses(SquaredError), 1000, 32).chance == 0
    assert guessing(loads(DEAD.format(epochs=1)).graph, 10**7, 32).check_at == 5000


@pytest.mark.parametrize(("loss", "warns"), [(1.005, True), (0.995, True), (1.02, False), (0.98, False), (0.0, False)])
def test_loss_near_that_of_guessing_is_a_warning(loss: float, warns: bool) -> None:
    """The mean loss of steps 101 to 200, within 1 %. Earlier steps do not count."""
    detector = guessing(loads(DEAD.format(epochs=1)).graph, 1000, 32)
    warnings = [detector.look(step, tensor(9.0 if step <= 100 else loss * math.log(10))) for step in range(1, 400)]
    assert [step for step, text in enumerate(warnings, 1) if text] == ([200] if warns else [])


@pytest.mark.parametrize(("loss", "warns"), [(9.9, False), (10.1, True), (1e6, True)])
def test_loss_far_above_that_of_guessing_is_a_warning(loss: float, warns: bool) -> None:
    detector = guessing(loads(DEAD.format(epochs=1)).graph, 1000, 32)
    (text,) = [detector.look(step, tensor(loss * math.log(10))) for step in range(2, 201)][-1:]
    assert (text is not None and "is 2.303: the training diverges" in text) == warns


@pytest.mark.parametrize(("loss", "warns"), [(1.0, False), (9.9, False), (10.1, True)])
def test_first_loss_far_above_that_of_guessing_is_a_warning(loss: float, warns: bool) -> None:
    detector = guessing(loads(DEAD.format(epochs=1)).graph, 1000, 32)
    text = detector.look(1, tensor(loss * math.log(10)))
    assert (text is not None and "sure of its answers before it has learnt anything" in text) == warns
    assert detector.look(2, tensor(1e9)) is None


def test_initial_weights_too_large_for_the_range_are_a_warning(tmp_path: Path) -> None:
    text = "[image] input 3x16x16{}\n[c] conv filters=8 kernel=3 neuron=relu\n[f] fc outputs=10\n[p] softmax\n"
    for key, warns in (("  range=255", True), ("", False)):
        spec = tmp_path / f"{warns}.net"
        spec.write_text(text.format(key))
        command = ["train", str(spec), "--data", "synthetic", "--threads", "1", "--steps", "1", "--quiet"]
        done = invoke(*command, "--out", str(tmp_path / f"run-{warns}"))
        assert done.exit_code == 0, done.output
        assert ("warning: the first batch's loss is" in done.stderr) == warns


def test_single_class_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.net").write_text("[image] input 3x8x8\n[f] fc outputs=1\n[p] softmax\ntrain batch=64\n")
    options = ("--threads", "1", "--quiet")
    done = invoke("train", "one.net", "--data", "synthetic", "--out", "run", "--steps", "1", *options)
    warning = "texture 0 is the only class, and there is nothing to tell it from"
    assert done.exit_code == 0 and f"warning: {warning}\n" in done.stderr
    done = invoke("train", "--resume", "run", "--steps", "2", *options)
    assert done.exit_code == 0 and "only class" not in done.stderr
    assert json.loads(Path("run/run.json").read_text())["warnings"] == [warning]


def test_network_that_does_not_learn_is_one_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dead.net").write_text(DEAD.format(epochs=8))
    command = ["train", "dead.net", "--data", "synthetic", "--threads", "1", "--out", "run", "--quiet"]
    done = invoke(*command, "--steps", "50")
    assert (done.exit_code, "guessing" in done.stderr) == (0, False)
    done = invoke("train", "--resume", "run", "--epochs", "8", "--quiet")
    assert done.exit_code == 0, done.output
    start = "warning: after 200 steps the loss is 2.303, that of guessing among 10 classes (2.303): nothing has been"
    assert [line.startswith(start) for line in done.stderr.splitlines() if "guessing" in line] == [True]
    assert len(json.loads(Path("run/run.json").read_text())["warnings"]) == 1


def test_short_run_that_has_not_learnt_is_a_warning_at_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("dead.net").write_text(DEAD.format(epochs=3))
    command = ["train", "dead.net", "--data", "synthetic", "--threads", "1", "--batch", "256", "--quiet"]
    done = invoke(*command, "--out", "run")
    (warning,) = json.loads(Path("run/run.json").read_text())["warnings"]
    assert warning.startswith(
        "after 12 steps the loss is 2.303, that of guessing among 10 classes (2.303): nothing has"
    )
    assert "likely causes: too few steps (--epochs continues the run); a learning rate" in warning
    assert (done.exit_code, f"warning: {warning}\n" in done.stderr) == (0, True)


@pytest.mark.parametrize(("step", "epochs", "loss", "warns"), [
    (80, 3, 1.005, True), (80, 2, 1.005, False), (80, 3, 0.98, False), (80, 3, 11.0, True), (200, 3, 1.005, False),
])  # fmt: skip
def test_end_of_a_run_is_checked_if_nothing_was_before(step: int, epochs: int, loss: float, warns: bool) -> None:
    detector = guessing(loads(DEAD.format(epochs=1)).graph, 1000, 32)
    assert (detector.look_back(step, epochs, loss * math.log(10)) is not None) == warns


@pytest.mark.ci
def test_curves_are_drawn_after_each_epoch_and_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[None] = []
    monkeypatch.setattr("netspec.train.runs.plot.SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr("netspec.train.runs.plot.draw_curves", lambda *_: drawn.append(None) or True)
    request = Request("synthetic", out=tmp_path / "run", threads=1)
    run_train(loads(SPEC), "tiny", request, QUIET)
    assert len(drawn) == 3 + 1  # after each epoch, and at the end


def test_curves_are_drawn_at_most_once_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[float] = []
    now = [0.0]
    monkeypatch.setattr("netspec.train.runs.plot.draw_curves", lambda *_: bool(drawn.append(now[0])) or True)
    folder = RunFolder(tmp_path)
    folder.metrics.touch()  # nothing is drawn without a log
    drawing = Drawing(folder, "x", print, lambda: now[0])
    for now[0] in range(0, 200, 10):
        drawing.draw_if_due()
    assert drawn == [60, 120, 180]


@pytest.mark.ci  # a process of its own, because matplotlib looks for a folder only once
def test_curves_are_drawn_without_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = '{"step": 1, "loss": 2.0}\n{"step": 1, "val_loss": 2.0, "iou": {"of two\u2028lines": null}}\n'
    (tmp_path / "metrics.jsonl").write_text(lines, "utf-8")
    draw = "from netspec.train.runs.plot import draw_curves; from pathlib import Path; import sys\n"
    draw += "sys.exit(not draw_curves(Path('metrics.jsonl'), Path('curves.png'), 'x'))"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "metrics.jsonl" / "none"))
    done = subprocess.run([sys.executable, "-c", draw], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.ci
def test_failure_to_draw_curves_is_only_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bool:
        raise MemoryError("no room")

    monkeypatch.setattr("netspec.train.runs.plot.SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr("netspec.train.runs.plot.draw_curves", fail)
    request = Request("synthetic", out=tmp_path / "run", threads=1)
    collector = Collector()
    result = run_train(loads(SPEC), "tiny", request, collector)
    assert (result.state, collector.notes) == ("finished", ["no curves.png: MemoryError: no room"])


@pytest.mark.ci
def test_tensorboard_has_the_log_of_an_interrupted_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs the extra tensorboard"
    )
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(SPEC)
    command = ["train", "tiny.net", "--data", "synthetic", "--threads", "1", "--out", "run", "--tensorboard"]
    assert invoke(*command, "--steps", "5").exit_code == 0
    assert invoke("train", "--resume", "run", "--steps", "9").exit_code == 0
    events = accumulator.EventAccumulator("run/tensorboard")
    events.Reload()
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    for name, key in (("loss/training", "loss"), ("validation/top-1", "top1"), ("training/learning rate", "lr")):
        found = [(event.step, pytest.approx(event.value)) for event in events.Scalars(name)]
        assert found == [(line["step"], line[key]) for line in lines if key in line]


def test_missing_tensorboard_is_an_error_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(SPEC)
    done = invoke("train", "tiny.net", "--data", "synthetic", "--out", "run", "--tensorboard")
    assert done.exit_code == 2
    assert "pip install 'netspec-compiler[tensorboard]'" in done.stderr
    assert not Path("run").exists()
