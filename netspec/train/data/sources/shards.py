"""The packed format, its files and their names. docs/data.md describes it to others.

``train-00000.npy`` and so on
    uint8, (up to 2,048, 3, size, size): the images of a split in the order of its listing, red first. The row of an
    image that could not be read is zeros.
``train-labels.npy``
    int32: the class number of every row of the split, -1 for one that could not be read.
``train-files.json``
    The path of every row.
``val-...``
    The same of the validation images, if there are any.
``mean.npy``
    float64, (3, size, size): the mean of the readable training images.
``unreadable.jsonl``
    ``split``, ``path``, ``reason`` of each image that could not be read, if there is one.
``manifest.json``
    Written last: a folder with it is complete. ``colours`` are the covariance of the training pixels' channels, its
    eigenvalues (the smallest first) and its eigenvectors (the columns).
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from netspec.train.data.picture import Frame

FORMAT = "netspec-pack"
VERSION = 1
SHARD = 2048
"""Rows of a shard; the last one of a split may have fewer."""

MANIFEST = "manifest.json"
UNREADABLE = "unreadable.jsonl"
MEAN = "mean.npy"


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a split's pictures: its rows ``start`` to ``stop`` - 1."""

    split: str
    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.split}-{self.number:05d}.npy"


def shards(split: str, rows: int) -> list[Shard]:
    """The shards of a split of so many rows."""
    starts = range(0, rows, SHARD)
    return [Shard(split, number, start, min(start + SHARD, rows)) for number, start in enumerate(starts)]


def header(rows: int, frame: Frame) -> bytes:
    """What stands before the pixels in a shard's file: the header of the .npy format, version 1.0."""
    buffer = io.BytesIO()
    shape = (rows, frame.channels, frame.height, frame.width)
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def bytes_of(shard: Shard, frame: Frame) -> int:
    """The size of a shard's file in bytes."""
    rows = shard.stop - shard.start
    return len(header(rows, frame)) + rows * frame.bytes


def labels_name(split: str) -> str:
    """The file of a split's labels."""
    return f"{split}-labels.npy"


def files_name(split: str) -> str:
    """The file of a split's paths."""
    return f"{split}-files.json"


def as_npy(array: np.ndarray[Any, Any]) -> bytes:
    """An array as a .npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def as_json(value: object, indent: int | None = None) -> bytes:
    """ASCII, so that broken file names survive; a float's digits give the same float back."""
    return (json.dumps(value, indent=indent) + "\n").encode("ascii")
