"""Starting the processes of a training on several devices of this machine, and telling how they ended.

torchrun's own launcher starts them and ends all when one dies. The signals that ask for the end are this process's
business: the workers ignore Ctrl-C, and are told by a file in a folder that all know, so that all finish the same
step.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from netspec.train.errors import TrainError
from netspec.train.interrupt import Stop, stop_on_signals
from netspec.train.runfolder import resuming

FOLDER = "NETSPEC_CREW"
"""The environment variable by which workers find the folder."""

_STOP, _RUN = "stop", "run"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the processes ended: the exit code for the whole, and what is to be told about a process that failed."""

    code: int
    lines: tuple[str, ...] = ()


def launch(arguments: Sequence[str], processes: int) -> Ended:
    """Run ``netspec ARGUMENTS`` in so many processes of one training, and wait for them."""
    with TemporaryDirectory(prefix="netspec-crew-") as folder, stop_on_signals() as stop:
        found: list[Ended] = []
        worker = threading.Thread(target=lambda: found.append(_run(arguments, processes, Path(folder))))
        worker.start()
        while worker.is_alive():
            worker.join(0.1)
            if stop():
                Path(folder, _STOP).write_text(str(stop.signal))
        return found[0]


def _run(arguments: Sequence[str], processes: int, folder: Path) -> Ended:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # it tells of failures by tracebacks of its own
    os.environ[FOLDER] = str(folder)
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=f"netspec-{os.getpid()}",
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",
        max_restarts=0,
        monitor_interval=0.1,
    )
    try:
        elastic_launch(config, sys.executable)("-m", "netspec", *arguments)
    except ChildFailedError as problem:
        return _failed(problem, folder)
    return Ended(_code(folder) or 0)


def _failed(problem: Any, folder: Path) -> Ended:
    """What to tell of processes of which at least one failed: what the first of them said of itself, or how it died."""
    rank, failure = problem.get_first_failure()
    said = sorted((json.loads(path.read_text("utf-8")) for path in folder.glob("error-*.json")), key=lambda x: x["at"])
    interrupted = _code(folder)
    if interrupted:
        return Ended(interrupted)
    if said:
        first = said[0]
        who = "" if first["rank"] == 0 or (len(said) > 1 and first["alike"]) else f"process {first['rank']}: "
        return Ended(first["code"], (f"Error: {who}{first['message']}", *(f"  {note}" for note in first["notes"])))
    how = (
        f"signal {-failure.exitcode} ({signal.Signals(-failure.exitcode).name})"
        if failure.exitcode < 0
        else (f"exit code {failure.exitcode}")
    )
    lines = [f"Error: process {rank} of the training died: {how}; the others were ended"]
    if (folder / _RUN).exists():
        lines.append(f"  to go on from the last checkpoint: {resuming(Path((folder / _RUN).read_text('utf-8')))}")
    return Ended(1, tuple(lines))


def _code(folder: Path) -> int | None:
    """The exit code that the leader left, where it was interrupted."""
    try:
        return int((folder / "code").read_text())
    except FileNotFoundError:
        return None


@contextmanager
def stop_with_the_others() -> Iterator[Stop]:
    """While this lasts, the launcher's word asks for the end; without a launcher, this process's own signals do."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        with stop_on_signals() as stop:
            yield stop
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield _Told(Path(folder), os.getppid())


class _Told(Stop):
    """Asked for by the launcher, or by its death."""

    def __init__(self, folder: Path, launcher: int) -> None:
        super().__init__()
        self._file = folder / _STOP
        self._launcher = launcher

    def __call__(self) -> bool:
        if self.signal is None:
            if os.getppid() != self._launcher:
                self.signal = int(signal.SIGTERM)
            elif self._file.exists():
                self.signal = int(self._file.read_text() or signal.SIGTERM)
        return self.signal is not None


def report_error(problem: TrainError, rank: int) -> bool:
    """Leave word of an error for the launcher; ``False`` where there is none, and the process must speak itself."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return False
    told = {"rank": rank, "message": problem.message, "notes": list(problem.notes), "code": problem.exit_code,
            "at": time.time()}  # fmt: skip
    Path(folder, f"error-{rank}.json").write_text(json.dumps(told), "utf-8")
    return True


def report_run(run: Path) -> None:
    """Leave word of the run's folder."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        Path(folder, _RUN).write_text(str(run), "utf-8")


def report_code(code: int) -> None:
    """Leave word of the exit code of a training that was interrupted."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        Path(folder, "code").write_text(str(code))
