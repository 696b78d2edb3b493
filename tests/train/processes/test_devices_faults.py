"""Trainings on several devices that are interrupted or killed, fail, or lose a process: one message, and no hang."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import multi_device
import numpy as np
import pytest
import torch.distributed as dist
from image_files import image_folder
from multi_device import ARGUMENTS, all_end, finish, is_alive, start
from PIL import Image
from ranks import call_on_ranks
from reporters import QUIET
from run_folders import newest_checkpoint, same_result, wait_until
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

import netspec
from netspec.train import run
from netspec.train.config import Request
from netspec.train.data.splits import CachedSplit, Data, Frame, InMemorySplit
from netspec.train.errors import TrainError
from netspec.train.interrupt import Stop
from netspec.train.loop import agree_on_unreadable
from netspec.train.processes.launching import Ended, launch
from netspec.train.processes.world import Readers, World, require_same_images
from netspec.train.runs.plot import Drawing
from netspec.train.runs.runfolder import RunFolder
from netspec.train.training import Training

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are found in /proc")

DIED, OTHERS = "Error: process 0 of the training died", "the others were ended"
LONG = ("--gpus", "2", "--out", "run", "--epochs", "9999", "--save-every", "5")


@pytest.mark.ci  # processes that each import torch
def test_killed_worker_ends_the_run_in_seconds_with_a_message(tmp_path: Path) -> None:
    training = start(tmp_path, *ARGUMENTS, *LONG)
    training.wait_for_log(12)
    workers = training.workers()
    os.kill(workers[1], signal.SIGKILL)
    assert training.wait(10) == 1
    assert training.err.splitlines() == [
        "Error: process 1 of the training died: signal 9 (SIGKILL); the others were ended",
        "  to continue from the last checkpoint: netspec train --resume run",
    ]
    assert training.out == ""
    assert not is_alive(workers[0])
    assert training.temporary_files() == []


@pytest.mark.parametrize(("code", "ended"), [(141, Ended(141)), (3, Ended(1, (f"{DIED}: exit code 3; {OTHERS}",)))])
def test_training_whose_output_nobody_reads_ends_without_a_message(
    code: int, ended: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``netspec train ... | head -1``: the main process dies of the broken pipe, as that of a single device does."""
    failures = {rank: ProcessFailure(rank, 1, exitcode, "none") for rank, exitcode in ((0, code), (1, -signal.SIGTERM))}

    def fail(*command: str) -> None:
        raise ChildFailedError("netspec", failures)

    monkeypatch.setattr("torch.distributed.launcher.api.elastic_launch", lambda config, program: fail)
    assert launch(["train"], 2) == ended


def test_world_exchanges_values_and_unreadable_images() -> None:
    """Whether all have the same value, the values of all, and the unreadable images of any, with the first reason."""
    failures = {3: ("c", "empty"), 4: ("d", "torn"), 7: ("g", "gone")}
    assert call_on_ranks(2, exchange_values) == [[True, False, True, [0, 10], failures, {}, False, True]] * 2


def exchange_values() -> list[Any]:
    """Run in each of two processes."""
    world = World(dist.get_rank(), 2)
    readers = Readers(world, np.arange)
    found = [{3: ("c", "empty"), 7: ("g", "gone")}, {3: ("c", "torn"), 4: ("d", "torn")}][world.rank]
    return [
        world.agrees(-1), world.agrees(world.rank), world.agrees(2**62), world.gather(10 * world.rank),
        readers.merge_failures(found), readers.merge_failures({}), readers.all(world.rank == 0), readers.all(True),
    ]  # fmt: skip


def test_image_unreadable_for_one_worker_is_not_planned() -> None:
    """One of two processes has found one of 64 images to be unreadable. The other 63 make one batch of 32."""
    assert call_on_ranks(2, plan_steps) == [3, 3]


def plan_steps() -> int:
    """Run in each of two processes. Return the planned number of steps for three epochs."""
    rank = dist.get_rank()
    images = InMemorySplit(np.zeros((64, 1, 2, 2), np.uint8), np.zeros(64, np.int64), str)
    split = CachedSplit(images, Frame(1, 2, 2))
    split.expect_failures({5: ("f", "empty")} if rank == 1 else {})
    settings = SimpleNamespace(batch=32, epochs=3, steps=None)
    training: Any = SimpleNamespace(world=World(rank, 2), data=SimpleNamespace(train=split), config=settings, epoch=0)
    agree_on_unreadable(training)
    return Training.plan(training, 0).steps


@pytest.mark.ci  # several processes
def test_signal_to_one_worker_stops_all_and_only_the_first_draws(tmp_path: Path) -> None:
    number = int(signal.SIGTERM)
    results = call_on_ranks(2, train_until_signal, str(tmp_path / "run"))
    assert results == [["interrupted", number, ["tiny"]], ["interrupted", number, []]]


def train_until_signal(out: str) -> list[Any]:
    """Run in each of two processes, of which only the second gets a signal.

    Return the final state, the signal, and the titles of the curves that are drawn.
    """
    rank = dist.get_rank()
    titles: list[str] = []

    def drawing(folder: RunFolder, title: str, note: Callable[[str], None]) -> Drawing:
        titles.append(title)
        return Drawing(folder, title, note)

    run.Drawing = drawing  # type: ignore[assignment,misc]
    stop = Stop()
    if rank == 1:
        stop.ask(int(signal.SIGTERM))
    run.stop_with_the_others = lambda: nullcontext(stop)  # type: ignore[assignment]
    request = Request("synthetic", gpus=2, device="cpu", threads=1, out=Path(out))
    result = run.train(netspec.loads(multi_device.SPEC), "tiny", request, QUIET, World(rank, 2))
    return [result.state, result.signal, titles]


def test_workers_that_see_different_images_fail() -> None:
    images = np.zeros((3, 1, 2, 2), np.uint8)
    splits = [InMemorySplit(images, np.array(labels), str) for labels in ((0, 1, 1), (0, 1, 0))]
    data = [Data("images", ("a", "b"), Frame(1, 2, 2), split, None) for split in splits]
    numbers: list[int] = []

    def agrees(number: int) -> bool:
        numbers.append(number)
        return len(set(numbers)) == 1

    world: Any = SimpleNamespace(agrees=agrees)
    require_same_images(data[0], world)
    require_same_images(dataclasses.replace(data[0], source="elsewhere"), world)
    with pytest.raises(TrainError, match="the processes do not see the same images in images"):
        require_same_images(data[1], world)


@pytest.mark.slow  # several processes that take seconds to start
def test_killed_run_resumes_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    finish(tmp_path / "whole", *ARGUMENTS, "--gpus", "2", "--out", "run", "--steps", "40")
    training = start(tmp_path, *ARGUMENTS, "--gpus", "2", "--out", "run", "--steps", "40", "--save-every", "5")
    training.wait_for_log(12)
    os.kill(training.workers()[0], signal.SIGKILL)
    assert training.wait(10) == 1
    finish(tmp_path, "--resume", "run", "--quiet")
    assert newest_checkpoint(tmp_path / "run")["resumed"]
    assert same_result(tmp_path / "run", tmp_path / "whole" / "run")


@pytest.mark.slow  # several processes that take seconds to start
@pytest.mark.parametrize("split", ["groups", "batch", "hybrid"])
def test_same_command_gives_the_same_run(tmp_path: Path, split: str) -> None:
    for name in ("a", "b"):
        finish(tmp_path, *ARGUMENTS, "--gpus", "2", "--split", split, "--out", name, "--steps", "20")
    assert same_result(tmp_path / "a", tmp_path / "b")


@pytest.mark.slow  # several processes that take seconds to start
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("to_all", [False, True], ids=["to the launcher", "to all processes"])
def test_signal_lets_workers_finish_the_step_and_save(tmp_path: Path, number: signal.Signals, to_all: bool) -> None:
    training = start(tmp_path, *ARGUMENTS, *LONG)
    training.wait_for_log(12)
    if to_all:
        os.killpg(training.process.pid, number)
    else:
        training.process.send_signal(number)
    assert training.wait(60) == 128 + number
    step = newest_checkpoint(tmp_path / "run")["step"]
    assert training.out.startswith(f"interrupted after step {step}; everything up to there is saved\n")
    again = "press Ctrl-C" if number == signal.SIGINT else "send the signal"
    assert training.err == f"stopping after this step and saving; {again} again to stop at once\n"
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
    assert training.temporary_files() == []


@pytest.mark.slow  # several processes that take seconds to start
def test_second_signal_ends_workers_at_once(tmp_path: Path) -> None:
    training = start(tmp_path, *ARGUMENTS, *LONG)
    training.wait_for_log(12)
    workers = list(training.workers().values())
    training.process.send_signal(signal.SIGINT)
    wait_until(lambda: "press Ctrl-C again" in training.err, 10)
    training.process.send_signal(signal.SIGTERM)
    assert training.wait(10) in (143, 130)  # 130 if the step ended before the second signal
    assert all_end(workers, 2)
    assert training.err == "stopping after this step and saving; press Ctrl-C again to stop at once\n"
    assert training.temporary_files() == []


@pytest.mark.slow  # several processes that take seconds to start
def test_signal_before_the_first_step_ends_workers_at_once(tmp_path: Path) -> None:
    """While 400 images of 12 million pixels are being read, there is no step to finish and nothing to save."""
    photos = tmp_path / "photos"
    for name in "abcd":
        (photos / name).mkdir(parents=True)
    Image.effect_noise((4000, 3000), 60).save(photos / "a" / "0.jpg")
    for number in range(1, 400):
        os.link(photos / "a" / "0.jpg", photos / "abcd"[number % 4] / f"{number}.jpg")
    training = start(tmp_path, "tiny.net", "--data", "photos", "--threads", "1", "--quiet", *LONG)
    wait_until(lambda: (tmp_path / "run" / "run.json").exists(), 60)
    workers = list(training.workers().values())
    assert len(workers) >= 2
    training.process.send_signal(signal.SIGINT)
    assert training.wait(5) == 130
    assert all_end(workers, 2)
    assert (training.out, training.err) == ("", "interrupted\n")
    assert training.temporary_files() == []


@pytest.mark.slow  # several processes that take seconds to start
def test_workers_end_when_their_launcher_is_killed(tmp_path: Path) -> None:
    training = start(tmp_path, *ARGUMENTS, *LONG)
    training.wait_for_log(12)
    workers = list(training.workers().values())
    assert len(workers) == 2
    training.process.kill()
    training.wait(10)
    assert all_end(workers, 30)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"


@pytest.mark.slow  # several processes that take seconds to start
def test_full_disk_is_reported_once(tmp_path: Path) -> None:
    training = start(tmp_path, *ARGUMENTS, *LONG, largest=24_000)
    assert training.wait(60) == 1
    assert training.err.splitlines() == [
        "Error: cannot write the run's files: File too large",
        "  when there is room again, remove run, which has no checkpoint, and start anew",
    ]
    assert training.temporary_files() == []


@pytest.mark.slow  # several processes that take seconds to start
@pytest.mark.parametrize(
    ("options", "code", "error"),
    [
        (("--data", "nowhere"), 2, "there is no data source and no folder called nowhere"),
        (("--data", "photos"), 1, "photos has 2 classes, tiny has 4 outputs"),
        (("--set", "train.batch=2000"), 1, "synthetic has 1,024 training images, a batch has 2,000"),
        (("--set", "conv.lr=1e30"), 1, r".* at step \d+: training has diverged"),
        (("--out", "/proc/run"), 2, "cannot make the run's folder /proc/run"),
    ],
)
def test_error_is_reported_once(tmp_path: Path, options: tuple[str, ...], code: int, error: str) -> None:
    image_folder(tmp_path / "photos" / "train", {"cat": 20, "dog": 20})
    training = start(tmp_path, *ARGUMENTS, "--gpus", "2", *options)
    assert training.wait(60) == code
    assert re.match(f"Error: {error}", training.err), training.err
    assert training.err.count("Error:") == 1
    assert "Traceback" not in training.err
    assert training.out == ""


@pytest.mark.slow  # several processes that take seconds to start
@pytest.mark.parametrize("split", ["groups", "batch"])
def test_unreadable_images_are_reported_once_and_left_out(tmp_path: Path, split: str) -> None:
    """The counts are those of a single process, also after resuming in the middle of an epoch."""
    image_folder(tmp_path / "photos" / "train", dict.fromkeys("abcd", 20))
    for name in ("a/3.jpg", "b/0.jpg", "c/19.jpg", "c/4.jpg"):
        (tmp_path / "photos" / "train" / name).write_bytes(b"")
    command = (*ARGUMENTS, "--data", "photos", "--batch", "8")
    one = finish(tmp_path, *command, "--out", "one")
    two = finish(tmp_path, *command, "--gpus", "2", "--split", split, "--steps", "13", "--out", "two")
    assert sorted(two.err.splitlines()) == sorted(one.err.splitlines())
    assert two.err.count("the file is empty") == 4
    finish(tmp_path, "--resume", "two", "--epochs", "3", "--steps", "9999", "--quiet")
    counts = [json.loads((tmp_path / name / "run.json").read_text())["counts"] for name in ("one", "two")]
    assert counts[0] == counts[1]
    assert counts[0]["train"]["skipped"] == 12 - 3 * counts[0]["validation"]["skipped"]


@pytest.mark.slow  # several processes that take seconds to start
def test_options_work_on_several_devices(tmp_path: Path) -> None:
    """bfloat16, channels last in memory, and accumulation."""
    options = ("--precision", "bf16", "--set", "train.channels_last=yes", "--set", "train.accumulate=2")
    for split, gpus in (("batch", "2"), ("groups", "4")):
        training = finish(
            tmp_path, *ARGUMENTS, *options, "--split", split, "--gpus", gpus, "--steps", "20", "--out", split
        )
        assert training.err == ""
        assert newest_checkpoint(tmp_path / split)["found"]["top1"] > 0.9


@pytest.mark.slow  # several processes that take seconds to start
def test_torchrun_gives_the_same_run_as_gpus(tmp_path: Path) -> None:
    finish(tmp_path, *ARGUMENTS, "--out", "started", "--gpus", "2", "--steps", "20")
    training = finish(tmp_path, *ARGUMENTS, "--out", "run", "--steps", "20", program=multi_device.TORCHRUN)
    assert same_result(tmp_path / "run", tmp_path / "started")
    assert training.out.splitlines()[-1] == "run: run"


@pytest.mark.slow  # several processes that take seconds to start
def test_ctrl_c_to_torchrun_saves_the_run(tmp_path: Path) -> None:
    arguments = (*ARGUMENTS, "--out", "run", "--epochs", "9999")
    training = start(tmp_path, *arguments, program=multi_device.TORCHRUN)
    training.wait_for_log(12)
    os.killpg(training.process.pid, signal.SIGINT)
    training.wait(60)
    assert training.out.startswith("interrupted after step ")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["state"] == "interrupted"
