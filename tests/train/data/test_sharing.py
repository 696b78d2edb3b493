"""One pass read by several processes together: threads stand for them here, that agree as gloo would have them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from chances import examples
from hypothesis import given
from hypothesis import strategies as st

from netspec.train.chance import Places, shuffled
from netspec.train.data.batches.loader import Loader, Tally
from netspec.train.data.batches.sharing import Failures, Sharing
from netspec.train.data.picture import CachedSplit, Frame, Pixels, Split, Unreadable

FRAME = Frame(1, 1, 2)


@dataclass
class Numbered:
    """A split whose picture k is all k; those in ``broken`` cannot be read."""

    count: int
    broken: frozenset[int] = frozenset()
    read_so_far: int = 0

    def __post_init__(self) -> None:
        self.labels = np.arange(self.count) % 3

    def read(self, index: int) -> Pixels:
        self.read_so_far += 1
        if index in self.broken:
            raise Unreadable(f"picture {index}", "broken")
        return np.full((1, 1, 2), index, np.uint8)


class Lying(Numbered):
    """The same, lying in memory."""

    stored = FRAME

    def fill(self, places: Places, out: Pixels) -> None:
        for slot, place in enumerate(places.tolist()):
            out[slot] = self.read(place)


@dataclass
class Table:
    """Where the members lay what they know, and wait for the others."""

    members: int
    known: dict[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.barrier = threading.Barrier(self.members, timeout=30)

    def all_of(self, rank: int, value: Any) -> list[Any]:
        self.known[rank] = value
        self.barrier.wait()
        found = [self.known[member] for member in range(self.members)]
        self.barrier.wait()
        return found


@dataclass
class Member(Sharing):
    """Reads a run of each batch's pictures; the last members one less where they cannot share alike."""

    rank: int
    table: Table

    def part(self, count: int) -> Places:
        return np.array_split(np.arange(count), self.table.members)[self.rank]

    def agreed(self, failures: Failures) -> Failures:
        return {place: why for each in self.table.all_of(self.rank, failures) for place, why in each.items()}

    def all(self, value: bool) -> bool:
        return all(self.table.all_of(self.rank, value))


@dataclass
class Seen:
    """What one pass gave: the batches' places, labels and pictures by place, what was reported, and the tally."""

    places: list[list[int]]
    labels: list[list[int]]
    pictures: list[dict[int, int]]
    reported: list[str]
    tally: Tally


def taken(split: Split, order: Places, size: int, keep: bool, **sharing: Any) -> Seen:
    reported: list[str] = []
    with Loader(2, lambda problem: reported.append(problem.path)) as loader:
        reading = loader.run(split, order, size, keep_partial=keep, **sharing)
        batches = list(reading)
    pictures = [dict(zip(b.places[b.read].tolist(), b.pictures[:, 0, 0, 0].tolist(), strict=True)) for b in batches]
    return Seen(
        [b.places.tolist() for b in batches], [b.labels.tolist() for b in batches], pictures, reported, reading.finish()
    )


def together(splits: list[Split], order: Places, size: int, keep: bool) -> list[Seen]:
    table = Table(len(splits))
    with ThreadPoolExecutor(len(splits)) as pool:
        reading = [
            pool.submit(taken, split, order, size, keep, sharing=Member(rank, table))
            for rank, split in enumerate(splits)
        ]
        return [each.result() for each in reading]


def assert_as_alone(splits: list[Split], alone: Split, size: int, keep: bool) -> None:
    """The members' batches are those of one that reads everything, and each picture is read by one of them."""
    order = shuffled(seed=1, epoch=0, count=len(alone.labels))
    wanted = taken(alone, order, size, keep)
    for each in (found := together(splits, order, size, keep)):
        assert (each.places, each.labels) == (wanted.places, wanted.labels)
        assert (each.reported, each.tally) == (wanted.reported, wanted.tally)
    for number, pictures in enumerate(wanted.pictures):
        parts = [each.pictures[number] for each in found]
        assert {place: picture for part in parts for place, picture in part.items()} == pictures
        assert sum(map(len, parts)) == len(pictures)


@examples(40)
@given(
    members=st.integers(2, 4),
    count=st.integers(1, 60),
    size=st.integers(4, 25),
    broken=st.frozensets(st.integers(0, 59), max_size=20),
    remembers=st.booleans(),
)
def test_what_is_unreadable_is_left_out_by_all(
    members: int, count: int, size: int, broken: frozenset[int], remembers: bool
) -> None:
    def split() -> Split:
        plain = Numbered(count, broken)
        return CachedSplit(plain, FRAME) if remembers else plain

    splits = [split() for _ in range(members)]
    alone = split()
    for _ in range(2):  # the second time, what is remembered is known
        assert_as_alone(splits, alone, size, keep=False)
    for each in (*splits, alone):
        assert not isinstance(each, CachedSplit) or each.failures().keys() == {p for p in broken if p < count}


def test_what_one_alone_cannot_read_is_left_out_by_all() -> None:
    """The second member reads the second half of each batch."""
    splits: list[Split] = [Numbered(12), Numbered(12, frozenset({0, 2, 3, 9}))]
    first, second = together(splits, np.arange(12), 4, keep=False)
    assert first.places == second.places == [[0, 1, 4, 5], [6, 7, 8, 10]]
    assert first.reported == second.reported == ["picture 2", "picture 3", "picture 9"]
    assert first.tally == second.tally == Tally(drawn=12, used=8, skipped=3, dropped=1)


@pytest.mark.parametrize("keep", [False, True])
def test_a_part_of_pictures_in_memory(keep: bool) -> None:
    assert_as_alone([Lying(42), Lying(42)], Numbered(42), 8, keep)


def test_each_reads_no_more_than_its_part() -> None:
    splits = [Numbered(240), Numbered(240)]
    together([*splits], np.arange(240), 8, keep=False)
    assert [split.read_so_far for split in splits] == [120, 120]


def test_what_lies_in_memory_of_one_alone() -> None:
    """All go the same way, or they would wait for each other."""
    cached = [CachedSplit(Numbered(12), FRAME) for _ in range(2)]
    taken(cached[0], np.arange(12), 4, keep=False)
    assert cached[0].whole is not None and cached[1].whole is None
    assert_as_alone([*cached], Numbered(12), 4, keep=False)
