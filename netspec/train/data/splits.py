"""The interface of a data source: splits of labelled images of one size, as stored pixels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from netspec.formatting import format_count
from netspec.train.counter_rng import Indices
from netspec.train.errors import TrainError

if TYPE_CHECKING:
    from PIL import Image

    from netspec.train.data.moments import Statistics

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

CACHE_BYTES = 2**30
"""A split is cached in memory once read if its decoded images take no more than this many bytes in total."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the stored images, from which the network's input is cropped."""

    channels: int
    height: int
    width: int

    @property
    def bytes(self) -> int:
        return self.channels * self.height * self.width

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


def as_planes(image: Image.Image) -> Pixels:
    """Return the pixels of an image of mode L or RGB, (channels, height, width)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


class Unreadable(Exception):
    """An image cannot be read. ``path`` is the name shown to the user."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Split(Protocol):
    """The training or validation images of a source."""

    @property
    def labels(self) -> Labels:
        """The class number of each image."""
        ...

    def name(self, index: int, /) -> str:
        """Return a name by which the user can find an image: its file's path in the source's folder, or the file or
        split that holds it, with its place there, as in ``test_batch.bin[17]``. Places are counted from 0."""
        ...

    def read(self, index: int) -> Pixels:
        """Return one image, (channels, height, width), channels in RGB order, and in a source with masks one plane
        more, its mask. Raises ``Unreadable``.

        May be called from several threads at once.
        """
        ...


@runtime_checkable
class DecodedSplit(Split, Protocol):
    """A split whose images are stored decoded, in memory or in the files of a pack.

    Reading an image needs no decoding, and no image is unreadable. Reading from a pack raises ``TrainError`` if one of
    its files has been deleted or truncated.
    """

    @property
    def stored(self) -> Frame:
        """The size of the images."""
        ...

    def fill(self, indices: Indices, out: Pixels) -> None:
        """Copy the images with N ``indices`` into ``out``, (N, channels, height, width).

        May be called from several threads at once.
        """
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """An opened source.

    ``peak`` is the pixel value of full brightness (255 for image files). ``notes`` are messages for the user, one per
    line. ``statistics`` cover all training images, if the source provides them. Otherwise they are measured on the
    images with the indices in ``sample``, if given, or on an evenly spread sample. ``larger`` are the training images
    in a larger size, if crops of drawn sizes are to be cut from them and not from those of the ``frame``.

    With ``masks``, each pixel has a class of its own. What the splits read of an image then has its mask as one more
    plane, the last one, so that all that moves pixels moves their classes too: numbers of ``classes``, or
    ``score_grid.UNLABELLED``. ``labels`` are then zeros.
    """

    source: str
    classes: tuple[str, ...]
    frame: Frame
    train: Split
    validation: Split | None
    peak: int = 255
    notes: tuple[str, ...] = ()
    statistics: Statistics | None = None
    sample: range | None = None
    larger: Split | None = None
    masks: bool = False

    @property
    def stored(self) -> Frame:
        """The size of what is read of an image: that of the image, and of its mask if it has one."""
        return replace(self.frame, channels=self.frame.channels + self.masks)

    @property
    def splits(self) -> dict[str, Split]:
        """The existing splits by name, ``train`` and ``val``."""
        return {"train": self.train} | ({"val": self.validation} if self.validation is not None else {})


def numbered(*files: tuple[str, int]) -> Callable[[int], str]:
    """Return the function that names the images of files that hold several, given each file's name and number of
    images.

    >>> numbered(("one.bin", 20), ("two.bin", 20))(25)
    'two.bin[5]'
    """

    def name(index: int) -> str:
        for file, images in files:
            if index < images:
                return f"{file}[{index}]"
            index -= images
        raise IndexError(index)

    return name


def require_labels(path: Path, labels: Labels, classes: int, data_set: str) -> None:
    """Raise ``TrainError`` if a label in a file of a data set is not one of its ``classes``, counted from 0."""
    invalid = (labels < 0) | (labels >= classes)
    if invalid.any():
        index = int(invalid.argmax())
        raise TrainError(
            f"{path}: label {labels[index]} of image {format_count(index)} (from 0) is out of range: {data_set} has "
            f"0 to {classes - 1}"
        )


def only_class(classes: Sequence[str]) -> str | None:
    """Return the warning about images of a single class; ``None`` if there are several."""
    return f"{classes[0]} is the only class, and there is nothing to tell it from" if len(classes) == 1 else None


@dataclass(frozen=True, slots=True)
class InMemorySplit:
    """A split held in memory; ``pixels`` has shape (N, channels, height, width), ``name`` is as in ``Split``."""

    pixels: Pixels
    labels: Labels
    name: Callable[[int], str]

    def read(self, index: int) -> Pixels:
        image: Pixels = self.pixels[index]
        return image

    @property
    def stored(self) -> Frame:
        """See ``DecodedSplit``."""
        return Frame(*self.pixels.shape[1:])

    def fill(self, indices: Indices, out: Pixels) -> None:
        """See ``DecodedSplit``."""
        np.copyto(out, self.pixels[indices])


class CachedSplit:
    """A split that caches its images if they have the size of a ``frame`` and all of them fit into ``limit`` bytes.

    Unreadable images are remembered in any case and never tried twice. The operating system allocates the pages of the
    cache only when they are first written, so a short run costs little.
    """

    def __init__(self, split: Split, frame: Frame | None = None, limit: int = CACHE_BYTES) -> None:
        self.labels = split.labels
        self.name = split.name
        self.original = split
        count = len(split.labels)
        self._cache: Pixels | None = None
        if frame is not None and count * frame.bytes <= limit:
            self._cache = np.empty((count, frame.channels, frame.height, frame.width), np.uint8)
        self._cached = np.zeros(count, np.bool_)
        self._failed: dict[int, tuple[str, str]] = {}  # not the exceptions: their tracebacks keep images alive

    def with_failures_of(self, other: Split) -> CachedSplit:
        """Return another split of the same images without a cache. What is found unreadable in one of the two is so in
        both."""
        uncached = CachedSplit(other)
        uncached._failed = self._failed
        return uncached

    @property
    def unreadable(self) -> int:
        """The number of images found unreadable so far."""
        return len(self._failed)

    def failures(self) -> dict[int, tuple[str, str]]:
        """Return the images found unreadable so far: a (path, reason) pair for each index."""
        return dict(self._failed)

    def expect_failures(self, failures: Mapping[int, tuple[str, str]]) -> None:
        """Treat the images with these indices as unreadable without trying to read them."""
        self._failed.update(failures)

    @property
    def whole(self) -> InMemorySplit | None:
        """The split as an in-memory one, once every image has been read; ``None`` before, or if one is unreadable."""
        if self._cache is None or not self._cached.all():
            return None
        return InMemorySplit(self._cache, self.labels, self.name)

    def read(self, index: int) -> Pixels:
        """See ``Split.read``. Two threads that read the same image at once write the same bytes to the cache."""
        if self._cache is not None and self._cached[index]:
            cached: Pixels = self._cache[index]
            return cached
        failure = self._failed.get(index)
        if failure is not None:
            raise Unreadable(*failure)
        try:
            image = self.original.read(index)
        except Unreadable as problem:
            self._failed[index] = (problem.path, problem.reason)
            raise
        if self._cache is not None:
            self._cache[index] = image
            self._cached[index] = True
        return image


def with_cache(data: Data, *, train: bool = True) -> Data:
    """Wrap the splits of a source in ``CachedSplit``, unless they are ``DecodedSplit`` instances already. Training
    images are kept only if ``train`` says that each epoch reads them again as they are stored."""

    def wrap(split: Split, frame: Frame | None) -> Split:
        return split if isinstance(split, DecodedSplit) else CachedSplit(split, frame)

    return replace(
        data,
        train=wrap(data.train, data.stored if train else None),
        validation=wrap(data.validation, data.stored) if data.validation is not None else None,
    )


def count_unreadable(split: Split) -> int:
    """Return how many images of a split are known to be unreadable; 0 unless it is ``CachedSplit``."""
    return split.unreadable if isinstance(split, CachedSplit) else 0
