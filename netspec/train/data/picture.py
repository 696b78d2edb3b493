"""What a data source gives: splits of labelled pictures, all of one size, as stored pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from netspec.train.chance import Places

if TYPE_CHECKING:
    from netspec.train.data.moments import Statistics

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]

CACHE_BYTES = 2**30
"""A split whose decoded pictures together take no more than this is kept in memory once read."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The size of the stored pictures. The network's input is cropped from them."""

    channels: int
    height: int
    width: int

    @property
    def bytes(self) -> int:
        return self.channels * self.height * self.width

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


class Unreadable(Exception):
    """A picture that cannot be read. ``path`` is as the user knows it."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Split(Protocol):
    """The training or the validation pictures of a source."""

    @property
    def labels(self) -> Labels:
        """The class number of every picture."""
        ...

    def read(self, index: int) -> Pixels:
        """One picture: channels x height x width, colours in the order red, green, blue. Raises ``Unreadable``.

        Called from several threads at once.
        """
        ...


@runtime_checkable
class Resident(Split, Protocol):
    """A split whose pictures lie decoded in memory or in a pack's files: reading one computes nothing, and none is
    unreadable. (``TrainError`` where a pack's file has gone or become shorter.)"""

    @property
    def stored(self) -> Frame:
        """The pictures' size."""
        ...

    def fill(self, places: Places, out: Pixels) -> None:
        """Put the pictures of N places into ``out``, (N, channels, height, width).

        Called from several threads at once.
        """
        ...


@dataclass(frozen=True, slots=True)
class Data:
    """An opened source.

    ``peak`` is the pixel value that stands for full brightness (255 for image files). ``notes`` is what the user
    should know about it, a line each. ``statistics`` are those of all training pictures, where the source has them;
    where it has none, they are measured on those at the places ``sample``, if it says which will do.
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


@dataclass(frozen=True, slots=True)
class Held:
    """A split that lies in memory: pictures of shape (N, channels, height, width)."""

    pictures: Pixels
    labels: Labels

    def read(self, index: int) -> Pixels:
        picture: Pixels = self.pictures[index]
        return picture

    @property
    def stored(self) -> Frame:
        """See ``Resident``."""
        return Frame(*self.pictures.shape[1:])

    def fill(self, places: Places, out: Pixels) -> None:
        """See ``Resident``."""
        np.copyto(out, self.pictures[places])


class Remembered:
    """A split that reads each picture once, if all of them fit into ``limit`` bytes, and an unreadable one never twice.

    Pages of the cache are taken from the system when they are first written, so a short run costs little.
    """

    def __init__(self, split: Split, frame: Frame, limit: int = CACHE_BYTES) -> None:
        self.labels = split.labels
        self._split = split
        count = len(split.labels)
        self._kept: Pixels | None = None
        if count * frame.bytes <= limit:
            self._kept = np.empty((count, frame.channels, frame.height, frame.width), np.uint8)
        self._have = np.zeros(count, np.bool_)
        self._failed: dict[int, tuple[str, str]] = {}  # not the exception, whose traceback holds pictures

    @property
    def unreadable(self) -> int:
        """How many pictures have been found unreadable so far."""
        return len(self._failed)

    def failures(self) -> dict[int, tuple[str, str]]:
        """The pictures that have been found unreadable so far: their places, with their paths and the reasons."""
        return dict(self._failed)

    def expect_failures(self, known: Mapping[int, tuple[str, str]]) -> None:
        """Take the pictures at these places for unreadable, without trying to read them."""
        self._failed.update(known)

    @property
    def whole(self) -> Held | None:
        """The split as one that lies in memory, once every picture has been read; never, if one is unreadable."""
        return Held(self._kept, self.labels) if self._kept is not None and self._have.all() else None

    def read(self, index: int) -> Pixels:
        """The picture; see ``Split.read``. Two threads that ask for one picture at once write the same bytes."""
        if self._kept is not None and self._have[index]:
            kept: Pixels = self._kept[index]
            return kept
        known = self._failed.get(index)
        if known is not None:
            raise Unreadable(*known) from None
        try:
            picture = self._split.read(index)
        except Unreadable as problem:
            self._failed[index] = (problem.path, problem.reason)
            raise
        if self._kept is not None:
            self._kept[index] = picture
            self._have[index] = True
        return picture


def remembered(data: Data) -> Data:
    """A source whose pictures are kept in memory once they have been read, where they are few enough."""

    def kept(split: Split) -> Split:
        return split if isinstance(split, Resident) else Remembered(split, data.frame)

    return replace(
        data, train=kept(data.train), validation=kept(data.validation) if data.validation is not None else None
    )


def known_unreadable(split: Split) -> int:
    """How many pictures of a split are known to be unreadable: none, before it remembers."""
    return split.unreadable if isinstance(split, Remembered) else 0
