"""``netspec train`` on several devices, run in a process of its own, and the worker processes that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from run_folders import lines_in, wait_until

SPEC = """\
net tiny
gpus 2
[image] input 3x8x8 range=1 mean=image
[conv] conv filters=8 kernel=3 init=gaussian(0.1) schedule=linear(1, noise=0.2)
[norm] batchnorm
[relu] relu
[drop] dropout
[fc] fc outputs=4 init=gaussian(0.1) reads=all bias_schedule=steps(freeze=1)
[prob] softmax
train epochs=3 batch=32 optimizer=sgd(lr=0.02) ema=0.9 schedule=plateau(patience=1, times=3)
augment from=10 flip=horizontal colour=pca(0.1) mixup=0.4 cutmix=1
"""
"""``run_folders.SPEC`` in two groups."""

ARGUMENTS = ("tiny.net", "--data", "synthetic", "--threads", "1", "--quiet")

NETSPEC = (sys.executable, "-m", "netspec")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "netspec")


@dataclass
class TrainProcess:
    """A ``netspec train`` process running in ``folder``, whose temporary files are in ``folder/tmp``."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def temporary_files(self) -> list[str]:
        """Return the names of the temporary files that exist, except those of torch's inductor."""
        return [path.name for path in (self.folder / "tmp").iterdir() if not path.name.startswith("torchinductor")]

    def wait_for_log(self, lines: int) -> None:
        """Wait until the run's log has at least this many lines. Fail if the process ends."""
        metrics = self.folder / "run" / "metrics.jsonl"
        wait_until(lambda: lines_in(metrics) >= lines or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.err

    def workers(self) -> dict[int, int]:
        """Return the process id of each rank."""
        pids = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = process.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            environment = dict(word.split("=", 1) for word in words if "=" in word)
            if environment.get("TMPDIR") == str(self.folder / "tmp") and "RANK" in environment:
                pids[int(environment["RANK"])] = int(process.name)
        return pids

    def wait(self, seconds: float = 120) -> int:
        """Wait for the process to end, and return its exit code."""
        return self.process.wait(seconds)


def start(folder: Path, *arguments: str, program: Sequence[str] = NETSPEC, largest: int | None = None) -> TrainProcess:
    """Start ``netspec train ARGUMENTS`` in a folder with ``tiny.net``. ``largest`` limits file sizes, in bytes."""
    (folder / "tmp").mkdir(exist_ok=True)
    if not (folder / "tiny.net").exists():
        (folder / "tiny.net").write_text(SPEC)

    def limit_file_size() -> None:
        if largest is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    environment: Mapping[str, str] = {**os.environ, "TMPDIR": str(folder / "tmp"), "NO_COLOR": "1"}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [*program, "train", *arguments], cwd=folder, env=environment, stdout=out, stderr=err,
            preexec_fn=limit_file_size, start_new_session=True,
        )  # fmt: skip
    return TrainProcess(folder, process)


def finish(folder: Path, *arguments: str, program: Sequence[str] = NETSPEC) -> TrainProcess:
    """Run ``netspec train ARGUMENTS``, which must succeed, to its end."""
    training = start(folder, *arguments, program=program)
    assert training.wait() == 0, training.err
    return training


def all_end(pids: Sequence[int], seconds: float) -> bool:
    """Whether all these processes end within so many seconds. Kill those that do not."""
    deadline = time.monotonic() + seconds
    while any(is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            for pid in filter(is_alive, pids):
                os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
