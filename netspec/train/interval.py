"""Intervals between checkpoints: a number of steps, or an amount of time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

_TEXT = re.compile(r"([0-9]{1,9})\s*([A-Za-zµ]*)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}
EXPECTED = "a number of steps (500), or a time with its unit: 30s, 10min, 2h"


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval of ``count`` steps, seconds, minutes or hours."""

    count: int
    unit: Literal["steps", "s", "min", "h"]

    def __str__(self) -> str:
        return str(self.count) if self.unit == "steps" else f"{self.count}{self.unit}"

    @property
    def seconds(self) -> int | None:
        """The interval in seconds; ``None`` if it counts steps."""
        return None if self.unit == "steps" else self.count * _SECONDS[self.unit]


def read_interval(text: str) -> Interval:
    """Parse ``500``, ``30s``, ``10min`` or ``2h``.

    Raises
    ------
    ValueError
        The text is something else; the message says what is wrong.
    """
    match = _TEXT.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is neither a number of steps nor a time; write {EXPECTED}")
    count, unit = int(match[1]), match[2].lower()
    if count == 0:
        raise ValueError(f"{text!r} is not an interval: it must be at least 1")
    if unit in ("", "step", "steps"):
        return Interval(count, "steps")
    for candidate in ("s", "min", "h"):
        if unit == candidate:
            return Interval(count, candidate)
    raise ValueError(f"{match[2]!r} in {text!r} is not a unit of time; write {EXPECTED}")


class Due:
    """Decides after which steps an interval is over; time is counted from the last call of ``done``."""

    def __init__(self, interval: Interval, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = interval
        self._clock = clock
        self._last = clock()

    def __call__(self, step: int) -> bool:
        seconds = self._interval.seconds
        if seconds is None:
            return step % self._interval.count == 0
        return self._clock() - self._last >= seconds

    def done(self) -> None:
        """Start the next interval now."""
        self._last = self._clock()
