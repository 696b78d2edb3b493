"""Shared by the scripts: taking turns, competitors that are processes, and tables."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence

from netspec.timing import clock


def take_turns(competitors: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1) -> dict[str, float]:
    """Return the median wall seconds of each competitor over ``rounds`` turns, after ``warm_up`` uncounted turns."""
    return clock.medians(clock.take_turns(competitors, rounds, warm_up=warm_up))


def process(*command: str) -> Callable[[], object]:
    """Return a competitor that runs a command as a process. It raises ``CalledProcessError`` if the command fails."""
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of text in columns, the first aligned left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))
