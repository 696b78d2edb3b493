"""What the commands about trained networks share: opening runs, and saying what is wrong with them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from netspec.train.data.picture import Unreadable
    from netspec.train.errors import TrainError

NAMED = 10
"""Unreadable images that are named; of further ones only the number is told."""


@contextmanager
def telling() -> Iterator[None]:
    """Say what ends the command on standard error, and exit: 1 for a wrong run or wrong data, 2 for a wrong command."""
    from netspec.train.errors import TrainError
    from netspec.train.memory import memory_told

    # Pillow grumbles on standard error about files that it reads all the same; what it cannot read is told by name.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with memory_told("fewer images at a time need less"):
            yield
    except TrainError as problem:
        tell_problem(problem)
        sys.exit(problem.exit_code)


def need_named(*runs: Path, data: str | None = None) -> None:
    """Make sure that what the command line names is there, before torch is imported, which takes seconds.

    Raises ``RequestError``.
    """
    from netspec.train.data.source import need_source
    from netspec.train.runs.named import need

    for run in runs:
        need(run)
    if data is not None:
        need_source(data)


def is_run(path: Path) -> bool:
    """Whether a folder is a run's. Asked without importing torch."""
    from netspec.train.runs.runfolder import CHECKPOINTS, FACTS

    return (path / FACTS).is_file() or (path / CHECKPOINTS).is_dir()


def names_data(path: Path) -> bool:
    """Whether what stands where a file or a run is expected is data: a source's name, or a folder without runs."""
    from netspec.train.data.source import FORMATS, WORDS

    if str(path) in WORDS or str(path).partition(":")[0] in FORMATS:
        return not path.exists()
    return path.is_dir() and not any(map(is_run, (path, path.parent, *path.glob("*/"))))


def tell_problem(problem: TrainError) -> None:
    """The message on standard error, its notes below it."""
    from netspec.train.reporting.progress import printable

    click.echo(f"Error: {printable(problem.message)}", err=True)
    for note in problem.notes:
        click.echo(f"  {printable(note)}".rstrip(), err=True)


def warn(text: str) -> None:
    """Something that is wrong and does not stop the command."""
    from netspec.train.reporting.progress import printable

    click.echo(f"warning: {printable(text)}", err=True)


def noting(quiet: bool) -> Callable[[str], None]:
    """What tells notes on standard error; with ``quiet``, nothing does."""
    from netspec.train.reporting.progress import printable

    return lambda text: None if quiet else click.echo(printable(text), err=True)


class Unread:
    """Tells each unreadable image once, the first ``NAMED`` of them by name."""

    def __init__(self) -> None:
        self._known: set[str] = set()

    def __call__(self, problem: Unreadable) -> None:
        if problem.path in self._known:
            return
        self._known.add(problem.path)
        if len(self._known) <= NAMED:
            warn(f"left out, cannot be read: {problem.path}: {problem.reason}")
        elif len(self._known) == NAMED + 1:
            warn("more images cannot be read; the result counts them")
