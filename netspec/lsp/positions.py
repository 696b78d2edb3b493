"""Offsets in a text, and the positions by which editors mean the same places.

A position is a line and a character in it, both from 0. What counts as one character is agreed upon when the editor
connects: a UTF-16 unit unless it can do better. A line ends at LF, CRLF or CR, as it does in a ``Source``.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Literal

from netspec.source import Source

Encoding = Literal["utf-8", "utf-16", "utf-32"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a character in it, both from 0."""

    line: int
    character: int


def position(source: Source, offset: int, encoding: Encoding) -> Position:
    """The position of an offset."""
    line = bisect.bisect_right(source.line_starts, offset) - 1
    return Position(line, _units(source.text[source.line_starts[line] : offset], encoding))


def offset(source: Source, place: Position, encoding: Encoding) -> int:
    """The offset of a position. One behind a line's end is that end, one below the last line the end of the text, and
    one inside a character the place before it."""
    if place.line >= len(source.line_starts):
        return len(source.text)
    start, line = source.line_starts[place.line], source.line(place.line + 1)
    if line.isascii():
        return start + min(place.character, len(line))
    left = place.character
    for number, character in enumerate(line):
        left -= _width(character, encoding)
        if left < 0:
            return start + number
    return start + len(line)


def _units(text: str, encoding: Encoding) -> int:
    return len(text) if text.isascii() else sum(_width(character, encoding) for character in text)


def _width(character: str, encoding: Encoding) -> int:
    """The units of a character. It is not encoded: an editor's text may hold half of a surrogate pair."""
    code = ord(character)
    if encoding == "utf-16":
        return 1 + (code > 0xFFFF)
    if encoding == "utf-8":
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return 1
