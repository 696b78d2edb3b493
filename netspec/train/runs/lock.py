"""One process at a time trains in a run's folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from netspec.train.errors import TrainError
from netspec.train.runs.runfolder import LOCK, read_facts

if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder meanwhile.

    Raises
    ------
    TrainError
        Another process is training there, or the folder cannot be written. (A file system that knows no locks keeps
        nobody out.)
    """
    try:
        handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as problem:
        raise TrainError(f"cannot write in {folder}: {problem.strerror}") from problem
    try:
        try:
            _take(handle)
        except (BlockingIOError, PermissionError) as taken:
            raise TrainError(
                f"another process is training in {folder}{_who(folder)}", "wait for it, or end it"
            ) from taken
        except OSError:
            pass  # no locks on this file system
        yield
    finally:
        os.close(handle)


def _who(folder: Path) -> str:
    """``: process 1234 on spruce``, as ``run.json`` has it."""
    try:
        process = read_facts(folder)["process"]
        return f": process {process['pid']} on {process['host']}"
    except (KeyError, TypeError):
        return ""
