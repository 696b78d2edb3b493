"""The numbers of a ``.weights`` file: ``save_weights_upto`` and ``load_weights_upto`` of src/parser.c."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netspec.check.report import Findings
from netspec.diagnostics.model import source_error
from netspec.formatting import format_count, format_sizes, plural
from netspec.importers.darknet.site import Piece
from netspec.importers.spec.parameters import shapes_of
from netspec.importers.spec.report import raise_errors
from netspec.ir.graph import Graph
from netspec.opening import cannot_open
from netspec.source import Source

Array = NDArray[np.float32]

_VERSION_BYTES = 12
"""Three integers: major, minor and revision."""
_IMPOSSIBLE = 1000
"""A version above this one is none: the file is older than versions, and its matrices are transposed."""


class _File(NamedTuple):
    """The numbers behind the header, its version in words, and whether matrices are transposed."""

    numbers: Array
    version: str
    transposed: bool


def read_weights(
    path: Path, graph: Graph, arrays: Mapping[str, int], pieces: Sequence[Piece], source: Source
) -> Mapping[str, Callable[[], Array]]:
    """Return the parameters and running statistics of a network by key, as functions that read them.

    Parameters
    ----------
    graph:
        The network of the spec.
    arrays:
        The numbers of its parameters in ``pieces``, the parts of the file in their order.
    source:
        The ``.cfg`` file.

    Raises
    ------
    CannotOpen
        The file cannot be read.
    SpecError
        ``darknet-weights``: it is not such a file, or its numbers are not those of the network.
    """
    try:
        file = _read(path, source)
    except OSError as error:
        raise cannot_open(path, error) from None
    kept = _kept(pieces, file, path, source)
    findings = Findings(source)
    ends = [*accumulate(math.prod(piece.shape) * keep for piece, keep in zip(pieces, kept, strict=True))]
    shapes = shapes_of(graph)
    result: dict[str, Callable[[], Array]] = {}
    for key, number in arrays.items():
        piece, shape = pieces[number], shapes.get(key)  # --set may have removed it
        if shape is not None and shape != piece.shape:
            message = f"{key} is {format_sizes(shape)}, and {format_sizes(piece.shape)} in {path.name}"
            if not findings.has("darknet-weights", piece.span):
                findings.add("darknet-weights", message, piece.span)
        elif shape is not None and kept[number]:
            own = file.numbers[ends[number] - math.prod(shape) : ends[number]]
            result[key] = partial(_in_order, own, piece, transposed=file.transposed)
        elif shape is not None:
            result[key] = partial(np.full, shape, np.float32(0))
    raise_errors(findings)
    return result


def _read(path: Path, source: Source) -> _File:
    """Read a file. Raises ``OSError``, and ``SpecError`` if it is too short or ends within a number."""
    with path.open("rb") as file:
        header = file.read(_VERSION_BYTES)
    size = path.stat().st_size
    if len(header) < _VERSION_BYTES:
        message = f"{path.name} is no file of Darknet's weights: it has {plural(size, 'byte')}"
        raise source_error("darknet-weights", source, message)
    major, minor, revision = (int(number) for number in np.frombuffer(header, "<i4"))
    versioned = 0 <= major <= _IMPOSSIBLE and 0 <= minor <= _IMPOSSIBLE
    long = versioned and major * 10 + minor >= 2
    start = _VERSION_BYTES + (8 if long else 4)
    version = f"version {major}.{minor}.{revision}" if versioned else "a version older than 0.1"
    if size < start or (size - start) % 4:
        note = f"it has {format_count(size)} bytes, {start} of them before the numbers, which have 4 bytes each"
        raise source_error("darknet-weights", source, f"{path.name} ends within a number", (note,))
    if size == start:
        return _File(np.zeros(0, np.float32), version, transposed=not versioned)
    return _File(np.memmap(path, "<f4", "r", start), version, transposed=not versioned)


def _kept(pieces: Sequence[Piece], file: _File, path: Path, source: Source) -> list[bool]:
    """Return which pieces the file has. Raises ``SpecError`` if it has too few or too many numbers."""
    found = len(file.numbers)
    counts = []
    for with_optional in (True, False):
        kept = [with_optional or not piece.optional for piece in pieces]
        counts.append(sum(math.prod(piece.shape) * keep for piece, keep in zip(pieces, kept, strict=True)))
        if counts[-1] == found:
            return kept
    more = "fewer" if found < counts[-1] else "more"
    message = f"{path.name} has {plural(found, 'number')}, {more} than the {format_count(counts[0])} of the network"
    notes = [f"the file is of {file.version}"]
    ends = accumulate(math.prod(piece.shape) for piece in pieces)  # a file may have the first layers, as of a backbone
    if whole := next((piece for piece, end in zip(pieces, ends, strict=True) if end == found < counts[-1]), None):
        notes.append(f"its numbers end with those of the layer in line {whole.span.line}, {whole.span.text}")
    raise source_error("darknet-weights", source, message, notes)


def _in_order(numbers: Array, piece: Piece, *, transposed: bool) -> Array:
    """Return numbers as the values of a parameter. They are not a view of the file."""
    values = np.array(numbers, np.float32)
    if piece.layout == "matrix" and transposed:
        return values.reshape(piece.shape[::-1]).T.copy()
    if piece.layout == "places":
        filters, rows, columns, *kernel = piece.shape
        return np.moveaxis(values.reshape(rows, columns, filters, *kernel), 2, 0).copy()
    return values.reshape(piece.shape)
