"""Inspect every image of a source before training: count images, and find broken and duplicate ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from netspec.train.data.packing.processes import CHUNK, in_processes
from netspec.train.data.sources.decode import image_size, read_image
from netspec.train.data.sources.folder import ImageFiles
from netspec.train.data.splits import Data, Frame, Labels, Split, Unreadable


@dataclass(frozen=True, slots=True)
class Spread:
    """The minimum, median and maximum of some lengths in pixels."""

    least: int
    median: float
    most: int

    @classmethod
    def from_lengths(cls, lengths: Sequence[int]) -> Spread:
        """Return the spread of at least one length."""
        return cls(min(lengths), float(np.median(lengths)), max(lengths))


@dataclass(frozen=True, slots=True)
class Copies:
    """Duplicates: images whose files, or whose pixels if the source has no files, are identical to the byte."""

    paths: tuple[str, ...]
    splits: tuple[str, ...]
    classes: tuple[str, ...]

    @property
    def across_splits(self) -> bool:
        """Whether the image is in both the training and the validation split."""
        return len(set(self.splits)) > 1

    @property
    def across_classes(self) -> bool:
        """Whether the image is labelled with more than one class."""
        return len(set(self.classes)) > 1


@dataclass(frozen=True, slots=True)
class SplitCounts:
    """The numbers of images of a split: ``images`` = ``readable`` + ``unreadable``; ``per_class`` counts the readable
    ones of each class."""

    images: int
    unreadable: int
    per_class: tuple[int, ...]

    @property
    def readable(self) -> int:
        return self.images - self.unreadable


@dataclass(frozen=True, slots=True)
class Survey:
    """The result of a survey. ``width`` and ``height`` are those of the image files, ``None`` if there are no files."""

    source: str
    classes: tuple[str, ...]
    counts: dict[str, SplitCounts]
    stored: Frame
    width: Spread | None
    height: Spread | None
    unreadable: tuple[Unreadable, ...]
    copies: tuple[Copies, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Inspection:
    """An inspected image: its hash and its file's (width, height), or a (path, reason) pair if it is unreadable."""

    digest: bytes
    size: tuple[int, int] | None
    problem: tuple[str, str] | None = None


def survey(data: Data, processes: int, progress: Callable[[int], None] = lambda done: None) -> Survey:
    """Inspect every image of a source.

    Parameters
    ----------
    processes:
        The number of processes that decode image files.
    progress:
        Called with the number of images inspected so far.

    Raises
    ------
    TrainError
        A worker process was killed, or a file of a pack has been deleted.
    """
    splits = data.splits
    counts: dict[str, SplitCounts] = {}
    unreadable: list[Unreadable] = []
    sizes: list[tuple[int, int]] = []
    first_seen: dict[bytes, tuple[str, int]] = {}
    duplicates: dict[bytes, list[tuple[str, int]]] = {}
    done = 0
    for name, split in splits.items():
        readable = np.zeros(len(split.labels), np.bool_)
        for index, inspection in enumerate(_inspect(split, processes)):
            done += 1
            progress(done)
            if inspection.problem is not None:
                unreadable.append(Unreadable(*inspection.problem))
                continue
            readable[index] = True
            if inspection.size is not None:
                sizes.append(inspection.size)
            original = first_seen.setdefault(inspection.digest, (name, index))
            if original != (name, index):
                duplicates.setdefault(inspection.digest, [original]).append((name, index))
        counts[name] = _split_counts(split.labels, readable, len(data.classes))
    return Survey(
        source=data.source,
        classes=data.classes,
        counts=counts,
        stored=data.frame,
        width=Spread.from_lengths([width for width, _ in sizes]) if sizes else None,
        height=Spread.from_lengths([height for _, height in sizes]) if sizes else None,
        unreadable=tuple(unreadable),
        copies=tuple(_as_copies(members, splits, data.classes) for members in duplicates.values()),
        notes=data.notes,
    )


def _path(split: Split, index: int) -> str:
    """Return the path of an image's file, as messages about unreadable ones do, or its name if it has no file."""
    if isinstance(split, ImageFiles):
        return str(split.files.root / split.files.names[index])
    return split.name(index)


def _inspect(split: Split, processes: int) -> Iterator[_Inspection]:
    """Inspect every image of a split, in order."""
    if not isinstance(split, ImageFiles):
        yield from (_inspect_image(split, index) for index in range(len(split.labels)))
        return
    names = split.files.names
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    inspect = partial(_inspect_files, split.files.root, split.frame)
    for inspections in in_processes(inspect, iter(chunks), max(1, min(processes, len(chunks)))):
        yield from inspections


def _inspect_image(split: Split, index: int) -> _Inspection:
    try:
        return _Inspection(hashlib.sha256(split.read(index).tobytes()).digest(), None)
    except Unreadable as problem:
        return _Inspection(b"", None, (problem.path, problem.reason))


def _inspect_files(root: Path, frame: Frame, names: Sequence[str]) -> list[_Inspection]:
    """Inspect some image files. Runs in a worker process."""
    inspections = []
    for name in names:
        path = root / name
        try:
            read_image(path, frame)
            inspections.append(_Inspection(hashlib.sha256(path.read_bytes()).digest(), image_size(path)))
        except Unreadable as problem:
            inspections.append(_Inspection(b"", None, (problem.path, problem.reason)))
        except OSError as problem:  # deleted since it was decoded
            inspections.append(_Inspection(b"", None, (str(path), problem.strerror or str(problem))))
    return inspections


def _split_counts(labels: Labels, readable: np.ndarray[tuple[int], np.dtype[np.bool_]], classes: int) -> SplitCounts:
    per_class = np.bincount(labels[readable], minlength=classes)
    return SplitCounts(len(labels), int((~readable).sum()), tuple(per_class.tolist()))


def _as_copies(members: Sequence[tuple[str, int]], splits: dict[str, Split], classes: Sequence[str]) -> Copies:
    return Copies(
        paths=tuple(_path(splits[name], index) for name, index in members),
        splits=tuple(name for name, _ in members),
        classes=tuple(classes[int(splits[name].labels[index])] for name, index in members),
    )
