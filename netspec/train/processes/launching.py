"""Launching the processes of a training on several devices of this machine, and reporting how they ended.

torchrun's launcher starts the workers, and ends all of them when one dies. Only the launching process handles signals:
workers ignore Ctrl-C, and learn of a stop through a file in a shared folder, so that all of them finish the same step.
Before the first step, or at a second signal, the workers are killed.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from netspec.train.errors import TrainError
from netspec.train.files import write_atomically
from netspec.train.interrupt import HardStop, Stop, stop_on_signals
from netspec.train.processes.environment import FOLDER
from netspec.train.runs.runfolder import resuming

_LAUNCHER, _BEGUN, _STOP, _RUN, _CODE = "launcher", "begun", "stop", "run", "code"
_PROCESS = "process-"
_BROKEN_PIPE = 128 + 13
"""The exit code of a command whose output nobody reads any more (SIGPIPE): ``netspec train ... | head -1``."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the processes ended: the overall exit code, and the lines to print about a process that failed."""

    code: int
    lines: tuple[str, ...] = ()


def launch(arguments: Sequence[str], processes: int) -> Ended:
    """Run ``netspec ARGUMENTS`` in several processes that train together, and wait for them."""
    with (
        TemporaryDirectory(prefix="netspec-world-") as folder,
        stop_on_signals(_hard_stop(Path(folder))) as stop,
        ThreadPoolExecutor(1, "netspec-launcher") as pool,
    ):
        Path(folder, _LAUNCHER).write_text(str(os.getpid()))
        running = pool.submit(_run, arguments, processes, Path(folder))
        while not wait((running,), 0.1).done and not stop():
            pass
        if stop():
            _write(Path(folder, _STOP), str(stop.signal))
        return running.result()


def _hard_stop(folder: Path) -> HardStop:
    """Return how to kill all processes and delete their shared folder."""

    def cleanup() -> None:
        for file in folder.glob(f"{_PROCESS}*"):
            pid = int(file.read_text())
            with suppress(ProcessLookupError):
                # torch starts each in a session of its own; killing its process group includes child processes.
                (os.killpg if os.getsid(pid) == pid else os.kill)(pid, signal.SIGKILL)
        for _ in range(10):  # other threads may still be writing into it
            shutil.rmtree(folder, ignore_errors=True)

    return HardStop(cleanup, lambda: not (folder / _BEGUN).exists())


def _run(arguments: Sequence[str], processes: int, folder: Path) -> Ended:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    logging.getLogger("torch.distributed").setLevel(logging.CRITICAL)  # it would log tracebacks of failed workers
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
        logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
    )
    try:
        # With -m, Python puts the current folder on sys.path; -P prevents that, unless this process has it there too.
        options = () if {"", str(Path.cwd())} & set(sys.path) else ("-P",)
        elastic_launch(config, sys.executable)(*options, "-m", "netspec", *arguments)
    except ChildFailedError as problem:
        return _failed(problem, folder)
    finally:
        del os.environ[FOLDER]  # a later training in this process has no launcher
    return Ended(_code(folder) or 0)


def _failed(problem: Any, folder: Path) -> Ended:
    """Return what to report when at least one process has failed.

    In order of preference: the first error that a process reported itself; how a process died that reported none; the
    first report of a lost connection, which does not give the cause. Nothing is reported of a training that ended
    because nobody reads its output, as in a single process.
    """
    interrupted = _code(folder)
    if interrupted:
        return Ended(interrupted)
    reports = [json.loads(path.read_text("utf-8")) for path in folder.glob("error-*.json")]
    reports.sort(key=lambda report: report["at"])
    own_errors = [report for report in reports if not report["lost"]]
    if own_errors:
        error = own_errors[0]
        same = [report for report in own_errors if report["message"] == error["message"]]
        return _reported_error(error, same_elsewhere=len(same) > 1)
    reporting = {report["rank"] for report in reports}
    unreported = {
        rank: failure.exitcode
        for rank, failure in problem.failures.items()
        if failure.exitcode != -signal.SIGTERM and rank not in reporting  # the launcher ends the others with SIGTERM
    }
    if reports and not unreported:
        return _reported_error(reports[0], same_elsewhere=False)
    if unreported.get(0) == _BROKEN_PIPE:
        return Ended(_BROKEN_PIPE)
    first_rank, first_failure = problem.get_first_failure()
    rank, code = min(unreported.items(), default=(first_rank, first_failure.exitcode))
    how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
    lines = [f"Error: process {rank} of the training died: {how}; the others were ended"]
    if (folder / _RUN).exists():
        lines.append(f"  to continue from the last checkpoint: {resuming(Path((folder / _RUN).read_text('utf-8')))}")
    return Ended(1, tuple(lines))


def _reported_error(error: Mapping[str, Any], *, same_elsewhere: bool) -> Ended:
    """Format an error that a process reported, without the rank if others reported the same."""
    who = "" if error["rank"] == 0 or same_elsewhere else f"process {error['rank']}: "
    return Ended(error["code"], (f"Error: {who}{error['message']}", *(f"  {note}" for note in error["notes"])))


def _code(folder: Path) -> int | None:
    """Read the exit code that an interrupted training's main process has left; ``None`` if it was not interrupted."""
    try:
        return int((folder / _CODE).read_text())
    except FileNotFoundError:
        return None


@contextmanager
def stop_with_the_others() -> Iterator[Stop]:
    """Within this context, the launcher can request a stop; without a launcher, signals to this process can."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        with stop_on_signals() as stop:
            yield stop
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = _LauncherStop(Path(folder))
    Path(folder, _BEGUN).touch()
    yield stop


class _LauncherStop(Stop):
    """A stop that the launcher requests, by creating a file or by having died."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder / _STOP
        self._launcher = int((folder / _LAUNCHER).read_text())

    def __call__(self) -> bool:
        if self.signal is None:
            if os.getppid() != self._launcher:
                self.signal = int(signal.SIGTERM)
            elif self._file.exists():
                self.signal = int(self._file.read_text())
        return self.signal is not None


def report_process(rank: int) -> None:
    """Tell the launcher, if there is one, this process's id. Exits if the launcher has already ended."""
    try:
        _tell(f"{_PROCESS}{rank}", str(os.getpid()))
    except FileNotFoundError:
        sys.exit(1)


def report_error(problem: TrainError, rank: int, *, lost: bool = False) -> bool:
    """Report an error to the launcher. Return ``False`` if there is none; the caller must then print the error itself.

    ``lost`` says that the process could not communicate with the others, for which another one may be the cause.
    """
    report = {
        "rank": rank,
        "message": problem.message,
        "notes": list(problem.notes),
        "code": problem.exit_code,
        "at": time.time(),
        "lost": lost,
    }
    return _tell(f"error-{rank}.json", json.dumps(report))


def report_run(run: Path) -> None:
    """Tell the launcher, if there is one, the run's folder."""
    _tell(_RUN, str(run))


def report_code(code: int) -> None:
    """Tell the launcher, if there is one, the exit code of a training that was interrupted."""
    _tell(_CODE, str(code))


def _tell(name: str, text: str) -> bool:
    """Write a file for the launcher. Return whether there is one."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        _write(Path(folder, name), text)
    return folder is not None


def _write(path: Path, text: str) -> None:
    """Write a file atomically, because any of these processes may be killed at any time."""
    write_atomically(path, text.encode())
