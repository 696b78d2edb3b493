"""Starting the processes of a training on several devices of this machine, and telling how they ended.

torchrun's own launcher starts them and ends all when one dies. The signals that ask for the end are this process's
business: the workers ignore Ctrl-C, and are told by a file in a folder that all know, so that all finish the same
step. Before the first step, and at a second signal, there is nothing to wait for: they are killed.
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
from netspec.train.files import write_beside
from netspec.train.interrupt import Abrupt, Stop, stop_on_signals
from netspec.train.processes.environment import FOLDER
from netspec.train.runs.runfolder import resuming

_LAUNCHER, _BEGUN, _STOP, _RUN, _CODE = "launcher", "begun", "stop", "run", "code"
_PROCESS = "process-"


@dataclass(frozen=True, slots=True)
class Ended:
    """How the processes ended: the exit code for the whole, and what is to be told about a process that failed."""

    code: int
    lines: tuple[str, ...] = ()


def launch(arguments: Sequence[str], processes: int) -> Ended:
    """Run ``netspec ARGUMENTS`` in so many processes of one training, and wait for them."""
    with (
        TemporaryDirectory(prefix="netspec-crew-") as folder,
        stop_on_signals(_kill(Path(folder))) as stop,
        ThreadPoolExecutor(1, "netspec-launcher") as pool,
    ):
        Path(folder, _LAUNCHER).write_text(str(os.getpid()))
        running = pool.submit(_run, arguments, processes, Path(folder))
        while not wait((running,), 0.1).done and not stop():
            pass
        if stop():
            _write(Path(folder, _STOP), str(stop.signal))
        return running.result()


def _kill(folder: Path) -> Abrupt:
    """How all processes are ended at once, and the folder through which they speak is taken away."""

    def clear() -> None:
        for file in folder.glob(f"{_PROCESS}*"):
            pid = int(file.read_text())
            with suppress(ProcessLookupError):
                # torch starts each in a session of its own; its data readers are in it.
                (os.killpg if os.getsid(pid) == pid else os.kill)(pid, signal.SIGKILL)
        for _ in range(10):  # the other threads go on writing into it
            shutil.rmtree(folder, ignore_errors=True)

    return Abrupt(clear, lambda: not (folder / _BEGUN).exists())


def _run(arguments: Sequence[str], processes: int, folder: Path) -> Ended:
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
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
        logs_specs=DefaultLogsSpecs(log_dir=str(folder)),
    )
    try:
        # Python looks for modules beside its script; with -m that is the folder where the user is, unless it is told.
        here = () if {"", str(Path.cwd())} & set(sys.path) else ("-P",)
        elastic_launch(config, sys.executable)(*here, "-m", "netspec", *arguments)
    except ChildFailedError as problem:
        return _failed(problem, folder)
    finally:
        del os.environ[FOLDER]  # a training in this process later on has no launcher
    return Ended(_code(folder) or 0)


def _failed(problem: Any, folder: Path) -> Ended:
    """What to tell of processes of which at least one failed: what the first of them said of itself, or how it died.

    A process whose connection to another broke comes last: it says nothing of why.
    """
    interrupted = _code(folder)
    if interrupted:
        return Ended(interrupted)
    said = sorted((json.loads(path.read_text("utf-8")) for path in folder.glob("error-*.json")), key=lambda x: x["at"])
    own = [each for each in said if not each["lost"]]
    if own:
        return _told(own[0], alike=sum(each["message"] == own[0]["message"] for each in own) > 1)
    silent = {rank: each.exitcode for rank, each in problem.failures.items()
              if each.exitcode != -signal.SIGTERM and rank not in {each["rank"] for each in said}}  # fmt: skip
    if said and not silent:
        return _told(said[0], alike=False)
    first, failure = problem.get_first_failure()
    rank, code = min(silent.items(), default=(first, failure.exitcode))
    how = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
    lines = [f"Error: process {rank} of the training died: {how}; the others were ended"]
    if (folder / _RUN).exists():
        lines.append(f"  to go on from the last checkpoint: {resuming(Path((folder / _RUN).read_text('utf-8')))}")
    return Ended(1, tuple(lines))


def _told(error: Mapping[str, Any], *, alike: bool) -> Ended:
    """An error of a process; ``alike`` says that others had the same, so that it matters not whose it is."""
    who = "" if error["rank"] == 0 or alike else f"process {error['rank']}: "
    return Ended(error["code"], (f"Error: {who}{error['message']}", *(f"  {note}" for note in error["notes"])))


def _code(folder: Path) -> int | None:
    """The exit code that the leader has left in the folder; ``None`` where it was not interrupted."""
    try:
        return int((folder / _CODE).read_text())
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
    told = _Told(Path(folder))
    Path(folder, _BEGUN).touch()
    yield told


class _Told(Stop):
    """An end that the launcher asks for, by a file, or by being gone."""

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
    """Leave word of this process's number. Where the launcher has been ended meanwhile, this process ends too."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        try:
            _write(Path(folder, f"{_PROCESS}{rank}"), str(os.getpid()))
        except FileNotFoundError:
            sys.exit(1)


def report_error(problem: TrainError, rank: int, *, lost: bool = False) -> bool:
    """Leave word of an error for the launcher; ``False`` where there is none, and the process must speak itself.

    ``lost`` says that the error is no more than that another process is gone.
    """
    folder = os.environ.get(FOLDER)
    if folder is None:
        return False
    told = {"rank": rank, "message": problem.message, "notes": list(problem.notes), "code": problem.exit_code,
            "at": time.time(), "lost": lost}  # fmt: skip
    _write(Path(folder, f"error-{rank}.json"), json.dumps(told))
    return True


def report_run(run: Path) -> None:
    """Tell the launcher, if there is one, where the run's folder is."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        _write(Path(folder, _RUN), str(run))


def report_code(code: int) -> None:
    """Tell the launcher, if there is one, the exit code of a training that was interrupted."""
    folder = os.environ.get(FOLDER)
    if folder is not None:
        _write(Path(folder, _CODE), str(code))


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all: any of these processes may be ended at any time."""
    write_beside(path, text.encode())
