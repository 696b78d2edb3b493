"""Fair timing: competitors take turns in one process run, so that a busy moment of the machine hits them all alike."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median


def take_turns(competitors: Mapping[str, Callable[[], object]], rounds: int, warm_up: int = 1) -> dict[str, float]:
    """The median seconds of each competitor over ``rounds`` turns, after ``warm_up`` turns that do not count."""
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for turn in range(warm_up + rounds):
        for name, run in competitors.items():
            start = time.perf_counter()
            run()
            if turn >= warm_up:
                seconds[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in seconds.items()}


def process(*command: str) -> Callable[[], object]:
    """A competitor that is a whole process. Raises ``CalledProcessError`` where it fails."""
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def print_table(rows: Sequence[tuple[str, ...]]) -> None:
    """Rows of text in columns, the first to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]))
