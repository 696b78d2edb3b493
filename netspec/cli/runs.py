"""Shared by the commands about trained networks: recognising runs and data, and printing errors and warnings."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from netspec.formatting import printable

if TYPE_CHECKING:
    from netspec.train.data.splits import Unreadable
    from netspec.train.errors import TrainError

MAX_LISTED = 10
"""How many unreadable images are named; the others are only counted."""


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Print a ``TrainError`` on standard error and exit: 1 for a wrong run or wrong data, 2 for a wrong command."""
    from netspec.train.errors import TrainError
    from netspec.train.memory import memory_errors

    # Pillow warns about damaged files that it can read all the same. Files that it cannot read are reported by name.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with memory_errors("fewer images at a time need less"):
            yield
    except TrainError as problem:
        print_error(problem)
        sys.exit(problem.exit_code)


def require_existing(*runs: Path, data: str | None = None) -> None:
    """Check that the runs and the data on the command line exist, before the seconds that importing torch takes.

    Raises ``RequestError``.
    """
    from netspec.train.data.source import require_source
    from netspec.train.runs.named import require_path

    for run in runs:
        require_path(run)
    if data is not None:
        require_source(data)


def names_data(path: Path) -> bool:
    """Whether an argument in the place of a spec or a run names data: a source, or a folder that is not a run's.

    A folder inside a run's folder, or with a run in it, counts as a run's.
    """
    from netspec.train.data.source import FORMATS, WORDS
    from netspec.train.runs.runfolder import is_run

    if str(path) in WORDS or str(path).partition(":")[0] in FORMATS:
        return not path.exists()
    return path.is_dir() and not any(map(is_run, (path, path.parent, *path.glob("*/"))))


def print_error(problem: TrainError) -> None:
    """Print an error on standard error, with its notes below it."""
    click.echo(f"Error: {printable(problem.message)}", err=True)
    for note in problem.notes:
        click.echo(f"  {printable(note)}".rstrip(), err=True)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    click.echo(f"warning: {printable(text)}", err=True)


def note_printer(quiet: bool) -> Callable[[str], None]:
    """Return a function that prints a note on standard error, or with ``quiet`` does nothing."""
    return lambda text: None if quiet else click.echo(printable(text), err=True)


class Unread:
    """Warns about unreadable images: once for each of the first ``MAX_LISTED``, then once that there are more."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def __call__(self, problem: Unreadable) -> None:
        if problem.path in self._seen:
            return
        self._seen.add(problem.path)
        if len(self._seen) <= MAX_LISTED:
            warn(f"{problem.path} left out: {problem.reason}")
        elif len(self._seen) == MAX_LISTED + 1:
            warn("more images cannot be read; the result counts them")
