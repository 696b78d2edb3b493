"""Formats of the numbers in a table: readable, or bare for other programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netspec import formatting


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole if whole else 0:.6g}"


def _times(factor: float) -> str:
    return f"{formatting.format_number(round(factor, 2))} times"


@dataclass(frozen=True, slots=True)
class Style:
    """Functions that format a count, a part of a whole in per cent, a number of bytes and a factor. ``memory`` is the
    heading of a column of bytes."""

    count: Callable[[int], str]
    percent: Callable[[int, int], str]
    size: Callable[[int], str]
    times: Callable[[float], str]
    memory: str


READABLE = Style(formatting.format_count, formatting.format_percent, formatting.format_bytes, _times, "memory")
BARE = Style(str, _share, str, "{:.6g}".format, "memory (bytes)")
"""Numbers without separators and units, for programs."""
