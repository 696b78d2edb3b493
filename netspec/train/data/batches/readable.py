"""Batches of readable images."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from netspec.train.counter_rng import Indices
from netspec.train.data.batches.prefetch import CHUNK, Prefetch
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.splits import CachedSplit, Pixels, Split, Unreadable

AHEAD = 2
"""The minimum number of batches that are read ahead. There are more if each thread would have less than two chunks to
read."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch of a pass: its ``indices`` in the split, the ``rows`` that this process reads, the images of these rows,
    and the unreadable images skipped before the batch's end, in the order of the pass."""

    indices: Indices
    rows: Indices
    images: list[Pixels]
    unreadable: list[Unreadable]


def readable_batches(
    pool: ThreadPoolExecutor, workers: int, split: Split, order: Indices, size: int, sharing: Sharing
) -> Generator[ReadBatch]:
    """Yield batches of ``size`` readable images; the last one may be smaller, even empty.

    An unreadable image is replaced with the next one of the pass. This shifts the positions of later images in the
    batch, and with them each process's part of it. So the processes exchange what they found unreadable, and then read
    what their parts lack, until all images of the batch are readable.
    """
    cache = split if isinstance(split, CachedSplit) else None
    failures = dict(sharing.merge_failures(cache.failures() if cache else {}))
    chunks = max(1, -(-len(sharing.rows(size)) // CHUNK))
    batches_ahead = max(AHEAD, -(-2 * workers // chunks))
    start = 0
    with closing(Prefetch(pool, split)) as prefetch:
        while start < len(order):
            position = start
            for _ in range(1 + batches_ahead):
                indices, position = _next_readable(order, position, size, failures)
                prefetch.request(indices[sharing.rows(len(indices))].tolist())
            images: dict[int, Pixels] = {}
            while True:
                indices, end = _next_readable(order, start, size, failures)
                rows = sharing.rows(len(indices))
                own = indices[rows].tolist()
                outcomes = prefetch.take(index for index in own if index not in images)
                unreadable = sharing.merge_failures(_failures_in(outcomes))
                images |= {index: image for index, image in outcomes.items() if isinstance(image, np.ndarray)}
                if not unreadable:
                    break
                failures.update(unreadable)
                if cache:
                    cache.expect_failures(unreadable)
            covered = order[start:end].tolist()
            prefetch.forget(covered)
            skipped = [Unreadable(*failures[index]) for index in covered if index in failures]
            yield ReadBatch(indices, rows, [images[index] for index in own], skipped)
            start = end


def _next_readable(order: Indices, start: int, size: int, failures: Failures) -> tuple[Indices, int]:
    """Return the next ``size`` indices (fewer at the end) that are not known to be unreadable, and the position in
    ``order`` after them."""
    indices: list[int] = []
    end = start
    while len(indices) < size and end < len(order):
        piece = order[end : end + size - len(indices)].tolist()
        indices += [index for index in piece if index not in failures]
        end += len(piece)
    return np.array(indices, np.int64), end


def _failures_in(outcomes: dict[int, Pixels | Unreadable]) -> Failures:
    return {index: (x.path, x.reason) for index, x in outcomes.items() if isinstance(x, Unreadable)}
