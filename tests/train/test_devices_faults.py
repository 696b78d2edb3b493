"""Trainings on several devices that are interrupted, killed, or lose a process: told once, no hang, gone on with."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import launched
import numpy as np
import pytest
import torch.distributed as dist
from crews import together
from launched import COMMAND, alive, finished, gone, start
from pictures import tree
from running import KEPT, log, newest, same

from netspec.train.crew import Crew
from netspec.train.data.loader import Batch
from netspec.train.errors import TrainError
from netspec.train.loop import same_everywhere

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are found in /proc")

LONG = ("--gpus", "2", "--out", "run", "--epochs", "9999", "--save-every", "5")


def alike(a: Path, b: Path) -> bool:
    """Whether two runs have the same log and the same newest checkpoint."""
    states = [{key: newest(run)[key] for key in KEPT} for run in (a, b)]
    return log(a) == log(b) and same(*states)


def test_a_killed_process_ends_the_run_in_seconds_and_is_named(tmp_path: Path) -> None:
    training = start(tmp_path, *COMMAND, *LONG)
    training.logged(12)
    workers = training.workers()
    os.kill(workers[1], signal.SIGKILL)
    assert training.end(10) == 1
    assert training.err.splitlines() == [
        "Error: process 1 of the training died: signal 9 (SIGKILL); the others were ended",
        "  to go on from the last checkpoint: netspec train --resume run",
    ]
    assert training.out == ""
    assert not alive(workers[0])
    assert training.left_over() == []


def test_whether_all_say_the_same() -> None:
    assert together(2, agreeing) == [[True, False, True], [True, False, True]]


def agreeing() -> list[bool]:
    """In one of two processes."""
    crew = Crew(dist.get_rank(), 2)
    return [crew.agrees(-1), crew.agrees(crew.rank), crew.agrees(2**62)]


def test_an_image_that_one_process_can_read_and_another_cannot_ends_the_training() -> None:
    """Their batches would be other ones from there on."""
    batches = [Batch(np.zeros((2, 1)), np.zeros(2, np.int64), np.array(places)) for places in ((3, 4), (5, 7))]
    others = iter([zlib.crc32(np.array(places).tobytes()) for places in ((3, 4), (5, 6))])
    training: Any = SimpleNamespace(step=9, crew=SimpleNamespace(agrees=lambda number: number == next(others)))
    reading = same_everywhere(training, batches)
    assert next(reading) is batches[0]
    with pytest.raises(TrainError, match="the processes have read different images after step 9"):
        next(reading)


@pytest.mark.slow  # processes of their own, each some seconds
def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    finished(tmp_path / "whole", *COMMAND, "--gpus", "2", "--out", "run", "--steps", "40")
    training = start(tmp_path, *COMMAND, "--gpus", "2", "--out", "run", "--steps", "40", "--save-every", "5")
    training.logged(12)
    os.kill(training.workers()[0], signal.SIGKILL)
    assert training.end(10) == 1
    finished(tmp_path, "--resume", "run", "--quiet")
    assert newest(tmp_path / "run")["resumed"]
    assert alike(tmp_path / "run", tmp_path / "whole" / "run")


@pytest.mark.slow  # processes of their own, each some seconds
@pytest.mark.parametrize("split", ["groups", "batch", "hybrid"])
def test_the_same_command_gives_the_same_run(tmp_path: Path, split: str) -> None:
    for name in ("a", "b"):
        finished(tmp_path, *COMMAND, "--gpus", "2", "--split", split, "--out", name, "--steps", "20")
    assert alike(tmp_path / "a", tmp_path / "b")


@pytest.mark.slow  # processes of their own, each some seconds
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("everybody", [False, True], ids=["the launcher", "its terminal"])
def test_a_signal_lets_all_finish_the_step_and_save(tmp_path: Path, number: signal.Signals, everybody: bool) -> None:
    training = start(tmp_path, *COMMAND, *LONG)
    training.logged(12)
    if everybody:
        os.killpg(training.process.pid, number)
    else:
        training.process.send_signal(number)
    assert training.end(60) == 128 + number
    step = newest(tmp_path / "run")["step"]
    assert training.out.startswith(f"interrupted after step {step}; everything so far is saved\n")
    assert training.err == "stopping after this step, and saving; once more to end at once\n"
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
    assert training.left_over() == []


@pytest.mark.slow  # processes of their own, each some seconds
def test_a_killed_launcher_takes_its_processes_with_it(tmp_path: Path) -> None:
    training = start(tmp_path, *COMMAND, *LONG)
    training.logged(12)
    workers = list(training.workers().values())
    assert len(workers) == 2
    training.process.kill()
    training.end(10)
    assert gone(workers, 30)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"


@pytest.mark.slow  # processes of their own, each some seconds
def test_a_full_disk_is_told_once(tmp_path: Path) -> None:
    training = start(tmp_path, *COMMAND, *LONG, largest=24_000)
    assert training.end(60) == 1
    assert training.err.splitlines() == [
        "Error: cannot write the run's files: File too large",
        "  the checkpoints written before are intact; when there is room, go on with",
        "    netspec train --resume run",
    ]
    assert training.left_over() == []


@pytest.mark.slow  # processes of their own, each some seconds
@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--data", "nowhere"), 2, "there is no data source and no folder called nowhere"),
        (("--data", "photos"), 1, "photos has 2 classes, tiny has 4 outputs"),
        (("--set", "train.batch=2000"), 1, "synthetic has 1024 training images, a batch has 2000"),
        (("--set", "conv.lr=1e30"), 1, r".* at step \d+: training has diverged"),
        (("--out", "/proc/run"), 2, "cannot make the run's folder /proc/run"),
    ],
)
def test_an_error_is_told_once(tmp_path: Path, options: tuple[str, ...], code: int, told: str) -> None:
    tree(tmp_path / "photos" / "train", {"cat": 20, "dog": 20})
    training = start(tmp_path, *COMMAND, "--gpus", "2", *options)
    assert training.end(60) == code
    assert re.match(f"Error: {told}", training.err), training.err
    assert training.err.count("Error:") == 1
    assert "Traceback" not in training.err
    assert training.out == ""


@pytest.mark.slow  # processes of their own, each some seconds
def test_unreadable_images_are_told_once_and_left_out_by_all(tmp_path: Path) -> None:
    tree(tmp_path / "photos" / "train", dict.fromkeys("abcd", 20))
    (tmp_path / "photos" / "train" / "a" / "3.jpg").write_bytes(b"")
    training = finished(tmp_path, *COMMAND, "--data", "photos", "--batch", "8", "--gpus", "2", "--out", "run")
    assert training.err.splitlines() == ["warning: skipped, cannot be read: photos/train/a/3.jpg: the file is empty"]
    assert re.search(r"\b3 skipped as unreadable", training.out)


@pytest.mark.slow  # processes of their own, each some seconds
def test_options_of_a_single_process_are_those_of_several(tmp_path: Path) -> None:
    """bfloat16 with the channels last in memory, over the batch, accumulated."""
    options = ("--precision", "bf16", "--set", "train.channels_last=yes", "--set", "train.accumulate=2")
    for split, gpus in (("batch", "2"), ("groups", "4")):
        training = finished(
            tmp_path, *COMMAND, *options, "--split", split, "--gpus", gpus, "--steps", "20", "--out", split
        )
        assert training.err == ""
        assert newest(tmp_path / split)["found"]["top1"] > 0.9


@pytest.mark.slow  # processes of their own, each some seconds
def test_torchrun_by_hand(tmp_path: Path) -> None:
    finished(tmp_path, *COMMAND, "--out", "started", "--gpus", "2", "--steps", "20")
    training = finished(tmp_path, *COMMAND, "--out", "run", "--steps", "20", program=launched.TORCHRUN)
    assert alike(tmp_path / "run", tmp_path / "started")
    assert training.out.splitlines()[-1] == "run: run"


@pytest.mark.slow  # processes of their own, each some seconds
def test_torchrun_passes_ctrl_c_on(tmp_path: Path) -> None:
    arguments = (*COMMAND, "--out", "run", "--epochs", "9999")
    training = start(tmp_path, *arguments, program=launched.TORCHRUN)
    training.logged(12)
    os.killpg(training.process.pid, signal.SIGINT)
    training.end(60)
    assert training.out.startswith("interrupted after step ")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
