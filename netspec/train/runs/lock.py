"""One process at a time trains in a run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from netspec.train.errors import TrainError
from netspec.train.locking import Taken, only_process
from netspec.train.runs.runfolder import LOCK, read_facts


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run's folder meanwhile.

    Raises
    ------
    TrainError
        Another process is training there, or the folder cannot be written.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(only_process(folder / LOCK))
        except Taken as taken:
            told = f"another process is training in {folder}{_who(folder)}"
            raise TrainError(told, "wait for it, or end it") from taken
        except OSError as problem:
            raise TrainError(f"cannot write in {folder}: {problem.strerror}") from problem
        yield


def _who(folder: Path) -> str:
    """``: process 1234 on spruce``, as ``run.json`` has it."""
    try:
        process = read_facts(folder)["process"]
        return f": process {process['pid']} on {process['host']}"
    except (KeyError, TypeError):
        return ""
