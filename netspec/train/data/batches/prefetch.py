"""Images read ahead by threads."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from netspec.train.data.splits import Pixels, Split, Unreadable

CHUNK = 16
"""The number of images that a thread reads in one task."""

Outcomes = dict[int, Pixels | Unreadable]
"""Images, or the reasons why they are unreadable, by index in the split."""


class Prefetch:
    """Images of a split that have been requested and stay in memory until they are taken."""

    def __init__(self, pool: ThreadPoolExecutor, split: Split) -> None:
        self._pool = pool
        self._split = split
        self._pending: dict[int, Future[Outcomes]] = {}

    def request(self, indices: Iterable[int]) -> None:
        """Start reading the images with these indices, except those already requested."""
        missing = [index for index in indices if index not in self._pending]
        for start in range(0, len(missing), CHUNK):
            piece = missing[start : start + CHUNK]
            self._pending |= dict.fromkeys(piece, self._pool.submit(_read, self._split, piece))

    def take(self, indices: Iterable[int]) -> Outcomes:
        """Wait for the images with these indices and return them. Images not yet requested are read now."""
        requested = list(indices)
        self.request(requested)
        return {index: self._pending.pop(index).result()[index] for index in requested}

    def forget(self, indices: Iterable[int]) -> None:
        """Drop those of these images that have been requested."""
        for index in indices:
            self._pending.pop(index, None)

    def close(self) -> None:
        """Cancel reads that have not started."""
        for future in self._pending.values():
            future.cancel()


def _read(split: Split, indices: list[int]) -> Outcomes:
    outcomes: Outcomes = {}
    for index in indices:
        try:
            outcomes[index] = split.read(index)
        except Unreadable as problem:
            outcomes[index] = Unreadable(problem.path, problem.reason)  # a new one: tracebacks keep images alive
    return outcomes
