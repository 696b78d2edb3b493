"""Trainings that end early: by a signal, a full disk, divergence, lack of memory, or a failing GPU."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from click.testing import Result
from processes import invoke
from run_folders import SPEC, launch, lines_in, newest_checkpoint, read_log, wait_until

from netspec.train.interrupt import STOPPING
from netspec.train.runs import checkpoint, snapshot

ARGUMENTS = ("tiny.net", "--data", "synthetic", "--threads", "1", "--out", "run")

needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to other processes")


@pytest.fixture(autouse=True)
def _in_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("tiny.net").write_text(SPEC)


def train(*arguments: str) -> Result:
    return invoke("train", *arguments)


@pytest.mark.many
@needs_signals
@pytest.mark.parametrize(
    ("number", "code", "again"),
    [
        (signal.SIGINT, 130, "press Ctrl-C again to stop at once"),
        (signal.SIGTERM, 143, "send the signal again to stop at once"),
    ],
)
def test_signal_ends_the_run_after_the_step_with_everything_saved(
    tmp_path: Path, number: int, code: int, again: str
) -> None:
    process = launch(tmp_path, *ARGUMENTS, "--epochs", "9999")
    wait_until(lambda: lines_in(Path("run/metrics.jsonl")) > 3)
    os.kill(int(process.pid or 0), number)
    process.join(60)
    out, err = Path("out").read_text().splitlines(), Path("err").read_text()
    assert process.exitcode == code, err
    step = newest_checkpoint(Path("run"))["step"]
    assert out[0] == f"interrupted after step {step:,}; everything up to there is saved"
    assert out[1] == "to continue: netspec train --resume run"
    assert f"{STOPPING}; {again}\n" in err
    assert "Traceback" not in err
    assert [line["step"] for line in read_log(Path("run")) if "loss" in line] == list(range(1, step + 1))
    assert json.loads(Path("run/run.json").read_text())["state"] == "interrupted"


@pytest.mark.ci
@needs_signals
def test_second_signal_interrupts_a_long_computation(tmp_path: Path) -> None:
    """Convolutions of 512 images of 3x96x96 with 64 kernels of 11x11 and 256 of 9x9, which take minutes."""
    Path("tiny.net").write_text(
        "[image] input 3x96x96 range=1\n[c] conv filters=64 kernel=11 init=gaussian(0.01)\n"
        "[d] conv filters=256 kernel=9 init=gaussian(0.01)\n[fc] fc outputs=4\ntrain batch=512\n"
    )
    process = launch(tmp_path, *ARGUMENTS, "--quiet")
    wait_until(lambda: checkpoint.list_checkpoints(Path("run/checkpoints")))
    time.sleep(0.3)
    for _ in range(2):
        assert process.exitcode is None
        os.kill(int(process.pid or 0), signal.SIGTERM)
        wait_until(lambda: STOPPING in Path("err").read_text())
    process.join(5)
    assert process.exitcode == 143


@pytest.mark.ci  # several processes
@needs_signals
def test_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    """Checkpoints become larger after the first step, when they include velocities and the place in the epoch."""
    assert train(*ARGUMENTS[:-1], "sizes", "--steps", "1", "--quiet").exit_code == 0
    before, after = (path.stat().st_size for path in checkpoint.list_checkpoints(Path("sizes/checkpoints")))
    assert after > before + 400
    process = launch(tmp_path, *ARGUMENTS, "--save-every", "3", "--quiet", largest=(before + after) // 2)
    process.join(60)
    assert process.exitcode == 1
    assert Path("err").read_text().splitlines() == [
        "Error: cannot write the run's files: File too large",
        "  the checkpoints written before are intact; when there is room again, continue with",
        "    netspec train --resume run",
    ]
    assert [path.name for path in Path("run/checkpoints").iterdir()] == ["step-000000000.pt"]
    assert newest_checkpoint(Path("run"))["step"] == 0
    assert train("--resume", "run", "--quiet").exit_code == 0


@pytest.mark.parametrize("failing", ["write_spec", "write_run"])
def test_disk_that_is_full_before_the_first_checkpoint(failing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to resume then, and the run's folder is in the way of another run."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"netspec.train.runs.runfolder.RunFolder.{failing}", full)
        done = train(*ARGUMENTS, "--quiet")
    assert (done.exit_code, done.stderr.splitlines()) == (1, [
        "Error: cannot write the run's files: No space left on device",
        "  when there is room again, remove run, which has no checkpoint, and start anew",
    ])  # fmt: skip
    shutil.rmtree("run")
    assert train(*ARGUMENTS, "--steps", "1", "--quiet").exit_code == 0


def test_diverged_run_leaves_the_last_good_checkpoint() -> None:
    """The weights are saved after every step, but not if they are not finite."""
    Path("tiny.net").write_text(SPEC.replace("lr=0.02", "lr=1e30").replace("[norm] batchnorm\n", ""))
    done = train(*ARGUMENTS, "--save-every", "1", "--quiet")
    assert done.exit_code == 1
    assert "training has diverged" in done.stderr
    assert "learning rate is too high" in done.stderr
    state = newest_checkpoint(Path("run"))
    assert all(bool(torch.isfinite(tensor).all()) for tensor in state["weights"].values())
    assert json.loads(Path("run/run.json").read_text())["state"] == "failed"


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_single_nan_or_infinity_is_detected(wrong: float) -> None:
    numbers = torch.linspace(-1, 1, 60_000)
    assert snapshot.finite(numbers)
    assert snapshot.finite(torch.empty(0))
    numbers[41_234] = wrong
    assert not snapshot.finite(numbers)


def test_out_of_memory_is_reported_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch on the CPU and Triton raise a plain RuntimeError, others classes of their own."""
    for problem in (
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 99 bytes"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nand more"),
        torch.AcceleratorError("CUDA error: out of memory\nand more"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        torch.distributed.DistBackendError("NCCL error in: file, unhandled cuda error\nCuda failure 2 'out of memory'"),
        MemoryError(),
    ):
        with monkeypatch.context() as patched:
            patched.setattr("netspec.train.loop.train_epoch", _raises(problem))
            done = train(*ARGUMENTS[:-1], str(Path(f"run-{id(problem)}")))
        assert done.exit_code == 1, done.exception
        message = str(problem).splitlines()[0] if str(problem) else "MemoryError"
        assert f"Error: out of memory: {message}\n  fewer images at a time need less: train accumulate=2" in done.stderr
        assert "curves.png" not in done.stderr


def test_failing_gpu_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = torch.AcceleratorError("CUDA error: an illegal memory access was encountered\nand more")
    monkeypatch.setattr("netspec.train.loop.train_epoch", _raises(problem))
    done = train(*ARGUMENTS[:-1], "run")
    assert done.exit_code == 1, done.exception
    assert done.stderr.endswith("Error: the GPU has failed: CUDA error: an illegal memory access was encountered\n")


def test_other_runtime_errors_are_not_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.train.loop.train_epoch", _raises(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        train(*ARGUMENTS)


def _raises(problem: Exception) -> Callable[..., bool]:
    def fail(*_: object) -> bool:
        raise problem

    return fail


def test_training_on_the_cpu_does_not_touch_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """Initialising CUDA would take hundreds of MB of each GPU."""
    for name in ("get_rng_state", "get_rng_state_all", "set_rng_state", "set_rng_state_all"):
        monkeypatch.setattr(f"torch.cuda.{name}", _raises(AssertionError(name)))
    assert train(*ARGUMENTS, "--steps", "2").exit_code == 0
    assert newest_checkpoint(Path("run"))["random"]["cuda"] == []
    assert train("--resume", "run", "--steps", "3").exit_code == 0
