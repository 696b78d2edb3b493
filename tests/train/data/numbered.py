"""Splits whose images can be told apart, for tests of loading."""

from __future__ import annotations

import threading
import time

import numpy as np

from netspec.train.counter_rng import Indices
from netspec.train.data.splits import Frame, Pixels, Unreadable


class Numbered:
    """A split of images of 1x1x2: all pixels of image k are k, and its label is k % 3.

    Images in ``broken`` are unreadable. ``slow`` reading takes up to a millisecond, depending on the image.
    ``reads`` counts the calls of ``read``, and ``threads`` has the ids of the threads that called it.
    """

    def __init__(self, count: int, broken: frozenset[int] = frozenset(), slow: bool = False) -> None:
        self.labels = np.arange(count) % 3
        self.reads = 0
        self.threads: set[int] = set()
        self._broken = broken
        self._slow = slow

    def name(self, index: int) -> str:
        return f"image {index}"

    def read(self, index: int) -> Pixels:
        self.threads.add(threading.get_ident())
        self.reads += 1
        if self._slow:
            time.sleep(0.0005 * (index % 3))
        if index in self._broken:
            raise Unreadable(f"image {index}", "broken")
        return np.full((1, 1, 2), index, np.uint8)


class NumberedInMemory(Numbered):
    """The same images as a ``DecodedSplit``, which can have no unreadable ones."""

    stored = Frame(1, 1, 2)

    def fill(self, indices: Indices, out: Pixels) -> None:
        for index, image in zip(indices.tolist(), out, strict=True):
            image[:] = self.read(index)
