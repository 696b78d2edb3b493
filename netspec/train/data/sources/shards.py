"""The files of the packed format and their names. docs/data.md documents the format for users.

``train-00000.npy`` and so on
    uint8, (up to 2,048, 3, size, size): the images of a split in the order of its listing, channels in RGB order. The
    rows of unreadable images are zeros. If images have masks, (up to 2,048, 4, size, size), with the masks last.
``train-labels.npy``
    int32: the class number of each row of the split, -1 for an unreadable image; 0 for one with a mask.
``train-files.json``
    The path of each row, in the split's folder.
``val-...``
    The same files for the validation images, if there are any.
``mean.npy``
    float64, (3, size, size): the mean of the readable training images.
``unreadable.jsonl``
    ``split``, ``path`` and ``reason`` of each unreadable image. Absent if there are none.
``manifest.json``
    Written last, so that its presence marks a complete pack. ``splits`` has the folder of each split in the folder that
    was packed (``train``, ``val``, or ``.`` for that folder itself). ``colours`` has the covariance of the training
    pixels' channels, its eigenvalues in ascending order, and its eigenvectors as columns.
    ``masks`` says whether images have masks; each split then has ``pixels``, how many pixels of its masks have each
    number from 0 to 255.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.splits import Frame

FORMAT = "netspec-pack"
VERSION = 1
SHARD = 2048
"""The number of rows of a shard; the last shard of a split may have fewer."""

MANIFEST = "manifest.json"
UNREADABLE = "unreadable.jsonl"
MEAN = "mean.npy"


@dataclass(frozen=True, slots=True)
class Shard:
    """One file of a split's images, with rows ``start`` to ``stop`` - 1."""

    split: str
    number: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        return f"{self.split}-{self.number:05d}.npy"

    @property
    def rows(self) -> int:
        return self.stop - self.start


def shards(split: str, rows: int) -> list[Shard]:
    """Return the shards of a split with this number of rows."""
    starts = range(0, rows, SHARD)
    return [Shard(split, number, start, min(start + SHARD, rows)) for number, start in enumerate(starts)]


def header(rows: int, frame: Frame) -> bytes:
    """Return the bytes before the pixels in a shard's file: the header of the .npy format, version 1.0."""
    buffer = io.BytesIO()
    shape = (rows, frame.channels, frame.height, frame.width)
    np.lib.format.write_array_header_1_0(buffer, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def bytes_of(shard: Shard, frame: Frame) -> int:
    """Return the size of a shard's file in bytes."""
    return len(header(shard.rows, frame)) + shard.rows * frame.bytes


def count_classes(manifest: Mapping[str, Any]) -> int:
    """Return how many classes a pack has: as many as are named, or if masks have classes without names, up to the
    highest number in them."""
    if manifest["classes"] or not manifest["masks"]:
        return len(manifest["classes"])
    pixels = np.sum([split["pixels"] for split in manifest["splits"].values()], axis=0)
    return int(pixels[:UNLABELLED].nonzero()[0].max(initial=-1)) + 1


def labels_name(split: str) -> str:
    """Return the name of the file of a split's labels."""
    return f"{split}-labels.npy"


def files_name(split: str) -> str:
    """Return the name of the file of a split's paths."""
    return f"{split}-files.json"


def as_npy(array: np.ndarray[Any, Any]) -> bytes:
    """Return the content of a .npy file with an array."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def as_json(value: object, indent: int | None = None) -> bytes:
    """Return a JSON line in ASCII, so that file names with surrogate escapes survive. Floats round-trip exactly."""
    return (json.dumps(value, indent=indent) + "\n").encode("ascii")
