"""Inspect every image of a source before training: count images, and find broken and duplicate ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from netspec.passes.score_grid import UNLABELLED
from netspec.train.data.packing.processes import CHUNK, in_processes
from netspec.train.data.sources.decode import displayed_size, image_size, read_image
from netspec.train.data.sources.folder import ImageFiles
from netspec.train.data.sources.masks.classes import numbered_names
from netspec.train.data.sources.masks.colours import UnknownColour
from netspec.train.data.sources.masks.folder import MaskFiles
from netspec.train.data.sources.masks.reading import read_mask
from netspec.train.data.splits import Data, Frame, Labels, Pixels, Split, Unreadable


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
    """Duplicates: images whose files, or whose pixels if the source has no files, are identical to the byte. There
    are no ``classes`` if images have masks."""

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
    ones of each class, or in a source with masks those in which the class occurs. ``pixels`` then counts the pixels of
    masks that have each number, 0 to 255."""

    images: int
    unreadable: int
    per_class: tuple[int, ...]
    pixels: tuple[int, ...] | None = None

    @property
    def readable(self) -> int:
        return self.images - self.unreadable


@dataclass(frozen=True, slots=True)
class Survey:
    """The result of a survey. ``width`` and ``height`` are those of the image files, ``None`` if there are no files.
    ``beyond`` are the masks that have a class that does not exist, with the highest one; ``unknown_colours``: some of
    the unreadable masks have a colour that is that of no class. Either ends a training."""

    source: str
    classes: tuple[str, ...]
    counts: dict[str, SplitCounts]
    stored: Frame
    width: Spread | None
    height: Spread | None
    unreadable: tuple[Unreadable, ...]
    copies: tuple[Copies, ...]
    notes: tuple[str, ...]
    beyond: tuple[tuple[str, int], ...] = ()
    unknown_colours: bool = False

    @property
    def masks(self) -> bool:
        """Whether the images have masks."""
        return any(split.pixels is not None for split in self.counts.values())


@dataclass(frozen=True, slots=True)
class _Inspection:
    """An inspected image: its hash and its file's (width, height), or a (path, reason) pair if it is unreadable; and
    how many pixels of its mask have each number, if it has a mask. ``unknown_colour``: it is unreadable because its
    mask has a colour that is that of no class."""

    digest: bytes
    size: tuple[int, int] | None
    problem: tuple[str, str] | None = None
    pixels: NDArray[np.int64] | None = None
    unknown_colour: bool = False


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
    counts: dict[str, SplitCounts] = {}
    found, beyond, done = _Found(), list[tuple[str, int]](), 0
    for name, split in data.splits.items():
        readable = np.zeros(len(split.labels), np.bool_)
        masks = _MaskCounts()
        for index, inspection in enumerate(_inspect(split, processes, masks=data.masks)):
            done += 1
            progress(done)
            readable[index] = found.add(name, index, inspection)
            if inspection.pixels is not None:
                highest = masks.add(inspection.pixels)
                if data.classes and highest >= len(data.classes):
                    beyond.append((_mask_path(split, index), highest))
        counts[name] = masks.counts(readable) if data.masks else _split_counts(split.labels, readable, data.classes)
    classes = data.classes
    if data.masks:
        classes = classes or numbered_names(max(len(split.per_class) for split in counts.values()))
        counts = {name: replace(split, per_class=_exactly(split.per_class, classes)) for name, split in counts.items()}
    return Survey(
        source=data.source,
        classes=classes,
        counts=counts,
        stored=data.frame,
        width=Spread.from_lengths([width for width, _ in found.sizes]) if found.sizes else None,
        height=Spread.from_lengths([height for _, height in found.sizes]) if found.sizes else None,
        unreadable=tuple(found.unreadable),
        copies=tuple(_as_copies(members, data) for members in found.duplicates.values()),
        notes=data.notes,
        beyond=tuple(beyond),
        unknown_colours=found.unknown_colours,
    )


class _Found:
    """What a survey has found in the images so far: unreadable ones, the sizes of files, and by hash the places (split
    and index) of those that are the same. ``unknown_colours`` is that of a ``Survey``."""

    def __init__(self) -> None:
        self.unreadable: list[Unreadable] = []
        self.sizes: list[tuple[int, int]] = []
        self.duplicates: dict[bytes, list[tuple[str, int]]] = {}
        self.unknown_colours = False
        self._first_seen: dict[bytes, tuple[str, int]] = {}

    def add(self, split: str, index: int, inspection: _Inspection) -> bool:
        """Take an inspected image. Return whether it is readable."""
        if inspection.problem is not None:
            self.unreadable.append(Unreadable(*inspection.problem))
            self.unknown_colours |= inspection.unknown_colour
            return False
        if inspection.size is not None:
            self.sizes.append(inspection.size)
        original = self._first_seen.setdefault(inspection.digest, (split, index))
        if original != (split, index):
            self.duplicates.setdefault(inspection.digest, [original]).append((split, index))
        return True


class _MaskCounts:
    """Counts over the masks of a split, as a survey goes on."""

    def __init__(self) -> None:
        self._pixels = np.zeros(256, np.int64)
        self._images = np.zeros(256, np.int64)

    def add(self, pixels: NDArray[np.int64]) -> int:
        """Count a mask, given how many of its pixels have each number. Return its highest class, -1 for none."""
        self._pixels += pixels
        self._images += pixels > 0
        return int(pixels[:UNLABELLED].nonzero()[0].max(initial=-1))

    def counts(self, readable: NDArray[np.bool_]) -> SplitCounts:
        """Return the counts of a split, ``per_class`` up to the highest class there is."""
        classes = int(self._images[:UNLABELLED].nonzero()[0].max(initial=-1)) + 1
        per_class = tuple(self._images[:classes].tolist())
        return SplitCounts(len(readable), int((~readable).sum()), per_class, tuple(self._pixels.tolist()))


def _exactly(per_class: Sequence[int], classes: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of as many classes as there are."""
    return (*per_class[: len(classes)], *[0] * (len(classes) - len(per_class)))


def _mask_path(split: Split, index: int) -> str:
    """Return the path of an image's mask, or its name if it has no file."""
    return str(split.mask_path(index)) if isinstance(split, MaskFiles) else split.name(index)


def _path(split: Split, index: int) -> str:
    """Return the path of an image's file, as messages about unreadable ones do, or its name if it has no file."""
    if isinstance(split, ImageFiles):
        return str(split.image_path(index))
    return split.name(index)


def _inspect(split: Split, processes: int, *, masks: bool) -> Iterator[_Inspection]:
    """Inspect every image of a split, in order."""
    if not isinstance(split, ImageFiles):
        yield from (_inspect_image(split, index, masks=masks) for index in range(len(split.labels)))
        return
    starts = range(0, len(split.labels), CHUNK)
    parts = (split.part(start, start + CHUNK) for start in starts)
    for inspections in in_processes(_inspect_files, parts, max(1, min(processes, len(starts)))):
        yield from inspections


def _inspect_image(split: Split, index: int, *, masks: bool) -> _Inspection:
    try:
        planes = split.read(index)
        image, mask = (planes[:-1], planes[-1]) if masks else (planes, None)
        pixels = _count_pixels(mask) if mask is not None else None
        return _Inspection(hashlib.sha256(image.tobytes()).digest(), None, pixels=pixels)
    except Unreadable as problem:
        return _Inspection(b"", None, (problem.path, problem.reason))


def _count_pixels(mask: Pixels) -> NDArray[np.int64]:
    """Return how many pixels of a mask have each number, 0 to 255."""
    return np.bincount(mask.ravel(), minlength=256)


def _inspect_files(split: ImageFiles) -> list[_Inspection]:
    """Inspect all image files of a split and their masks. Runs in a worker process."""
    inspections = []
    for index in range(len(split.labels)):
        path = split.image_path(index)
        try:
            read_image(path, split.frame)
            pixels = None
            if isinstance(split, MaskFiles):
                mask = read_mask(split.mask_path(index), displayed_size(path, str(path)), split.colours)
                pixels = _count_pixels(mask)
            digest = hashlib.sha256(path.read_bytes()).digest()
            inspections.append(_Inspection(digest, image_size(path), pixels=pixels))
        except Unreadable as problem:
            unknown = isinstance(problem, UnknownColour)
            inspections.append(_Inspection(b"", None, (problem.path, problem.reason), unknown_colour=unknown))
        except OSError as problem:  # deleted since it was decoded
            inspections.append(_Inspection(b"", None, (str(path), problem.strerror or str(problem))))
    return inspections


def _split_counts(labels: Labels, readable: NDArray[np.bool_], classes: Sequence[str]) -> SplitCounts:
    per_class = np.bincount(labels[readable], minlength=len(classes))
    return SplitCounts(len(labels), int((~readable).sum()), tuple(per_class.tolist()))


def _as_copies(members: Sequence[tuple[str, int]], data: Data) -> Copies:
    splits = data.splits
    labels = [int(splits[name].labels[index]) for name, index in members]
    return Copies(
        paths=tuple(_path(splits[name], index) for name, index in members),
        splits=tuple(name for name, _ in members),
        classes=() if data.masks else tuple(data.classes[label] for label in labels),
    )
