"""How a training ends that does not come to its end: signals, a full disk, a loss that is no number."""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from run_folders import SPEC, launch, lines_in, newest_checkpoint, read_log, wait_until

from netspec.cli import main
from netspec.train.interrupt import STOPPING
from netspec.train.runs import checkpoint, snapshot

COMMAND = ("tiny.net", "--data", "synthetic", "--threads", "1", "--out", "run")

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to other processes")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(SPEC)


def train(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["train", *arguments])


@pytest.mark.many
@needs_signals
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_after_the_step_with_everything_saved(tmp_path: Path, number: int, code: int) -> None:
    process = launch(tmp_path, *COMMAND, "--epochs", "9999")
    wait_until(lambda: lines_in(Path("run/metrics.jsonl")) > 3)
    os.kill(int(process.pid or 0), number)
    process.join(60)
    out, err = Path("out").read_text().splitlines(), Path("err").read_text()
    assert process.exitcode == code, err
    step = newest_checkpoint(Path("run"))["step"]
    assert out[0] == f"interrupted after step {step:,}; everything so far is saved"
    assert out[1] == "to go on: netspec train --resume run"
    assert STOPPING in err
    assert "Traceback" not in err
    assert [line["step"] for line in read_log(Path("run")) if "loss" in line] == list(range(1, step + 1))
    assert json.loads(Path("run/run.json").read_text())["state"] == "interrupted"


@needs_signals
def test_a_second_signal_ends_at_once_even_in_a_long_computation(tmp_path: Path) -> None:
    """A convolution of 512 images of 3x96x96 by 64 kernels of 11x11 and then 256 of 9x9: minutes."""
    Path("tiny.net").write_text(
        "[image] input 3x96x96 range=1\n[c] conv filters=64 kernel=11 init=gaussian(0.01)\n"
        "[d] conv filters=256 kernel=9 init=gaussian(0.01)\n[fc] fc outputs=4\ntrain batch=512\n"
    )
    process = launch(tmp_path, *COMMAND, "--quiet")
    wait_until(lambda: checkpoint.saved(Path("run/checkpoints")))
    time.sleep(0.3)
    for _ in range(2):
        assert process.exitcode is None
        os.kill(int(process.pid or 0), signal.SIGTERM)
        wait_until(lambda: STOPPING in Path("err").read_text())
    process.join(5)
    assert process.exitcode == 143


@pytest.mark.ci  # several processes
@needs_signals
def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    """A checkpoint gets larger with the first step, when velocities and the place in the epoch come to it."""
    assert train(*COMMAND[:-1], "sizes", "--steps", "1", "--quiet").exit_code == 0
    before, after = (path.stat().st_size for path in checkpoint.saved(Path("sizes/checkpoints")))
    assert after > before + 400
    process = launch(tmp_path, *COMMAND, "--save-every", "3", "--quiet", largest=(before + after) // 2)
    process.join(60)
    assert process.exitcode == 1
    assert Path("err").read_text().splitlines() == [
        "Error: cannot write the run's files: File too large",
        "  the checkpoints written before are intact; when there is room, go on with",
        "    netspec train --resume run",
    ]
    assert [path.name for path in Path("run/checkpoints").iterdir()] == ["step-000000000.pt"]
    assert newest_checkpoint(Path("run"))["step"] == 0
    assert train("--resume", "run", "--quiet").exit_code == 0


def test_a_diverged_run_leaves_the_last_good_checkpoint() -> None:
    """The weights are saved after every step, and looked at before."""
    Path("tiny.net").write_text(SPEC.replace("lr=0.02", "lr=1e30").replace("[norm] batchnorm\n", ""))
    done = train(*COMMAND, "--save-every", "1", "--quiet")
    assert done.exit_code == 1
    assert "training has diverged" in done.stderr
    assert "learning rate is too high" in done.stderr
    state = newest_checkpoint(Path("run"))
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state["weights"].values())
    assert json.loads(Path("run/run.json").read_text())["state"] == "failed"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_one_number_that_is_none_is_enough(wrong: float) -> None:
    numbers = torch.linspace(-1, 1, 60_000)
    assert snapshot.finite(numbers)
    assert snapshot.finite(torch.empty(0))
    numbers[41_234] = wrong
    assert not snapshot.finite(numbers)


def test_no_memory_is_a_message_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch on the CPU says it by an error without a class, numpy and a GPU's allocator and driver by theirs."""
    for problem in (
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 99 bytes"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nand more"),
        torch.AcceleratorError("CUDA error: out of memory\nand more"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ):
        with monkeypatch.context() as patched:
            patched.setattr("netspec.train.loop.train_epoch", _raiser(problem))
            done = train(*COMMAND[:-1], str(Path(f"run-{id(problem)}")))
        assert done.exit_code == 1, done.exception
        told = str(problem).splitlines()[0] if str(problem) else "MemoryError"
        assert f"Error: out of memory: {told}\n  fewer images at a time need less: train accumulate=2" in done.stderr
        assert "curves.png" not in done.stderr


def test_a_gpu_that_fails_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nand more")
    monkeypatch.setattr("netspec.train.loop.train_epoch", _raiser(problem))
    done = train(*COMMAND[:-1], "run")
    assert done.exit_code == 1, done.exception
    assert done.stderr.endswith("Error: the GPU has failed: CUDA error: an illegal memory access was encountered\n")


def test_another_defect_is_none_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.train.loop.train_epoch", _raiser(RuntimeError("shapes differ")))
    assert isinstance(train(*COMMAND).exception, RuntimeError)


def _raiser(problem: Exception) -> Callable[..., bool]:
    def fail(*_: object) -> bool:
        raise problem

    return fail


def test_a_training_on_the_cpu_asks_no_gpu_for_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that has some it would take hundreds of MB of each."""
    for name in ("get_rng_state", "get_rng_state_all", "set_rng_state", "set_rng_state_all"):
        monkeypatch.setattr(f"torch.cuda.{name}", _raiser(AssertionError(name)))
    assert train(*COMMAND, "--steps", "2").exit_code == 0
    assert newest_checkpoint(Path("run"))["random"]["cuda"] == []
    assert train("--resume", "run", "--steps", "3").exit_code == 0
