"""Writing ``.caffemodel`` files: the binary format of protocol buffers, as Caffe's writer of each time used it."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Form = Literal["today", "v1", "v0"]


def varint(value: int) -> bytes:
    digits = []
    while value >= 0x80:
        digits.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*digits, value))


def field(number: int, content: bytes | int | str) -> bytes:
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    data = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(values: Array, *, legacy: bool = False, double: bool = False, packed: bool = True) -> bytes:
    """Return a message BlobProto, with the shape as num x channels x height x width if it is ``legacy``."""
    if legacy:
        sizes = (1,) * (4 - values.ndim) + values.shape
        shape = b"".join(field(number, size) for number, size in enumerate(sizes, 1))
    else:
        shape = field(7, field(1, b"".join(map(varint, values.shape))) if values.ndim else b"")
    numbers = np.ascontiguousarray(values, dtype="<f8" if double else "<f4")
    if packed:
        return shape + field(8 if double else 5, numbers.tobytes())
    return shape + b"".join(varint(5 << 3 | 5) + struct.pack("<f", value) for value in numbers.ravel())


def caffemodel(layers: Mapping[str, Sequence[Array]], form: Form = "today") -> bytes:
    """Return a file with the blobs of these layers, and a layer without any."""
    return field(1, "net") + b"".join(layer(name, blobs, form) for name, blobs in {"data": (), **layers}.items())


def layer(name: str, blobs: Sequence[Array], form: Form = "today") -> bytes:
    """Return the field of a layer in NetParameter, in the format of a time."""
    if form == "today":
        return field(100, field(1, name) + field(2, "Type") + b"".join(field(7, blob(values)) for values in blobs))
    written = [blob(values, legacy=True) for values in blobs]
    if form == "v1":
        return field(2, field(4, name) + field(5, 4) + b"".join(field(6, one) for one in written))
    return field(2, field(1, field(1, name) + field(2, "conv") + b"".join(field(50, one) for one in written)))
