"""A packed folder as a source: decoded images read straight from its files, with the statistics of all of them.

The files are deliberately not memory-mapped: if a mapped file is truncated or its disk fails, an access kills the
process without a message, whereas a failed read raises an exception.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from io import FileIO
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.formatting import format_count, plural
from netspec.train.counter_rng import Indices
from netspec.train.data.moments import Statistics
from netspec.train.data.sources import shards as form
from netspec.train.data.sources.masks.classes import no_such_class, numbered_names
from netspec.train.data.sources.shards import Shard, shards
from netspec.train.data.splits import Data, Frame, Labels, Pixels
from netspec.train.errors import TrainError

MAX_OPEN_FILES = 512
"""The maximum number of shard files that are open at a time; many systems allow a process 1,024."""


MEASURES = {False: "top-1 and top-5", True: "the accuracy of pixels"}
"""What validation measures, of images with a class or with masks."""

CHANGED_HINTS = ("put the file back as it was; a training can then go on from its last checkpoint, with --resume",)
"""The remedy if a pack changes while it is being read."""


class Shards:
    """The images of a packed split, without those that were unreadable when it was packed.

    ``folder`` is the split's folder in the folder that was packed.
    """

    def __init__(self, root: Path, own: Sequence[Shard], frame: Frame, labels: NDArray[np.int32], folder: str) -> None:
        self._rows = (labels >= 0).nonzero()[0]
        self.labels: Labels = labels[self._rows].astype(np.int64)
        self._root = root
        self._split = own[0].split if own else "train"
        self._folder = folder
        self.stored = frame
        self._shards = own

        def open_file(number: int) -> FileIO:  # no method, since a reference to self would delay the closing of files
            return _open_shard(root, own[number], frame)

        # An evicted file is closed by its last reference, never while another thread is reading from it.
        self._file: Callable[[int], FileIO] = lru_cache(MAX_OPEN_FILES)(open_file)

    def read(self, index: int) -> Pixels:
        """See ``Split.read``."""
        frame = self.stored
        image: Pixels = np.empty((frame.channels, frame.height, frame.width), np.uint8)
        self.fill(np.array([index]), image[None])
        return image

    def fill(self, indices: Indices, out: Pixels) -> None:
        """See ``DecodedSplit``."""
        for row, image in zip(self._rows[indices].tolist(), out, strict=True):
            number, index = divmod(row, form.SHARD)
            shard = self._shards[number]
            start = form.bytes_of(shard, self.stored) - (shard.rows - index) * self.stored.bytes
            _read_into(image, self._file(number), start)

    def name(self, index: int) -> str:
        """See ``Split.name``: the path is that in the folder that was packed."""
        return str(PurePosixPath(self._folder, self._names[self._rows[index]]))

    @cached_property
    def _names(self) -> list[str]:
        path = self._root / form.files_name(self._split)
        try:
            names: list[str] = json.loads(path.read_bytes())
        except (OSError, ValueError) as problem:
            raise TrainError(f"{path} cannot be read: {problem}", "pack again") from problem
        return names


def is_packed(root: Path) -> bool:
    """Whether a folder is a pack, complete or unfinished."""
    return (root / form.MANIFEST).is_file() or (root / ".packing" / form.MANIFEST).is_file()


def open_packed(root: Path, frame: Frame | None = None, outputs: int | None = None) -> Data:
    """Open a pack. ``frame`` is the stored image size that the network needs; if ``None``, any size is accepted. If the
    classes of masks have no names, they are as many as the network's ``outputs``, or as the masks have.

    Raises
    ------
    TrainError
        The pack is unfinished, damaged or of another version, its images do not have the size of ``frame``, or its
        masks have a class that does not exist.
    """
    manifest = _manifest(root)
    own = Frame(manifest["channels"], manifest["size"], manifest["size"])
    if frame is not None and frame != own:
        raise TrainError(
            f"{root} is packed as {own}, the network's images are stored as {frame}",
            *_size_hints(own, frame),
        )
    masks: bool = manifest["masks"]
    classes = _classes(root, manifest, outputs) if masks else tuple(manifest["classes"])
    stored = replace(own, channels=own.channels + masks)
    opened = {
        name: _open_split(root, name, stored, len(classes), split["folder"])
        for name, split in manifest["splits"].items()
    }
    unreadable = sum(split["unreadable"] for split in manifest["splits"].values())
    notes = (
        [f"{plural(unreadable, 'image')} could not be read when it was packed: {root / form.UNREADABLE}"]
        if unreadable
        else []
    )
    if "val" not in opened:
        notes.append(f"the pack has no validation images: {MEASURES[masks]} will not be measured")
    return Data(
        source=str(root),
        classes=classes,
        frame=own,
        train=opened["train"],
        validation=opened.get("val"),
        notes=tuple(notes),
        statistics=_statistics(root, own, manifest, len(opened["train"].labels)),
        masks=masks,
    )


def _classes(root: Path, manifest: dict[str, Any], outputs: int | None) -> tuple[str, ...]:
    """Return the classes of masks. Raises ``TrainError`` if a mask has a class that the network has not."""
    try:
        present = form.count_classes(manifest)
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise TrainError(f"{root / form.MANIFEST}: the masks are damaged: {problem!r}", "pack again") from problem
    if manifest["classes"]:
        return tuple(manifest["classes"])
    if outputs is not None and present > outputs:
        raise no_such_class(root, present - 1, outputs)
    return numbered_names(outputs or present)


def _size_hints(own: Frame, frame: Frame) -> tuple[str, ...]:
    if frame.channels != own.channels:
        return (f"a pack has {own.channels} channels; for a network that reads 1, use the image folder itself",)
    if min(frame.height, frame.width) < own.height:
        return (f"say augment from={own.height} for crops from the packed size, or pack again with another --size",)
    return ("pack again with another --size",)


_KINDS = {"size": int, "channels": int, "masks": bool, "splits": dict}
"""The types of a manifest's values, without which the rest cannot be read."""


def _manifest(root: Path) -> dict[str, Any]:
    path = root / form.MANIFEST
    if not path.is_file():
        raise TrainError(
            f"the pack {root} is not finished", "to finish it, repeat the netspec pack command that began it"
        )
    try:
        manifest = json.loads(path.read_bytes())
        if manifest["format"] != form.FORMAT:
            raise ValueError(f"format {manifest['format']!r}")
        version, rows = manifest["version"], manifest["shard_images"]
        if (version, rows) == (form.VERSION, form.SHARD):
            for key, kind in _KINDS.items():
                if not isinstance(manifest[key], kind):
                    raise TypeError(f"{key} is {manifest[key]!r}")
            for split in (manifest["splits"]["train"], *manifest["splits"].values()):
                PurePosixPath(split["folder"])
            return dict(manifest)
    except (OSError, ValueError, TypeError, KeyError) as problem:
        raise TrainError(f"{path} is not the manifest of a pack: {problem!r}", "pack again") from problem
    raise TrainError(f"{path} is of version {version} with {rows} images a shard; this is version {form.VERSION}")


def _open_split(root: Path, name: str, frame: Frame, classes: int, folder: str) -> Shards:
    labels = _array(root / form.labels_name(name))
    if labels.ndim != 1 or labels.dtype != np.int32:
        raise TrainError(f"{root / form.labels_name(name)} is damaged: {labels.dtype}, shape {labels.shape}")
    invalid = (labels < -1) | (labels >= classes)
    if invalid.any():
        row = int(invalid.argmax())
        raise TrainError(
            f"{root / form.labels_name(name)}: label {labels[row]} of row {format_count(row)} is out of range; the "
            f"{format_count(classes)} classes are numbered 0 to {classes - 1}"
        )
    own = shards(name, len(labels))
    for shard in own:
        _check_size(root / shard.name, form.bytes_of(shard, frame))
    return Shards(root, own, frame, labels, folder)


def _check_size(path: Path, expected: int) -> None:
    try:
        size = path.stat().st_size
    except OSError as problem:
        raise TrainError(f"the pack lacks {path}: {problem.strerror}", "pack again into a new folder") from problem
    if size != expected:
        raise TrainError(f"{path} has {format_count(size)} bytes, {format_count(expected)} are expected", "pack again")


def _open_shard(root: Path, shard: Shard, frame: Frame) -> FileIO:
    """Open the file of a shard. Raises ``TrainError`` if its size or its header is wrong."""
    path = root / shard.name
    _check_size(path, form.bytes_of(shard, frame))
    header = form.header(shard.rows, frame)
    try:
        file = FileIO(path)
        if file.read(len(header)) != header:
            raise TrainError(f"{path} is damaged: it does not begin as a shard of {frame}", "pack again")
    except OSError as problem:
        raise TrainError(f"{path} cannot be read: {problem.strerror}", "pack again") from problem
    return file


def _read_into(image: Pixels, file: FileIO, start: int) -> None:
    """Fill an image with the bytes of a file from ``start`` on."""
    remaining = image.reshape(-1).data
    while remaining:
        try:
            count_read = _read_at(file, remaining, start)
        except OSError as problem:
            raise TrainError(f"{file.name} cannot be read: {problem.strerror}", *CHANGED_HINTS) from problem
        if not count_read:
            size = os.fstat(file.fileno()).st_size
            raise TrainError(f"{file.name} has become shorter: {format_count(size)} bytes are left", *CHANGED_HINTS)
        remaining, start = remaining[count_read:], start + count_read


def _read_at(file: FileIO, buffer: memoryview, start: int) -> int:
    """Read from a position of a file without using its file offset, which threads share. On systems without
    ``preadv``, a lock serialises the reads."""
    if hasattr(os, "preadv"):
        return os.preadv(file.fileno(), [buffer], start)
    with _ONE_AT_A_TIME:
        file.seek(start)
        return file.readinto(buffer)


_ONE_AT_A_TIME = Lock()


def _array(path: Path) -> NDArray[Any]:
    try:
        array: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as problem:
        raise TrainError(f"{path} cannot be read: {problem}", "pack again") from problem
    return array


def _statistics(root: Path, frame: Frame, manifest: dict[str, Any], images: int) -> Statistics:
    mean = _array(root / form.MEAN)
    try:
        values = np.array(manifest["colours"]["eigenvalues"], np.float64)
        vectors = np.array(manifest["colours"]["eigenvectors"], np.float64)
        axes = vectors * np.sqrt(values)
    except (KeyError, TypeError, ValueError) as problem:
        raise TrainError(f"{root / form.MANIFEST}: the colours are damaged: {problem!r}", "pack again") from problem
    if mean.shape != (frame.channels, frame.height, frame.width) or axes.shape != (frame.channels,) * 2:
        raise TrainError(f"{root}: the statistics are those of another size", "pack again")
    return Statistics(mean, axes, images)
