"""Convert between character offsets in a text and LSP positions.

A position is a zero-based line and a zero-based column. The unit of columns is negotiated when the editor connects;
the default is UTF-16 code units. A line ends at LF, CRLF or CR, as in ``Source``.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from typing import Literal

from netspec.source import Source

Encoding = Literal["utf-8", "utf-16", "utf-32"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A zero-based line and a zero-based column in code units of the agreed encoding."""

    line: int
    character: int


def position(source: Source, offset: int, encoding: Encoding) -> Position:
    """Convert a character offset to a position."""
    line = bisect.bisect_right(source.line_starts, offset) - 1
    return Position(line, _units(source.text[source.line_starts[line] : offset], encoding))


def offset(source: Source, position: Position, encoding: Encoding) -> int:
    """Convert a position to a character offset.

    A column beyond the end of a line means that end, a line after the last one the end of the text, and a column inside
    a character the start of that character.
    """
    if position.line >= len(source.line_starts):
        return len(source.text)
    start, line = source.line_starts[position.line], source.line(position.line + 1)
    if line.isascii():
        return start + min(position.character, len(line))
    remaining = position.character
    for index, character in enumerate(line):
        remaining -= _width(character, encoding)
        if remaining < 0:
            return start + index
    return start + len(line)


def _units(text: str, encoding: Encoding) -> int:
    return len(text) if text.isascii() else sum(_width(character, encoding) for character in text)


def _width(character: str, encoding: Encoding) -> int:
    """Return the number of code units of a character.

    It is computed rather than taken from ``str.encode``, which fails on the lone surrogates that editors may send.
    """
    code = ord(character)
    if encoding == "utf-16":
        return 1 + (code > 0xFFFF)
    if encoding == "utf-8":
        return 1 + (code > 0x7F) + (code > 0x7FF) + (code > 0xFFFF)
    return 1
