"""What the scripts share: competitors that are processes, and tables."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence

from netspec.timing import clock


def take_turns(competitors: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1) -> dict[str, float]:
    """The median seconds of each competitor over ``rounds`` turns, after ``warm_up`` turns that do not count."""
    return clock.medians(clock.take_turns(competitors, rounds, warm_up=warm_up))


def process(*command: str) -> Callable[[], object]:
    """A competitor that is a whole process. Raises ``CalledProcessError`` where it fails."""
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows of text in columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))
