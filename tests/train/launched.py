"""``netspec train`` on several devices as a process of its own, and the processes that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from running import lines_in, until

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
augment from=10 flip=horizontal colour=pca(0.1)
"""
"""As ``runs.SPEC``, in two groups."""

COMMAND = ("tiny.net", "--data", "synthetic", "--threads", "1", "--quiet")

NETSPEC = (sys.executable, "-m", "netspec")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "netspec")


@dataclass
class Launched:
    """A command that runs in ``folder``; what it leaves of temporary files lies in ``folder/tmp``."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()

    @property
    def err(self) -> str:
        return (self.folder / "err").read_text()

    def left_over(self) -> list[str]:
        """The temporary files that are there still, but for those of torch's inductor."""
        return [path.name for path in (self.folder / "tmp").iterdir() if not path.name.startswith("torchinductor")]

    def logged(self, lines: int) -> None:
        """Wait until the run has logged so many lines."""
        metrics = self.folder / "run" / "metrics.jsonl"
        until(lambda: lines_in(metrics) >= lines or self.process.poll() is not None, 120)
        assert self.process.poll() is None, self.err

    def workers(self) -> dict[int, int]:
        """The process number of each rank."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = process.joinpath("environ").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            here = dict(word.split("=", 1) for word in words if "=" in word)
            if here.get("TMPDIR") == str(self.folder / "tmp") and "RANK" in here:
                found[int(here["RANK"])] = int(process.name)
        return found

    def end(self, seconds: float = 120) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait(seconds)


def start(folder: Path, *arguments: str, program: Sequence[str] = NETSPEC, largest: int | None = None) -> Launched:
    """Run ``netspec train ARGUMENTS`` in a folder with ``tiny.net``. ``largest`` is how many bytes a file may have."""
    (folder / "tmp").mkdir(exist_ok=True)
    if not (folder / "tiny.net").exists():
        (folder / "tiny.net").write_text(SPEC)

    def limit() -> None:
        if largest is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    environment: Mapping[str, str] = {**os.environ, "TMPDIR": str(folder / "tmp"), "NO_COLOR": "1"}
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(
            [*program, "train", *arguments], cwd=folder, env=environment, stdout=out, stderr=err,
            preexec_fn=limit, start_new_session=True,
        )  # fmt: skip
    return Launched(folder, process)


def finished(folder: Path, *arguments: str, program: Sequence[str] = NETSPEC) -> Launched:
    """Run a command to its end, which must be a good one."""
    launched = start(folder, *arguments, program=program)
    assert launched.end() == 0, launched.err
    return launched


def gone(pids: Sequence[int], seconds: float) -> bool:
    """Whether processes are there no longer, after so many seconds at most."""
    deadline = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            for pid in filter(alive, pids):
                os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.05)
    return True


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
