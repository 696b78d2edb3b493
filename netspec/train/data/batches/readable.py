"""Batches of readable images."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from netspec.train.chance import Places
from netspec.train.data.batches.prefetch import CHUNK, Prefetch
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.picture import CachedSplit, Pixels, Split, Unreadable

AHEAD = 2
"""The minimum number of batches that are read ahead. There are more if each thread would have less than two chunks to
read."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch of a pass: its ``places`` in the split, the indices ``read`` of those that this process reads, their
    ``pictures``, and the unreadable images skipped before the batch's end, in the order of the pass."""

    places: Places
    read: Places
    pictures: list[Pixels]
    unreadable: list[Unreadable]


def readable_batches(
    pool: ThreadPoolExecutor, workers: int, split: Split, order: Places, size: int, sharing: Sharing
) -> Generator[ReadBatch]:
    """Yield batches of ``size`` readable images; the last one may be smaller, even empty.

    An unreadable image is replaced with the next one of the pass. This shifts the positions of later images in the
    batch, and with them each process's part of it. So the processes exchange what they found unreadable, and then read
    what their parts lack, until all images of the batch are readable.
    """
    cache = split if isinstance(split, CachedSplit) else None
    failures = dict(sharing.agreed(cache.failures() if cache else {}))
    chunks = max(1, -(-len(sharing.part(size)) // CHUNK))
    batches_ahead = max(AHEAD, -(-2 * workers // chunks))
    start = 0
    with closing(Prefetch(pool, split)) as prefetch:
        while start < len(order):
            position = start
            for _ in range(1 + batches_ahead):
                places, position = _next_readable(order, position, size, failures)
                prefetch.request(places[sharing.part(len(places))].tolist())
            pictures: dict[int, Pixels] = {}
            while True:
                places, end = _next_readable(order, start, size, failures)
                read = sharing.part(len(places))
                own = places[read].tolist()
                outcomes = prefetch.take(place for place in own if place not in pictures)
                unreadable = sharing.agreed(_failures_in(outcomes))
                pictures |= {place: picture for place, picture in outcomes.items() if isinstance(picture, np.ndarray)}
                if not unreadable:
                    break
                failures.update(unreadable)
                if cache:
                    cache.expect_failures(unreadable)
            covered = order[start:end].tolist()
            prefetch.forget(covered)
            skipped = [Unreadable(*failures[place]) for place in covered if place in failures]
            yield ReadBatch(places, read, [pictures[place] for place in own], skipped)
            start = end


def _next_readable(order: Places, start: int, size: int, failures: Failures) -> tuple[Places, int]:
    """Return the next ``size`` places (fewer at the end) that are not known to be unreadable, and the position in
    ``order`` after them."""
    places: list[int] = []
    end = start
    while len(places) < size and end < len(order):
        piece = order[end : end + size - len(places)].tolist()
        places += [place for place in piece if place not in failures]
        end += len(piece)
    return np.array(places, np.int64), end


def _failures_in(outcomes: dict[int, Pixels | Unreadable]) -> Failures:
    return {place: (x.path, x.reason) for place, x in outcomes.items() if isinstance(x, Unreadable)}
