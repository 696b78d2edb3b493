"""Batches: order, full batches in spite of unreadable pictures, counts that add up, the same for any thread count."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from netspec.train.chance import Places, shuffled
from netspec.train.data.batches.loader import CHUNK, Batch, Loader
from netspec.train.data.picture import CachedSplit, DecodedSplit, Frame, Pixels, Unreadable
from netspec.train.errors import TrainError


class Numbered:
    """A split whose picture k is all k; those in ``broken`` cannot be read. Early places take longest."""

    def __init__(self, count: int, broken: frozenset[int] = frozenset(), slow: bool = False) -> None:
        self.labels = np.arange(count) % 3
        self._broken = broken
        self._slow = slow
        self.readers: set[int] = set()
        self.read_so_far = 0

    def read(self, index: int) -> Pixels:
        self.readers.add(threading.get_ident())
        self.read_so_far += 1
        if self._slow:
            time.sleep(0.0005 * (index % 3))
        if index in self._broken:
            raise Unreadable(f"picture {index}", "broken")
        return np.full((1, 1, 2), index, np.uint8)


def batches(split: Numbered, workers: int, size: int, order: object = None) -> tuple[list[Batch], dict[str, int]]:
    places = np.arange(len(split.labels)) if order is None else np.asarray(order)
    with Loader(workers, lambda problem: None) as loader:
        run = loader.run(split, places, size, keep_partial=False)
        found = list(run)
        return found, run.finish().as_dict()


def test_batches_come_in_order_with_their_labels() -> None:
    found, tally = batches(Numbered(10), 2, 4)
    assert [batch.places.tolist() for batch in found] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [batch.labels.tolist() for batch in found] == [[0, 1, 2, 0], [1, 2, 0, 1]]
    assert found[1].pictures[:, 0, 0, 0].tolist() == [4, 5, 6, 7]
    assert tally == {"drawn": 10, "used": 8, "skipped": 0, "dropped": 2, "unreached": 0}


def test_the_next_picture_takes_an_unreadable_ones_place() -> None:
    found, tally = batches(Numbered(12, frozenset({1, 2, 11})), 2, 4)
    assert [batch.places.tolist() for batch in found] == [[0, 3, 4, 5], [6, 7, 8, 9]]
    assert tally == {"drawn": 12, "used": 8, "skipped": 3, "dropped": 1, "unreached": 0}


@pytest.mark.parametrize("size", [1, 5, CHUNK, 3 * CHUNK + 1])
def test_any_number_of_threads_gives_the_same_batches(size: int) -> None:
    order = shuffled(seed=3, epoch=1, count=100)
    broken = frozenset(range(0, 100, 7))
    expected, tally = batches(Numbered(100, broken), 1, size, order)
    split = Numbered(100, broken, slow=True)
    found, again = batches(split, 4, size, order)
    assert [batch.places.tolist() for batch in found] == [batch.places.tolist() for batch in expected]
    assert again == tally
    assert tally["used"] + tally["skipped"] + tally["dropped"] == 100
    assert len(split.readers) > 1


def test_every_problem_is_reported_in_the_order_of_the_pass() -> None:
    met: list[str] = []
    split = Numbered(40, frozenset({5, 30, 31}), slow=True)
    with Loader(3, lambda problem: met.append(problem.path)) as loader:
        list(loader.run(split, np.arange(40), 8, keep_partial=False))
    assert met == ["picture 5", "picture 30", "picture 31"]


@pytest.mark.parametrize("last", [2, 1])
def test_a_partial_batch_can_be_kept(last: int) -> None:
    count = 8 + last
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(Numbered(count), np.arange(count), 4, keep_partial=True)
        assert [len(batch.labels) for batch in run] == [4, 4, last]
        assert run.finish().as_dict() == {"drawn": count, "used": count, "skipped": 0, "dropped": 0, "unreached": 0}
        assert 0 < run.waited < 30


def test_a_pass_that_is_left_early_counts_what_it_did_not_reach() -> None:
    split = Numbered(1000)
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(split, np.arange(1000), 10, keep_partial=False)
        for _ in run:
            break
        tally = run.finish().as_dict()
    assert tally == {"drawn": 1000, "used": 10, "skipped": 0, "dropped": 0, "unreached": 990}
    assert split.read_so_far < 200  # reading ahead is bounded


def test_leaving_after_the_last_full_batch_drops_the_rest() -> None:
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(Numbered(23), np.arange(23), 10, keep_partial=False)
        for batch in run:
            if batch.places[-1] == 19:
                break
        assert run.finish().as_dict() == {"drawn": 23, "used": 20, "skipped": 0, "dropped": 3, "unreached": 0}


def test_a_defect_in_a_reader_is_raised_where_batches_are_taken() -> None:
    class Defective(Numbered):
        def read(self, index: int) -> Pixels:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        batches(Defective(10), 2, 4)


def test_an_unreadable_picture_holds_no_others_however_often_it_is_met() -> None:
    """A traceback holds the frames that it went through, and they hold pictures."""
    split = CachedSplit(Numbered(4, frozenset({1})), Frame(1, 1, 2))
    met: list[Unreadable] = []
    with Loader(1, met.append) as loader:
        for _ in range(3):
            list(loader.run(split, np.arange(4), 1, keep_partial=False))
    assert [(problem.path, problem.reason) for problem in met] == [("picture 1", "broken")] * 3
    assert len(set(map(id, met))) == 3
    assert all(problem.__traceback__ is problem.__context__ is problem.__cause__ is None for problem in met)
    assert split.unreadable == 1


class Lying(Numbered):
    """The same pictures, lying in memory: none is unreadable."""

    stored = Frame(1, 1, 2)

    def fill(self, places: Places, out: Pixels) -> None:
        for place, picture in zip(places.tolist(), out, strict=True):
            picture[:] = self.read(place)


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [1, 5, CHUNK, 3 * CHUNK + 1, 200])
def test_pictures_that_lie_in_memory_come_in_the_same_batches(size: int, keep: bool) -> None:
    order = shuffled(seed=3, epoch=1, count=100)
    found = []
    for split in (Numbered(100), Lying(100, slow=True)):
        with Loader(3, lambda problem: None) as loader:
            run = loader.run(split, order, size, keep_partial=keep)
            batches_ = [(one.places.tolist(), one.labels.tolist(), one.pictures.tolist()) for one in run]
            found.append((batches_, run.finish().as_dict()))
    assert isinstance(Lying(1), DecodedSplit) and not isinstance(Numbered(1), DecodedSplit)
    assert found[0] == found[1]


def test_a_pass_over_memory_that_is_left_early() -> None:
    split = Lying(1000)
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(split, np.arange(1000), 10, keep_partial=False)
        next(iter(run))
        assert run.finish().as_dict() == {"drawn": 1000, "used": 10, "skipped": 0, "dropped": 0, "unreached": 990}
    assert split.read_so_far < 100


def test_what_has_been_read_once_lies_in_memory() -> None:
    counting = Numbered(20)
    split = CachedSplit(counting, Frame(1, 1, 2))
    with Loader(2, lambda problem: None) as loader:
        assert split.whole is None
        first = [one.pictures.tolist() for one in loader.run(split, np.arange(20), 5, keep_partial=False)]
        assert isinstance(split.whole, DecodedSplit)
        assert [one.pictures.tolist() for one in loader.run(split, np.arange(20), 5, keep_partial=False)] == first
    assert counting.read_so_far == 20
    broken = CachedSplit(Numbered(4, frozenset({1})), Frame(1, 1, 2))
    with Loader(1, lambda problem: None) as loader:
        list(loader.run(broken, np.arange(4), 1, keep_partial=False))
    assert broken.whole is None


def test_batches_are_put_where_the_loader_is_told_to() -> None:
    given: list[Pixels] = []

    def room(shape: tuple[int, int, int, int]) -> Pixels:
        given.append(np.empty(shape, np.uint8))
        return given[-1]

    for split in (Numbered(10), Lying(10)):
        with Loader(2, lambda problem: None, room) as loader:
            for batch in loader.run(split, np.arange(10), 4, keep_partial=True):
                assert any(batch.pictures is memory for memory in given)


def test_a_packed_file_that_has_gone_ends_the_pass_with_its_message() -> None:
    class Gone(Lying):
        def read(self, index: int) -> Pixels:
            raise TrainError("the pack lacks train-00000.npy")

    with pytest.raises(TrainError, match="the pack lacks"):
        batches(Gone(10), 2, 4)
