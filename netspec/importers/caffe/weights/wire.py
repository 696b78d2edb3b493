"""The binary format of protocol buffers, as far as Caffe's files need it.

A message is a sequence of fields, each a key and a value. The key is number * 8 + kind, and the kind says how the value
is stored: as an integer of seven bits a byte (0), as eight bytes (1), as a length and so many bytes (2), or as four
bytes (5). See https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, EIGHT_BYTES, BYTES, FOUR_BYTES = 0, 1, 2, 5
_FIXED = {EIGHT_BYTES: 8, FOUR_BYTES: 4}
_MAX_DIGITS = 10


class Malformed(Exception):
    """The bytes are not a message."""


class Field(NamedTuple):
    """A field of a message: its number, its kind, and its value, an integer for ``VARINT``, otherwise the bytes."""

    number: int
    kind: int
    integer: int
    content: memoryview


def fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message in their order, without copying them. Raises ``Malformed``."""
    place, empty = 0, message[:0]
    while place < len(message):
        key, place = _integer(message, place)
        number, kind = key >> 3, key & 7
        if not number:
            raise Malformed("a field has the number 0")
        if kind == VARINT:
            value, place = _integer(message, place)
            yield Field(number, kind, value, empty)
            continue
        if kind == BYTES:
            length, place = _integer(message, place)
        elif kind in _FIXED:
            length = _FIXED[kind]
        else:
            raise Malformed(f"a field is of kind {kind}, which Caffe's files do not have")
        if length > len(message) - place:
            raise Malformed(f"a field of {length:,} bytes begins {len(message) - place:,} bytes before the end")
        yield Field(number, kind, 0, message[place : place + length])
        place += length


def integers(packed: memoryview) -> list[int]:
    """Return the integers of a packed field. Raises ``Malformed``."""
    place, values = 0, []
    while place < len(packed):
        value, place = _integer(packed, place)
        values.append(value)
    return values


def _integer(data: memoryview, place: int) -> tuple[int, int]:
    """Return the integer at a place, and the place behind it."""
    value = 0
    for digit in range(_MAX_DIGITS):
        if place + digit >= len(data):
            raise Malformed("it ends within a number")
        byte = data[place + digit]
        value |= (byte & 0x7F) << (7 * digit)
        if byte < 0x80:
            return value, place + digit + 1
    raise Malformed("a number has more than ten bytes")
