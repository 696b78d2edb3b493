"""Pictures that threads read before they are taken."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from netspec.train.data.picture import Pixels, Split, Unreadable

CHUNK = 16
"""Pictures that a thread reads at a time."""

Found = dict[int, Pixels | Unreadable]
"""What became of pictures, by their places in the split."""


class Prefetch:
    """Pictures of a split that have been asked for, and that wait in memory until they are taken."""

    def __init__(self, pool: ThreadPoolExecutor, split: Split) -> None:
        self._pool = pool
        self._split = split
        self._coming: dict[int, Future[Found]] = {}

    def ask(self, places: Iterable[int]) -> None:
        """Have the pictures at these places read, unless they have been asked for already."""
        fresh = [place for place in places if place not in self._coming]
        for start in range(0, len(fresh), CHUNK):
            piece = fresh[start : start + CHUNK]
            self._coming |= dict.fromkeys(piece, self._pool.submit(_read, self._split, piece))

    def take(self, places: Iterable[int]) -> Found:
        """The pictures at these places, once they have been read. Those that were not asked for are read now."""
        wanted = list(places)
        self.ask(wanted)
        return {place: self._coming.pop(place).result()[place] for place in wanted}

    def forget(self, places: Iterable[int]) -> None:
        """Do not keep those of these pictures that have been asked for."""
        for place in places:
            self._coming.pop(place, None)

    def close(self) -> None:
        """Begin no further reading."""
        for future in self._coming.values():
            future.cancel()


def _read(split: Split, places: list[int]) -> Found:
    found: Found = {}
    for place in places:
        try:
            found[place] = split.read(place)
        except Unreadable as problem:
            found[place] = Unreadable(problem.path, problem.reason)  # without the traceback, which holds pictures
    return found
