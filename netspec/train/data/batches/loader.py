"""A loader that reads batches ahead with threads. Decoding releases the GIL."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from netspec.train.counter_rng import Indices
from netspec.train.data.batches.buffers import Buffers
from netspec.train.data.batches.prefetch import CHUNK
from netspec.train.data.batches.readable import AHEAD, ReadBatch, readable_batches
from netspec.train.data.batches.sharing import UNSHARED, Sharing
from netspec.train.data.splits import CachedSplit, DecodedSplit, Labels, Pixels, Split, Unreadable

MakeBuffer = Callable[[tuple[int, int, int, int]], Pixels]
"""Allocates the memory for a batch of this shape, (N, channels, height, width)."""


@dataclass(frozen=True, slots=True)
class Batch:
    """N images, with their class numbers ``labels`` and their ``indices`` in the split.

    ``pixels`` are the stored pixels, (M, channels, height, width), of the M ``rows`` of the batch that this
    process reads. A single process reads all of them.
    """

    pixels: Pixels
    labels: Labels
    indices: Indices
    rows: Indices


@dataclass(slots=True)
class Tally:
    """Counts of the images of one or more passes. ``drawn`` is the sum of the others, including ``unreached``."""

    drawn: int = 0
    used: int = 0
    skipped: int = 0
    dropped: int = 0

    @property
    def unreached(self) -> int:
        """The number of images left over when a pass ended early."""
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
class _Ready:
    """A batch, or ``None`` if too few images are left, and the number of unreadable images skipped before it."""

    batch: Batch | None
    skipped: int


class Loader:
    """Reads the splits of a source. A context manager whose exit ends the threads.

    Parameters
    ----------
    workers:
        The number of reading threads.
    report:
        Called for each unreadable image, every time it is encountered, in the thread that iterates over the batches.
    buffers:
        Allocates the memory of batches; ``None`` for ordinary memory.
    """

    def __init__(self, workers: int, report: Callable[[Unreadable], None], buffers: MakeBuffer | None = None) -> None:
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="netspec-reader")
        self._report = report
        self._buffer = buffers if buffers is not None else Buffers(np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(self, split: Split, order: Indices, batch: int, *, keep_partial: bool, sharing: Sharing = UNSHARED) -> Pass:
        """Start a pass over the images with the indices ``order``. ``sharing`` divides each batch among processes."""
        in_memory = split.whole if isinstance(split, CachedSplit) else None
        # All processes must take the same branch below, since only ``_decode_batches`` exchanges failures.
        if sharing.all(in_memory is not None) and in_memory is not None:
            split = in_memory
        if isinstance(split, DecodedSplit):
            ready = self._fill_batches(split, order, batch, keep_partial, sharing)
        else:
            ready = self._decode_batches(split, order, batch, keep_partial, sharing)
        return Pass(ready, len(order), batch, keep_partial)

    def _fill_batches(
        self, split: DecodedSplit, order: Indices, batch: int, keep_partial: bool, sharing: Sharing
    ) -> Generator[_Ready]:
        """Yield batches that the threads fill in place. As no image is unreadable, all positions are known ahead."""
        end = len(order) if keep_partial else len(order) - len(order) % batch
        starts = iter(range(0, end, batch))
        frame, labels = split.stored, split.labels
        pending: deque[tuple[Batch, list[Future[None]]]] = deque()
        try:
            while True:
                while len(pending) <= AHEAD and (start := next(starts, None)) is not None:
                    indices = order[start : start + batch]
                    rows = sharing.rows(len(indices))
                    own = indices[rows]
                    pixels = self._buffer((len(own), frame.channels, frame.height, frame.width))
                    futures = [
                        self._pool.submit(split.fill, own[i : i + CHUNK], pixels[i : i + CHUNK])
                        for i in range(0, len(own), CHUNK)
                    ]
                    pending.append((Batch(pixels, labels[indices], indices, rows), futures))
                if not pending:
                    return
                filled, futures = pending.popleft()
                for future in futures:
                    future.result()
                yield _Ready(filled, 0)
        finally:
            for _, futures in pending:
                for future in futures:
                    future.cancel()

    def _decode_batches(
        self, split: Split, order: Indices, size: int, keep_partial: bool, sharing: Sharing
    ) -> Generator[_Ready]:
        """Yield batches of readable images. No reference to a batch is kept, so that its memory can be reused."""
        with closing(readable_batches(self._pool, self._workers, split, order, size, sharing)) as batches:
            for read_batch in batches:
                for problem in read_batch.unreadable:
                    self._report(problem)
                full = len(read_batch.indices) == size or (keep_partial and len(read_batch.indices) > 0)
                yield _Ready(self._stack(read_batch, split.labels) if full else None, len(read_batch.unreadable))

    def _stack(self, read_batch: ReadBatch, labels: Labels) -> Batch:
        channels, height, width = read_batch.images[0].shape
        pixels = np.stack(read_batch.images, out=self._buffer((len(read_batch.images), channels, height, width)))
        return Batch(pixels, labels[read_batch.indices], read_batch.indices, read_batch.rows)


class Pass:
    """An iterable over the batches of one pass. All but the last are full; an incomplete last one is kept or dropped.

    ``tally`` counts the images and is complete after ``finish``. ``waited`` is the time in seconds that the consumer
    has spent waiting for batches.
    """

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
        """End the pass, wherever it is, and return the tally. The remaining images count as dropped if they are too few
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
