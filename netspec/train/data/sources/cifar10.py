"""CIFAR-10 as its authors distribute it, in the binary or the Python version: 32x32 colour images of ten classes.

Binary: ``data_batch_1.bin`` to ``_5.bin`` and ``test_batch.bin``, records of a label and 3 x 1,024 bytes (red, green,
blue, each row by row). Python: ``data_batch_1`` to ``_5`` and ``test_batch``, pickled dictionaries with ``data``
(N, 3072) and ``labels``. The test images are used for validation. Source: A. Krizhevsky, Learning multiple layers of
features from tiny images, 2009.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from netspec.formatting import format_count, plural
from netspec.train.data.sources.pickled import InvalidPickle, read_pickle
from netspec.train.data.splits import Data, Frame, InMemorySplit, Labels, Pixels, numbered, require_labels
from netspec.train.errors import TrainError

FRAME = Frame(3, 32, 32)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
INSIDE = ("cifar-10-batches-bin", "cifar-10-batches-py")
"""The names of the folders in the authors' archives. DIR may be such a folder or contain one."""

RECORD = 1 + FRAME.bytes
WHOLE = 10_000
"""The number of images in each of the authors' six files."""

LAYOUT = "expected data_batch_1.bin to data_batch_5.bin and test_batch.bin, or the Python version's without .bin"


def holds_cifar10(root: Path) -> bool:
    """Whether the folder contains the first training file of either version."""
    return any((root / f"data_batch_1{ending}").is_file() for ending in (".bin", ""))


def open_cifar10(root: Path) -> Data:
    """Read all files into memory.

    Raises
    ------
    TrainError
        The folder contains no CIFAR-10 files, a file is damaged, or a label is out of range.
    OSError
        A file cannot be opened.
    """
    folder = next((root / name for name in INSIDE if (root / name).is_dir()), root)
    train_files, test_file = _files(folder)
    parts = {path: _read(path) for path in (*train_files, *([test_file] if test_file is not None else []))}
    notes = [
        f"{path} has {plural(len(labels), 'image')}; the authors' has {format_count(WHOLE)}"
        for path, (_, labels) in parts.items()
        if len(labels) != WHOLE
    ]

    def split(files: Sequence[Path]) -> InMemorySplit:
        pixels, labels = (np.concatenate(arrays) for arrays in zip(*(parts[path] for path in files), strict=True))
        return InMemorySplit(pixels, labels, numbered(*((path.name, len(parts[path][1])) for path in files)))

    if len(train_files) != 5:
        notes.append(f"{folder} has {plural(len(train_files), 'training file')} (data_batch_*); the authors' has 5")
    if test_file is None:
        notes.append(f"{folder} has no test_batch: top-1 and top-5 will not be measured")
    return Data(
        source=f"cifar10:{root}",
        classes=_names(folder),
        frame=FRAME,
        train=split(train_files),
        validation=split([test_file]) if test_file is not None else None,
        notes=tuple(notes),
    )


def _files(folder: Path) -> tuple[list[Path], Path | None]:
    """Return the training files in order, and the test file, if any. The binary version takes precedence."""
    for ending in (".bin", ""):
        pattern = re.compile(r"data_batch_\d+" + re.escape(ending))
        train = sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name) and path.is_file())
        if train:
            test = folder / f"test_batch{ending}"
            return train, test if test.is_file() else None
    raise TrainError(f"{folder} holds no CIFAR-10 files", LAYOUT)


def _read(path: Path) -> tuple[Pixels, Labels]:
    content = path.read_bytes()
    pixels, labels = _binary(path, content) if path.suffix == ".bin" else _python(path, content)
    require_labels(path, labels, len(CLASSES), "CIFAR-10")
    return pixels, labels


def _binary(path: Path, content: bytes) -> tuple[Pixels, Labels]:
    if not content or len(content) % RECORD:
        raise TrainError(
            f"{path} has {format_count(len(content))} bytes, which is not a multiple of {format_count(RECORD)}, "
            "the size of a record",
            "a record has a label and 3 x 32 x 32 pixels; the file is truncated or not CIFAR-10 (CIFAR-100: 2 labels)",
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, RECORD)
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


def _python(path: Path, content: bytes) -> tuple[Pixels, Labels]:
    try:
        record = read_pickle(content)
    except InvalidPickle as problem:
        raise TrainError(f"{path} is not a file of CIFAR-10's Python version: {problem}") from problem
    data, labels = record.get("data"), record.get("labels")
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != FRAME.bytes or not len(data):
        shape = f"shape {data.shape}" if isinstance(data, np.ndarray) else "missing"
        raise TrainError(f"{path}: 'data' is {shape}; expected uint8 of shape (N, {format_count(FRAME.bytes)})")
    if not isinstance(labels, list) or not all(isinstance(x, int) and -(2**62) < x < 2**62 for x in labels):
        raise TrainError(f"{path}: 'labels' is not a list of whole numbers", "CIFAR-100 has 'fine_labels' instead")
    if len(labels) != len(data):
        raise TrainError(f"{path} has {plural(len(labels), 'label')} for {plural(len(data), 'image')}")
    return data.reshape(-1, 3, 32, 32), np.array(labels, np.int64)


def _names(folder: Path) -> tuple[str, ...]:
    """Return the names in ``batches.meta.txt``, which may be other classes, if that file is valid; else CIFAR-10's."""
    path = folder / "batches.meta.txt"
    if path.is_file():
        names = tuple(path.read_text("utf-8", errors="replace").split())
        if len(set(names)) == len(CLASSES) == len(names):
            return names
    return CLASSES
