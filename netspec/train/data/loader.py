"""Batches read ahead of the step that takes them, by threads; decoding releases Python's lock."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from netspec.train.chance import Places
from netspec.train.data.picture import Labels, Pixels, Split, Unreadable

CHUNK = 16
"""Pictures that a thread reads at a time."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (N, channels, height, width), their classes, and their places in the split."""

    pictures: Pixels
    labels: Labels
    places: Places


@dataclass(slots=True)
class Tally:
    """What became of the pictures of one or several passes: the four others add up to ``drawn``."""

    drawn: int = 0
    used: int = 0
    skipped: int = 0
    dropped: int = 0

    @property
    def unreached(self) -> int:
        """Pictures that were left when a pass was ended early."""
        return self.drawn - self.used - self.skipped - self.dropped

    def add(self, other: Tally) -> None:
        self.drawn += other.drawn
        self.used += other.used
        self.skipped += other.skipped
        self.dropped += other.dropped

    def as_dict(self) -> dict[str, int]:
        return {
            "drawn": self.drawn,
            "used": self.used,
            "skipped": self.skipped,
            "dropped": self.dropped,
            "unreached": self.unreached,
        }


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Neighbours in a pass's order: those that could be read, and how many could not."""

    pictures: Sequence[Pixels]
    places: Sequence[int]
    failed: Sequence[Unreadable]


class Loader:
    """Reads the splits of one source. A context manager: its threads end with it.

    Parameters
    ----------
    workers:
        How many threads read.
    report:
        Called with every unreadable picture, each time that one is met, from the thread that takes the batches.
    """

    def __init__(self, workers: int, report: Callable[[Unreadable], None]) -> None:
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="netspec-reader")
        self._report = report

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, split: Split, order: Places, batch: int, *, keep_partial: bool) -> Pass:
        """One pass over the places in ``order``."""
        return Pass(self._chunks(split, order, batch), split.labels, len(order), batch, keep_partial)

    def _chunks(self, split: Split, order: Places, batch: int) -> Generator[_Chunk]:
        """The order in pieces, read by the pool, no more than about two batches ahead."""
        pieces = iter([order[start : start + CHUNK].tolist() for start in range(0, len(order), CHUNK)])
        ahead = 2 * -(-batch // CHUNK) + self._workers
        waiting: deque[Future[_Chunk]] = deque()
        try:
            while True:
                while len(waiting) < ahead and (piece := next(pieces, None)) is not None:
                    waiting.append(self._pool.submit(_read, split, piece))
                if not waiting:
                    return
                chunk = waiting.popleft().result()
                for problem in chunk.failed:
                    self._report(problem)
                yield chunk
        finally:
            for future in waiting:
                future.cancel()


class Pass:
    """Iterate for the batches of one pass. Unreadable pictures are left out and the next ones take their place, so
    that all batches but the last are full; the last is kept or dropped. ``tally`` counts, and is complete after
    ``finish``; ``waited`` is the seconds that the taker of the batches spent waiting for them."""

    def __init__(self, chunks: Generator[_Chunk], labels: Labels, drawn: int, batch: int, keep_partial: bool) -> None:
        self.tally = Tally(drawn=drawn)
        self.waited = 0.0
        self._chunks = chunks
        self._labels = labels
        self._batch = batch
        self._keep_partial = keep_partial

    def __iter__(self) -> Iterator[Batch]:
        pictures: list[Pixels] = []
        places: list[int] = []
        size = self._batch
        with closing(self._chunks):  # a taker who leaves early ends the reading ahead
            while (chunk := self._next()) is not None:
                self.tally.skipped += len(chunk.failed)
                pictures += chunk.pictures
                places += chunk.places
                while len(places) >= size:
                    yield self._hand_out(pictures[:size], places[:size])
                    pictures, places = pictures[size:], places[size:]
            if places and self._keep_partial:
                yield self._hand_out(pictures, places)

    def finish(self) -> Tally:
        """End the pass, wherever it is, and return the tally. What is left counts as dropped where it is too little
        for another batch."""
        self._chunks.close()
        if not self._keep_partial and self.tally.unreached < self._batch:
            self.tally.dropped += self.tally.unreached
        return self.tally

    def _next(self) -> _Chunk | None:
        start = time.perf_counter()
        chunk = next(self._chunks, None)
        self.waited += time.perf_counter() - start
        return chunk

    def _hand_out(self, pictures: list[Pixels], places: list[int]) -> Batch:
        start = time.perf_counter()
        where = np.array(places, np.int64)
        batch = Batch(np.stack(pictures), self._labels[where], where)
        self.waited += time.perf_counter() - start
        self.tally.used += len(places)
        return batch


def _read(split: Split, places: list[int]) -> _Chunk:
    pictures, kept, failed = [], [], []
    for place in places:
        try:
            pictures.append(split.read(place))
            kept.append(place)
        except Unreadable as problem:
            failed.append(Unreadable(problem.path, problem.reason))  # without the traceback, which holds pictures
    return _Chunk(pictures, kept, failed)
