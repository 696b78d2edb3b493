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
from netspec.train.data.picture import Labels, Pixels, Remembered, Resident, Split, Unreadable
from netspec.train.data.rooms import Rooms

CHUNK = 16
"""Pictures that a thread reads at a time."""

AHEAD = 2
"""Batches that are read ahead of the one that is being taken."""


Room = Callable[[tuple[int, int, int, int]], Pixels]
"""Makes memory for a batch of (N, channels, height, width)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Stored pictures (N, channels, height, width), their N classes, and their places in the split."""

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


@dataclass(frozen=True, slots=True)
class _Ready:
    """A batch (``None`` at the end of a pass) and how many pictures were skipped on the way to it."""

    batch: Batch | None
    skipped: int


class Loader:
    """Reads the splits of one source. A context manager: its threads end with it.

    Parameters
    ----------
    workers:
        How many threads read.
    report:
        Called with every unreadable picture, each time that one is met, from the thread that takes the batches.
    room:
        Where batches are put; ``None`` for ordinary memory.
    """

    def __init__(self, workers: int, report: Callable[[Unreadable], None], room: Room | None = None) -> None:
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="netspec-reader")
        self._report = report
        self._room = room if room is not None else Rooms(np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, split: Split, order: Places, batch: int, *, keep_partial: bool) -> Pass:
        """One pass over the places in ``order``."""
        if isinstance(split, Remembered) and split.whole is not None:
            split = split.whole
        if isinstance(split, Resident):
            ready = self._resident(split, order, batch, keep_partial)
        else:
            ready = self._assembled(self._chunks(split, order, batch), split.labels, batch, keep_partial)
        return Pass(ready, len(order), batch, keep_partial)

    def _resident(self, split: Resident, order: Places, batch: int, keep_partial: bool) -> Generator[_Ready]:
        """Batches filled in place by the pool: nothing can be unreadable, so every picture's slot is known at once."""
        end = len(order) if keep_partial else len(order) - len(order) % batch
        starts = iter(range(0, end, batch))
        frame, labels = split.stored, split.labels
        waiting: deque[tuple[Places, Pixels, list[Future[None]]]] = deque()
        try:
            while True:
                while len(waiting) <= AHEAD and (start := next(starts, None)) is not None:
                    places = order[start : start + batch]
                    whole = self._room((len(places), frame.channels, frame.height, frame.width))
                    filling = [
                        self._pool.submit(split.fill, places[i : i + CHUNK], whole[i : i + CHUNK])
                        for i in range(0, len(places), CHUNK)
                    ]
                    waiting.append((places, whole, filling))
                if not waiting:
                    return
                places, whole, filling = waiting.popleft()
                for part in filling:
                    part.result()
                yield _Ready(Batch(whole, labels[places], places), 0)
        finally:
            for _, _, filling in waiting:
                for part in filling:
                    part.cancel()

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

    def _assembled(self, chunks: Generator[_Chunk], labels: Labels, size: int, keep_partial: bool) -> Generator[_Ready]:
        """Batches made of chunks: unreadable pictures are left out and the next ones take their place."""

        def batch(pictures: list[Pixels], places: list[int]) -> Batch:
            channels, height, width = pictures[0].shape
            where = np.array(places, np.int64)
            whole = np.stack(pictures, out=self._room((len(pictures), channels, height, width)))
            return Batch(whole, labels[where], where)

        pictures: list[Pixels] = []
        places: list[int] = []
        skipped = 0
        with closing(chunks):  # a taker who leaves early ends the reading ahead
            for chunk in chunks:
                skipped += len(chunk.failed)
                pictures += chunk.pictures
                places += chunk.places
                while len(places) >= size:
                    yield _Ready(batch(pictures[:size], places[:size]), skipped)
                    pictures, places, skipped = pictures[size:], places[size:], 0
            yield _Ready(batch(pictures, places) if places and keep_partial else None, skipped)


class Pass:
    """Iterate for the batches of one pass. All but the last are full; the last is kept or dropped. ``tally`` counts,
    and is complete after ``finish``; ``waited`` is the seconds that the taker of the batches spent waiting for them."""

    def __init__(self, ready: Generator[_Ready], drawn: int, batch: int, keep_partial: bool) -> None:
        self.tally = Tally(drawn=drawn)
        self.waited = 0.0
        self._ready = ready
        self._batch = batch
        self._keep_partial = keep_partial

    def __iter__(self) -> Iterator[Batch]:
        with closing(self._ready):
            while (ready := self._next()) is not None:
                self.tally.skipped += ready.skipped
                if ready.batch is not None:
                    self.tally.used += len(ready.batch.labels)
                    yield ready.batch

    def finish(self) -> Tally:
        """End the pass, wherever it is, and return the tally. What is left counts as dropped where it is too little
        for another batch."""
        self._ready.close()
        if not self._keep_partial and self.tally.unreached < self._batch:
            self.tally.dropped += self.tally.unreached
        return self.tally

    def _next(self) -> _Ready | None:
        start = time.perf_counter()
        ready = next(self._ready, None)
        self.waited += time.perf_counter() - start
        return ready


def _read(split: Split, places: list[int]) -> _Chunk:
    pictures, kept, failed = [], [], []
    for place in places:
        try:
            pictures.append(split.read(place))
            kept.append(place)
        except Unreadable as problem:
            failed.append(Unreadable(problem.path, problem.reason))  # without the traceback, which holds pictures
    return _Chunk(pictures, kept, failed)
