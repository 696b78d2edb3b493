"""Images read ahead by threads."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from netspec.train.data.picture import Pixels, Split, Unreadable

CHUNK = 16
"""The number of images that a thread reads in one task."""

Outcomes = dict[int, Pixels | Unreadable]
"""Images, or the reasons why they are unreadable, by place in the split."""


class Prefetch:
    """Images of a split that have been requested and stay in memory until they are taken."""

    def __init__(self, pool: ThreadPoolExecutor, split: Split) -> None:
        self._pool = pool
        self._split = split
        self._pending: dict[int, Future[Outcomes]] = {}

    def request(self, places: Iterable[int]) -> None:
        """Start reading the images at these places, except those already requested."""
        missing = [place for place in places if place not in self._pending]
        for start in range(0, len(missing), CHUNK):
            piece = missing[start : start + CHUNK]
            self._pending |= dict.fromkeys(piece, self._pool.submit(_read, self._split, piece))

    def take(self, places: Iterable[int]) -> Outcomes:
        """Wait for the images at these places and return them. Images not yet requested are read now."""
        requested = list(places)
        self.request(requested)
        return {place: self._pending.pop(place).result()[place] for place in requested}

    def forget(self, places: Iterable[int]) -> None:
        """Drop those of these images that have been requested."""
        for place in places:
            self._pending.pop(place, None)

    def close(self) -> None:
        """Cancel reads that have not started."""
        for future in self._pending.values():
            future.cancel()


def _read(split: Split, places: list[int]) -> Outcomes:
    outcomes: Outcomes = {}
    for place in places:
        try:
            outcomes[place] = split.read(place)
        except Unreadable as problem:
            outcomes[place] = Unreadable(problem.path, problem.reason)  # a new one: tracebacks keep images alive
    return outcomes
