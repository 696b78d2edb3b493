"""A pass's batches of those pictures that can be read."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from netspec.train.chance import Places
from netspec.train.data.batches.prefetch import CHUNK, Prefetch
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.picture import Pixels, Remembered, Split, Unreadable

AHEAD = 2
"""Batches that are read ahead of the one that is being taken, or so many more that every thread has two chunks to
read."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next batch of a pass: its places in the split, which of them are read here, and their pictures; and what was
    unreadable on the way to it, in the order of the pass."""

    places: Places
    read: Places
    pictures: list[Pixels]
    unreadable: list[Unreadable]


def readable(
    pool: ThreadPoolExecutor, workers: int, split: Split, order: Places, size: int, sharing: Sharing
) -> Generator[Step]:
    """Batches of ``size``, the last one smaller, perhaps empty: an unreadable picture's place is taken by the next one.

    Who reads what of a batch goes by the pictures' places in it. What has been found unreadable moves them, so all
    agree on it before they go on; then a process reads what has come into its part.
    """
    remembers = split if isinstance(split, Remembered) else None
    known = dict(sharing.agreed(remembers.failures() if remembers else {}))
    chunks = max(1, -(-len(sharing.part(size)) // CHUNK))
    batches_ahead = max(AHEAD, -(-2 * workers // chunks))
    start = 0
    with closing(Prefetch(pool, split)) as prefetch:
        while start < len(order):
            position = start
            for _ in range(1 + batches_ahead):
                places, position = _next(order, position, size, known)
                prefetch.ask(places[sharing.part(len(places))].tolist())
            pictures: dict[int, Pixels] = {}
            while True:
                places, end = _next(order, start, size, known)
                read = sharing.part(len(places))
                mine = places[read].tolist()
                found = prefetch.take(place for place in mine if place not in pictures)
                unreadable = sharing.agreed(_failures(found))
                pictures |= {place: picture for place, picture in found.items() if isinstance(picture, np.ndarray)}
                if not unreadable:
                    break
                known.update(unreadable)
                if remembers:
                    remembers.expect_failures(unreadable)
            passed = order[start:end].tolist()
            prefetch.forget(passed)
            left_out = [Unreadable(*known[place]) for place in passed if place in known]
            yield Step(places, read, [pictures[place] for place in mine], left_out)
            start = end


def _next(order: Places, start: int, size: int, known: Failures) -> tuple[Places, int]:
    """So many of the next places, if there are, of which nothing bad is known; and where in the order they end."""
    places: list[int] = []
    end = start
    while len(places) < size and end < len(order):
        piece = order[end : end + size - len(places)].tolist()
        places += [place for place in piece if place not in known]
        end += len(piece)
    return np.array(places, np.int64), end


def _failures(found: dict[int, Pixels | Unreadable]) -> Failures:
    return {place: (x.path, x.reason) for place, x in found.items() if isinstance(x, Unreadable)}
