"""One pass over the data shared by several processes. Here threads stand for the processes, and a table for gloo."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from numbered import Numbered, NumberedInMemory

from netspec.train.counter_rng import Indices, shuffled
from netspec.train.data.batches.loader import Loader, Tally
from netspec.train.data.batches.mixing import with_partners
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.splits import CachedSplit, Frame, Split

FRAME = Frame(1, 1, 2)


@dataclass
class Table:
    """Exchanges values between the members: each waits until all have contributed."""

    members: int
    values: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(self.members, timeout=30)

    def gather(self, rank: int, value: Any) -> list[Any]:
        self.values[rank] = value
        self.barrier.wait()
        values = [self.values[member] for member in range(self.members)]
        self.barrier.wait()
        return values


@dataclass
class Member(Sharing):
    """Reads a contiguous part of each batch. If the parts cannot be equal, the last ones are smaller by one. If images
    are ``mixed``, it also reads those that are mixed into its own."""

    rank: int
    table: Table
    mixed: bool = False

    def rows(self, count: int) -> Indices:
        own = np.array_split(np.arange(count), self.table.members)[self.rank]
        return with_partners(own, count) if self.mixed else own

    def merge_failures(self, failures: Failures) -> Failures:
        return {place: why for one in self.table.gather(self.rank, failures) for place, why in one.items()}

    def all(self, value: bool) -> bool:
        return all(self.table.gather(self.rank, value))


@dataclass
class Pass:
    """The results of a pass: each batch's indices and labels, the pixels by index, the reported problems, the tally."""

    indices: list[list[int]]
    labels: list[list[int]]
    pixels: list[dict[int, int]]
    reported: list[str]
    tally: Tally


def load(split: Split, order: Indices, size: int, keep: bool, **sharing: Any) -> Pass:
    reported: list[str] = []
    with Loader(2, lambda problem: reported.append(problem.path)) as loader:
        reading = loader.run(split, order, size, keep_partial=keep, **sharing)
        batches = list(reading)
    pixels = [dict(zip(b.indices[b.rows].tolist(), b.pixels[:, 0, 0, 0].tolist(), strict=True)) for b in batches]
    return Pass(
        [b.indices.tolist() for b in batches], [b.labels.tolist() for b in batches], pixels, reported, reading.finish()
    )


def load_together(splits: list[Split], order: Indices, size: int, keep: bool, mixed: bool = False) -> list[Pass]:
    table = Table(len(splits))
    with ThreadPoolExecutor(len(splits)) as pool:
        futures = [
            pool.submit(load, split, order, size, keep, sharing=Member(rank, table, mixed))
            for rank, split in enumerate(splits)
        ]
        return [future.result() for future in futures]


def assert_like_single_process(splits: list[Split], alone: Split, size: int, keep: bool, mixed: bool = False) -> None:
    """Check that the members' batches are those of a single process, and that one member reads each image or, if images
    are mixed, that each member also reads the image before its first one."""
    order = shuffled(seed=1, epoch=0, count=len(alone.labels))
    expected = load(alone, order, size, keep)
    shared = load_together(splits, order, size, keep, mixed)
    for one in shared:
        assert (one.indices, one.labels) == (expected.indices, expected.labels)
        assert (one.reported, one.tally) == (expected.reported, expected.tally)
    for number, pixels in enumerate(expected.pixels):
        parts = [one.pixels[number] for one in shared]
        assert {index: pixel for part in parts for index, pixel in part.items()} == pixels
        others = sum(0 < len(own) < len(pixels) for own in np.array_split(np.arange(len(pixels)), len(splits)))
        assert sum(map(len, parts)) == len(pixels) + mixed * others


@examples(40)
@given(
    members=st.integers(2, 4),
    count=st.integers(1, 60),
    size=st.integers(4, 25),
    broken=st.frozensets(st.integers(0, 59), max_size=20),
    cached=st.booleans(),
    mixed=st.booleans(),
)
def test_members_together_load_what_one_process_loads(
    members: int, count: int, size: int, broken: frozenset[int], cached: bool, mixed: bool
) -> None:
    def make_split() -> Split:
        plain = Numbered(count, broken)
        return CachedSplit(plain, FRAME) if cached else plain

    splits = [make_split() for _ in range(members)]
    alone = make_split()
    for _ in range(2):  # the second time, cached splits know their unreadable images
        assert_like_single_process(splits, alone, size, keep=False, mixed=mixed)
    for one in (*splits, alone):
        assert not isinstance(one, CachedSplit) or one.failures().keys() == {p for p in broken if p < count}


def test_image_unreadable_for_one_member_is_left_out_by_all() -> None:
    """The second member reads the second half of each batch."""
    splits: list[Split] = [Numbered(12), Numbered(12, frozenset({0, 2, 3, 9}))]
    first, second = load_together(splits, np.arange(12), 4, keep=False)
    assert first.indices == second.indices == [[0, 1, 4, 5], [6, 7, 8, 10]]
    assert first.reported == second.reported == ["image 2", "image 3", "image 9"]
    assert first.tally == second.tally == Tally(drawn=12, used=8, skipped=3, dropped=1)


@pytest.mark.parametrize("keep", [False, True])
def test_images_in_memory_are_shared(keep: bool) -> None:
    assert_like_single_process([NumberedInMemory(42), NumberedInMemory(42)], Numbered(42), 8, keep)


def test_each_member_reads_only_its_part() -> None:
    splits = [Numbered(240), Numbered(240)]
    load_together([*splits], np.arange(240), 8, keep=False)
    assert [split.reads for split in splits] == [120, 120]


def test_split_cached_by_only_one_member_is_shared() -> None:
    """All members must then read in the same way, or they would wait for each other forever."""
    cached = [CachedSplit(Numbered(12), FRAME) for _ in range(2)]
    load(cached[0], np.arange(12), 4, keep=False)
    assert cached[0].whole is not None and cached[1].whole is None
    assert_like_single_process([*cached], Numbered(12), 4, keep=False)
