"""The blobs of a network's layers in a ``.caffemodel`` file.

Such a file is a message NetParameter with a message for each layer, in the format of today (LayerParameter) or one of
the two older ones (V1LayerParameter, or V0LayerParameter inside it). The numbers of the fields are those of
src/caffe/proto/caffe.proto.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.importers.caffe.weights.wire import (
    BYTES,
    EIGHT_BYTES,
    FOUR_BYTES,
    VARINT,
    Field,
    Malformed,
    fields,
    integers,
)

Array = NDArray[np.float32]

_LAYER, _LAYERS = 100, 2
"""The fields of NetParameter with layers of today's format, and with older ones."""
_LAYER_NAME, _LAYER_BLOBS = 1, 7
_V1_LAYER, _V1_NAME, _V1_BLOBS = 1, 4, 6
_V0_NAME, _V0_BLOBS = 1, 50
_NUM, _CHANNELS, _HEIGHT, _WIDTH, _DATA, _SHAPE, _DOUBLES = 1, 2, 3, 4, 5, 7, 8
_DIMENSIONS = 1

MAX_AXES = 32
"""The most axes of a blob (``kMaxBlobAxes``)."""

_HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Blob:
    """Numbers of a layer: ``shape`` is that of the file, and ``values`` reads them as float32 values of this shape.

    ``legacy``: the shape is that of an old file, num x channels x height x width, which has ones before fewer sizes: a
    bias of 96 numbers is 1x1x1x96.
    """

    shape: tuple[int, ...]
    legacy: bool
    chunks: tuple[memoryview, ...]
    bytes_each: int

    def has_shape(self, shape: tuple[int, ...]) -> bool:
        """Whether these are numbers of a shape (``Blob::ShapeEquals``)."""
        if self.legacy:
            return len(shape) <= len(self.shape) and (1,) * (len(self.shape) - len(shape)) + shape == self.shape
        return self.shape == shape

    def values(self) -> Array:
        """Return the numbers. They are not a view of the file."""
        type_ = np.dtype("<f8" if self.bytes_each == 8 else "<f4")
        parts = [np.frombuffer(chunk, dtype=type_) for chunk in self.chunks]
        joined = np.concatenate(parts) if len(parts) != 1 else parts[0]
        return joined.astype(np.float32).reshape(self.shape)


def read_blobs(path: Path) -> Mapping[str, tuple[Blob, ...]]:
    """Return the blobs of each layer that has some, by name. The file's numbers are read when they are asked for.

    Raises
    ------
    OSError
        The file cannot be read.
    Malformed
        It is not a ``.caffemodel`` file, or it is damaged.
    """
    with path.open("rb") as file:
        if not path.stat().st_size:
            raise Malformed("it is empty")
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    if data[: len(_HDF5)] == _HDF5:
        raise Malformed("it is HDF5, a newer format of Caffe's; snapshot_format: BINARYPROTO writes the other one")
    layers: dict[str, tuple[Blob, ...]] = {}
    found = False
    for field in fields(data):
        if field.number in (_LAYER, _LAYERS) and field.kind == BYTES:
            name, blobs = _layer(field.content) if field.number == _LAYER else _old_layer(field.content)
            found = True
            if blobs:
                layers[name] = blobs
    if not found:
        raise Malformed("it has no layers")
    return layers


def _layer(message: memoryview) -> tuple[str, tuple[Blob, ...]]:
    return _named(message, _LAYER_NAME, _LAYER_BLOBS)


def _old_layer(message: memoryview) -> tuple[str, tuple[Blob, ...]]:
    """Return name and blobs of a layer of the second format, or of the first format, which has them in a message."""
    inner = next((f.content for f in fields(message) if f.number == _V1_LAYER and f.kind == BYTES), None)
    return _named(message, _V1_NAME, _V1_BLOBS) if inner is None else _named(inner, _V0_NAME, _V0_BLOBS)


def _named(message: memoryview, name_field: int, blobs_field: int) -> tuple[str, tuple[Blob, ...]]:
    name, blobs = "", []
    for field in fields(message):
        if field.kind == BYTES and field.number == name_field:
            name = bytes(field.content).decode("utf-8", "replace")
        elif field.kind == BYTES and field.number == blobs_field:
            blobs.append(_blob(field.content))
    return name, tuple(blobs)


def _blob(message: memoryview) -> Blob:
    """Read a message BlobProto. Numbers are stored together, or, by old writers, one by one."""
    sizes = dict.fromkeys((_NUM, _CHANNELS, _HEIGHT, _WIDTH), 0)
    shape: tuple[int, ...] = ()
    chunks: dict[int, list[memoryview]] = {_DATA: [], _DOUBLES: []}
    legacy = False
    for field in fields(message):
        if field.number in sizes and field.kind == VARINT:
            sizes[field.number], legacy = field.integer, True
        elif field.number == _SHAPE and field.kind == BYTES:
            shape = _dimensions(field.content)
        elif field.number in chunks and _holds_numbers(field):
            chunks[field.number].append(field.content)
    of_doubles = bool(chunks[_DOUBLES])
    data, each = (chunks[_DOUBLES], 8) if of_doubles else (chunks[_DATA], 4)
    sized = tuple(sizes.values()) if legacy else shape  # as in Caffe, if a file has both
    if len(sized) > MAX_AXES or any(size >= 2**31 for size in sized):
        raise Malformed("a blob has an impossible shape")
    count = sum(map(len, data))
    if count != math.prod(sized) * each:
        shown = " x ".join(map(str, sized)) or "a single number"
        raise Malformed(f"a blob of the shape {shown} has {count:,} bytes of numbers")
    return Blob(sized, legacy, tuple(data), each)


def _holds_numbers(field: Field) -> bool:
    each, single = (8, EIGHT_BYTES) if field.number == _DOUBLES else (4, FOUR_BYTES)
    if field.kind == BYTES and len(field.content) % each:
        raise Malformed("the numbers of a blob do not fill their field")
    return field.kind in (BYTES, single)


def _dimensions(message: memoryview) -> tuple[int, ...]:
    sizes: list[int] = []
    for field in fields(message):
        if field.number == _DIMENSIONS:
            sizes += integers(field.content) if field.kind == BYTES else [field.integer]
    return tuple(sizes)
