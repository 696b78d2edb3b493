"""Pictures that threads read before they are needed."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from netspec.train.data.picture import Pixels, Split, Unreadable

CHUNK = 16
"""Pictures that a thread reads at a time."""

Found = dict[int, Pixels | Unreadable]
"""What became of pictures, by their places in the split."""


class Ahead:
    """Those pictures of a split that have been asked for and not yet taken."""

    def __init__(self, pool: ThreadPoolExecutor, split: Split) -> None:
        self._pool = pool
        self._split = split
        self._coming: dict[int, Future[Found]] = {}

    def ask(self, places: Iterable[int]) -> None:
        """Let these be read, but for those that are on their way."""
        fresh = [place for place in places if place not in self._coming]
        for start in range(0, len(fresh), CHUNK):
            piece = fresh[start : start + CHUNK]
            self._coming |= dict.fromkeys(piece, self._pool.submit(_read, self._split, piece))

    def take(self, places: Iterable[int]) -> Found:
        """These, waited for; what was not asked for is read now."""
        wanted = list(places)
        self.ask(wanted)
        return {place: self._coming.pop(place).result()[place] for place in wanted}

    def forget(self, places: Iterable[int]) -> None:
        """Let go of what was asked for among these."""
        for place in places:
            self._coming.pop(place, None)

    def close(self) -> None:
        """Read no more."""
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
