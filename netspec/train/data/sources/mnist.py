"""MNIST and compatible data sets (Fashion-MNIST, KMNIST) as idx files: grey images of ten classes.

The files are ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same for ``t10k``, with or without
``.gz``; the second dash may be a dot. The test images (t10k) are used for validation. Source: Y. LeCun, C. Cortes &
C. Burges, The MNIST database of handwritten digits. An idx file begins with big-endian 32-bit words: the magic number
0x0000080d (08 for unsigned bytes, d for the number of dimensions) and the d lengths. The bytes follow.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from netspec.formatting import format_count, format_sizes, plural
from netspec.train.data.splits import Data, Frame, InMemorySplit, Pixels, numbered, require_labels
from netspec.train.errors import TrainError

CLASSES = tuple("0123456789")
MAX_BYTES = 2**31
"""The maximum number of pixel bytes; a header with a larger product of lengths is considered wrong."""

PADDED = 32
"""The input size of LeNet-5, whose digits have a border of background: LeCun et al. (1998), section II.B."""


def holds_mnist(root: Path) -> bool:
    """Whether the folder contains the file of the training images."""
    return _find(root, "train", 3) is not None


def open_mnist(root: Path, frame: Frame | None = None) -> Data:
    """Read all files into memory. If ``frame`` is 1x32x32, 28x28 images get a border of two background pixels.

    Raises
    ------
    TrainError
        A file is missing or damaged, two files do not match, or a label is out of range.
    OSError
        A file cannot be opened.
    """
    train = _part(root, "train")
    test = _part(root, "t10k") if _find(root, "t10k", 3) is not None else None
    if test is not None and test.stored != train.stored:
        raise TrainError(f"{root}: the training images are {_size(train)}, the test images {_size(test)}")
    notes = [] if test is not None else [f"{root} has no t10k files: top-1 and top-5 will not be measured"]
    if frame == Frame(1, PADDED, PADDED) and train.stored == Frame(1, 28, 28):
        train = _add_border(train)
        test = _add_border(test) if test is not None else None
        notes.append("the 28x28 images lie in the middle of 32x32 background pixels, as LeNet-5 reads them")
    return Data(
        source=f"mnist:{root}",
        classes=CLASSES,
        frame=train.stored,
        train=train,
        validation=test,
        notes=tuple(notes),
    )


def _size(split: InMemorySplit) -> str:
    return f"{split.stored.height}x{split.stored.width}"


def _add_border(split: InMemorySplit) -> InMemorySplit:
    return replace(split, pixels=np.pad(split.pixels, ((0, 0), (0, 0), (2, 2), (2, 2))))


def _part(root: Path, part: str) -> InMemorySplit:
    paths = [_find(root, part, dimensions) for dimensions in (3, 1)]
    for path, dimensions in zip(paths, (3, 1), strict=True):
        if path is None:
            raise TrainError(
                f"{root} has no {_names(part, dimensions)[0]}",
                "expected train-images-idx3-ubyte, train-labels-idx1-ubyte and the same of t10k, with or without .gz",
            )
    images, numbers = (path for path in paths if path is not None)
    pixels, labels = _read(images, 3), _read(numbers, 1).astype(np.int64)
    if len(pixels) != len(labels):
        raise TrainError(f"{images} has {plural(len(pixels), 'image')}, {numbers} {plural(len(labels), 'label')}")
    require_labels(numbers, labels, len(CLASSES), "MNIST")
    return InMemorySplit(pixels[:, None], labels, numbered((images.name, len(labels))))


def _names(part: str, dimensions: int) -> list[str]:
    what = "images" if dimensions == 3 else "labels"
    stems = [f"{part}-{what}{joint}idx{dimensions}-ubyte" for joint in "-."]
    return [stem + ending for stem in stems for ending in ("", ".gz")]


def _find(root: Path, part: str, dimensions: int) -> Path | None:
    return next((root / name for name in _names(part, dimensions) if (root / name).is_file()), None)


def _read(path: Path, dimensions: int) -> Pixels:
    """Read an idx file of unsigned bytes, decompressing at most one byte more than its header announces."""
    words = 4 * (1 + dimensions)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(words)
            if len(head) < words:
                raise TrainError(f"{path} has {plural(len(head), 'byte')}: too few for the header of an idx file")
            magic, *lengths = struct.unpack(f">{1 + dimensions}I", head)
            if magic != 0x0800 + dimensions:
                raise TrainError(
                    f"{path} begins with 0x{magic:08x}; an idx file of bytes in {plural(dimensions, 'dimension')} "
                    f"begins with 0x{0x0800 + dimensions:08x}"
                )
            expected = math.prod(lengths)
            shape = format_sizes(lengths)
            if not 0 < expected <= MAX_BYTES:
                raise TrainError(f"{path}: its header says {shape}, which cannot be")
            content = file.read(expected + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as problem:
        raise TrainError(f"{path} is damaged or truncated: {problem}") from problem
    if len(content) != expected:
        more = "more" if len(content) > expected else f"only {format_count(len(content))}"
        raise TrainError(f"{path}: its header says {shape}, {format_count(expected)} bytes; there are {more}")
    return np.frombuffer(content, np.uint8).reshape(lengths)
