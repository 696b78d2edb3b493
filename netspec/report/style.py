"""How a table writes its numbers: for people, or bare, for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netspec import units


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0:.6g}"


def _times(factor: float) -> str:
    return f"{units.plain(round(factor, 2))} times"


@dataclass(frozen=True, slots=True)
class Style:
    """A count, a part of a whole in per cent, an amount of bytes and a factor, as text; ``memory`` heads the bytes."""

    count: Callable[[int], str]
    percent: Callable[[int, int], str]
    size: Callable[[int], str]
    times: Callable[[float], str]
    memory: str


READABLE = Style(units.count, units.percent, units.size, _times, "memory")
BARE = Style(str, _share, str, "{:.6g}".format, "memory (bytes)")
"""Every number as a program reads it: no separators, no units."""
