"""Progress of long work on countable items: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from netspec.formatting import format_count, format_rate

SECONDS_BETWEEN_LINES = 10.0
"""The minimum time between lines when the output is not a terminal."""


def on_terminal(console: Console) -> bool:
    """Whether a console can redraw a progress bar in place."""
    return console.is_terminal and not console.is_dumb_terminal


class Counter:
    """Shows ``done`` of ``total``. A context manager.

    Parameters
    ----------
    title:
        The activity, such as ``packing``.
    console:
        The output, by default standard error.
    """

    def __init__(
        self,
        title: str,
        total: int,
        *,
        quiet: bool = False,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        console = console if console is not None else Console(stderr=True)
        self._title, self._total = title, total
        self._console, self._clock = console, clock
        self._start = self._last = clock()
        self._first = 0
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._quiet = quiet
        if not quiet and on_terminal(console):
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[speed]}"),
                TimeRemainingColumn(compact=True),
                console=console,
                transient=True,
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._task = self._bar.add_task(self._title, total=self._total, speed="")
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin_at(self, done: int) -> None:
        """Set the number of items done before this process started; they do not count towards its speed."""
        self._first = done
        self.update(done)

    def update(self, done: int) -> None:
        """Show that ``done`` items are done."""
        now = self._clock()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, speed=self._speed(done, now))
        elif not self._quiet and now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            counted = f"{format_count(done)} of {format_count(self._total)} images"
            line = f"{self._title}: {counted}, {self._speed(done, now)}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _speed(self, done: int, now: float) -> str:
        seconds = max(now - self._start, 1e-9)
        return f"{format_rate((done - self._first) / seconds)} images/s"
