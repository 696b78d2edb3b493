"""``netspec train`` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import Result
from image_files import image_folder
from places import ROOT
from processes import invoke

from netspec.train.runs import checkpoint

DIGITS = str(ROOT / "specs" / "digits.net")

TINY = """\
net tiny
[image] input 3x8x8 range=1 mean=image
[fc] fc outputs={classes} init=gaussian(0.01)
[prob] softmax
train epochs=2 batch=8 optimizer=sgd(lr={lr})
"""


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def train(*arguments: str, text: str | None = None) -> Result:
    return invoke("train", *arguments, text=text)


def tiny_spec(classes: int = 2, lr: float = 0.01) -> str:
    return TINY.format(classes=classes, lr=lr)


@pytest.mark.slow  # a whole training; the front page has a longer one
def test_digits_reach_97_percent_in_8_epochs() -> None:
    done = train(DIGITS, "--data", "digits", "--epochs", "8", "--threads", "1")
    assert done.exit_code == 0, done.output
    lines = [json.loads(line) for line in Path("runs/digits-1/metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["top1"] >= 0.97
    assert f"top-1 {100 * lines[-1]['top1']:.1f} %" in done.stdout
    assert done.stdout.splitlines()[-1] == "run: runs/digits-1"
    assert Path("runs/digits-1/spec.net").read_text() == Path(DIGITS).read_text()
    assert len(done.output.splitlines()) <= 40


def test_spec_from_standard_input_trains_on_a_folder() -> None:
    image_folder(Path("photos/train"), {"cat": 20, "dog": 20})
    image_folder(Path("photos/val"), {"cat": 2, "dog": 2})
    Path("photos/train/cat/0.jpg").write_bytes(b"")
    done = train("-", "--data", "photos", "--out", "run", text=tiny_spec())
    assert done.exit_code == 0, done.output
    assert done.stderr.splitlines()[0] == "warning: photos/train/cat/0.jpg skipped: the file is empty"
    assert done.stdout.splitlines()[0].startswith("top-1 100.0 %, top-5 100.0 %, loss ")
    assert done.stdout.splitlines()[1:] == [
        "8 steps, 80 images drawn: 64 used, 2 unreadable, 14 dropped in incomplete batches",
        "training set: 40 images, 1 unreadable",
        "run: run",
    ]


def test_quiet_prints_only_the_result() -> None:
    done = train("-", "--data", "synthetic", "--steps", "2", "--quiet", text=tiny_spec())
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "run: runs/tiny-1"


@pytest.mark.ci  # takes a second
def test_new_run_of_a_runs_spec_is_named_after_the_network() -> None:
    """``spec.net`` is the name of every run's spec, and standard input has no name."""
    train("-", "--data", "synthetic", "--steps", "1", "--quiet", text=tiny_spec())
    done = train("runs/tiny-1/spec.net", "--data", "synthetic", "--steps", "1", "--quiet")
    assert done.stdout.splitlines()[-1] == "run: runs/tiny-2"


def test_ten_views_in_a_spec_are_not_used_for_synthetic_images_and_the_end_says_so() -> None:
    done = train("-", "--data", "synthetic", "--steps", "2", "--out", "run", text=f"{tiny_spec()}test views=10\n")
    assert done.exit_code == 0, done.output
    assert "validation uses the centre crop; the spec's test views=10 applies to netspec eval" in done.stderr
    first, second, *_ = done.stdout.splitlines()
    assert first.endswith(" validation images, centre crop")
    assert second == "to test it as its spec says, with views=10: netspec eval run"
    assert second in train("--resume", "run").stdout
    facts = json.loads(Path("run/run.json").read_text())
    assert facts["validation"] == {"views": 1, "view": "centre crop", "views_in_spec": 10}


def test_too_many_threads_is_an_error() -> None:
    done = train(DIGITS, "--data", "digits", "--threads", "1000000")
    assert done.exit_code == 2
    assert "1000000 is not in the range 1<=x<=1024" in done.stderr


def test_missing_data_option_lists_the_sources() -> None:
    done = train(DIGITS)
    assert (done.exit_code, done.stdout) == (2, "")
    assert [word for word in ("DIR", "digits", "synthetic") if f"\n    {word} " in done.stderr] == [
        "DIR", "digits", "synthetic",
    ]  # fmt: skip


def test_misspelt_source_gets_a_suggestion_and_exit_code_2() -> None:
    done = train(DIGITS, "--data", "digit")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: there is no data source and no folder called digit\n  did you mean digits?\n")


def test_data_or_run_given_as_the_spec_gets_a_suggestion() -> None:
    image_folder(Path("photos"), {"cat": 1})
    for data in ("digits", "mnist:idx", "photos"):
        done = train(data)
        assert done.exit_code == 2
        assert done.stderr == f"Error: {data} is data, not a network: netspec train FILE --data {data}\n"
    Path("runs/one").mkdir(parents=True)
    Path("runs/one/run.json").write_text("{}")
    assert train("runs/one").stderr == "Error: runs/one is a run; did you mean --resume runs/one?\n"
    assert train("runs").stderr == "Error: cannot open runs: Is a directory\n"
    Path("digits").write_text(tiny_spec())
    assert train("digits").stderr.startswith("Error: --data is missing")


def test_wrong_number_of_classes_leaves_no_run() -> None:
    image_folder(Path("photos"), {"cat": 20, "dog": 20, "cow": 20})
    done = train("-", "--data", "photos", text=tiny_spec(classes=1000))
    assert done.exit_code == 1
    assert "photos has 3 classes, tiny has 1,000 outputs" in done.stderr
    assert not Path("runs").exists()


def test_seed_out_of_range_is_an_error() -> None:
    for seed in ("-1", "9223372036854775808", "1180591620717411303424"):
        done = train("-", "--data", "synthetic", "--seed", seed, text=tiny_spec())
        assert done.exit_code == 2
        assert f"{seed} is not in the range 0<=x<=9223372036854775807" in done.stderr
    assert train("-", "--data", "synthetic", "--steps", "1", "--seed", str(2**63 - 1), text=tiny_spec()).exit_code == 0


def test_wrong_and_missing_specs_are_errors() -> None:
    assert train("-", "--data", "synthetic", text="[image] input 3x8x8\n[fc] fc output=2\n").exit_code == 1
    assert train("nowhere.net", "--data", "synthetic").exit_code == 2


def test_output_folder_with_other_files_is_an_error() -> None:
    Path("run").mkdir()
    Path("run/x").write_text("x")
    done = train("-", "--data", "synthetic", "--out", "run", text=tiny_spec())
    assert done.exit_code == 2
    assert "--out run is a folder with something in it" in done.stderr


def test_diverging_training_is_reported_with_causes() -> None:
    done = train("-", "--data", "synthetic", text=tiny_spec(lr=1e38))
    assert done.exit_code == 1
    assert "training has diverged" in done.stderr
    assert "likely causes" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to another process")
@pytest.mark.ci  # a process that imports torch
def test_ctrl_c_saves_and_exits_with_130(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netspec", "train", "-", "--data", "synthetic", "--epochs", "9999", "--out", "run"]
    environment = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdin is not None
        process.stdin.write(tiny_spec())
        process.stdin.close()
        process.stdin = None
        deadline = time.monotonic() + 60
        while not Path("run/metrics.jsonl").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    newest = checkpoint.list_checkpoints(tmp_path / "run" / "checkpoints")[-1]
    step = checkpoint.load(newest)["step"]
    assert out.splitlines()[0] == f"interrupted after step {step:,}; everything up to there is saved"
    assert out.splitlines()[-1] == "run: run"
