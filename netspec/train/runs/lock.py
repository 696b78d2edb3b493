"""The lock that keeps two processes from training in the same run folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from netspec.train.errors import TrainError
from netspec.train.locking import LockHeld, exclusive_lock
from netspec.train.runs.runfolder import LOCK, read_facts


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock a run's folder against other processes.

    Raises
    ------
    TrainError
        Another process is training there, or the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive_lock(folder / LOCK))
        except LockHeld as error:
            message = f"another process is training in {folder}{_holder(folder)}"
            raise TrainError(message, "wait for it, or end it") from error
        except OSError as problem:
            raise TrainError(f"cannot write in {folder}: {problem.strerror}") from problem
        yield


def _holder(folder: Path) -> str:
    """Return ``: process 1234 on spruce`` according to ``run.json``, or an empty string if it does not say."""
    try:
        process = read_facts(folder)["process"]
        return f": process {process['pid']} on {process['host']}"
    except (KeyError, TypeError):
        return ""
