"""Loading batches: their order, replacing unreadable images, counting, and any number of threads."""

from __future__ import annotations

import numpy as np
import pytest
from numbered import Numbered, NumberedInMemory

from netspec.train.counter_rng import shuffled
from netspec.train.data.batches.loader import CHUNK, Batch, Loader
from netspec.train.data.splits import CachedSplit, DecodedSplit, Frame, Pixels, Unreadable
from netspec.train.errors import TrainError


def load(split: Numbered, workers: int, size: int, order: object = None) -> tuple[list[Batch], dict[str, int]]:
    """Load a whole pass, and return its batches and its tally."""
    places = np.arange(len(split.labels)) if order is None else np.asarray(order)
    with Loader(workers, lambda problem: None) as loader:
        run = loader.run(split, places, size, keep_partial=False)
        return list(run), run.finish().as_dict()


def test_batches_are_in_order_with_their_labels() -> None:
    batches, tally = load(Numbered(10), 2, 4)
    assert [batch.indices.tolist() for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [batch.labels.tolist() for batch in batches] == [[0, 1, 2, 0], [1, 2, 0, 1]]
    assert batches[1].pixels[:, 0, 0, 0].tolist() == [4, 5, 6, 7]
    assert tally == {"drawn": 10, "used": 8, "skipped": 0, "dropped": 2, "unreached": 0}


def test_unreadable_image_is_replaced_by_the_next() -> None:
    batches, tally = load(Numbered(12, frozenset({1, 2, 11})), 2, 4)
    assert [batch.indices.tolist() for batch in batches] == [[0, 3, 4, 5], [6, 7, 8, 9]]
    assert tally == {"drawn": 12, "used": 8, "skipped": 3, "dropped": 1, "unreached": 0}


@pytest.mark.parametrize("size", [1, 5, CHUNK, 3 * CHUNK + 1])
def test_any_number_of_threads_gives_the_same_batches(size: int) -> None:
    order = shuffled(seed=3, epoch=1, count=100)
    broken = frozenset(range(0, 100, 7))
    expected, tally = load(Numbered(100, broken), 1, size, order)
    split = Numbered(100, broken, slow=True)
    found, tally_of_4 = load(split, 4, size, order)
    assert [batch.indices.tolist() for batch in found] == [batch.indices.tolist() for batch in expected]
    assert tally_of_4 == tally
    assert tally["used"] + tally["skipped"] + tally["dropped"] == 100
    assert len(split.threads) > 1


def test_unreadable_images_are_reported_in_order() -> None:
    reported: list[str] = []
    split = Numbered(40, frozenset({5, 30, 31}), slow=True)
    with Loader(3, lambda problem: reported.append(problem.path)) as loader:
        list(loader.run(split, np.arange(40), 8, keep_partial=False))
    assert reported == ["image 5", "image 30", "image 31"]


@pytest.mark.parametrize("last", [2, 1])
def test_keep_partial_keeps_the_last_batch(last: int) -> None:
    count = 8 + last
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(Numbered(count), np.arange(count), 4, keep_partial=True)
        assert [len(batch.labels) for batch in run] == [4, 4, last]
        assert run.finish().as_dict() == {"drawn": count, "used": count, "skipped": 0, "dropped": 0, "unreached": 0}
        assert 0 < run.waited < 30


def test_pass_left_early_counts_unreached_images() -> None:
    split = Numbered(1000)
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(split, np.arange(1000), 10, keep_partial=False)
        for _ in run:
            break
        tally = run.finish().as_dict()
    assert tally == {"drawn": 1000, "used": 10, "skipped": 0, "dropped": 0, "unreached": 990}
    assert split.reads < 200  # it does not read far ahead


def test_images_after_the_last_full_batch_count_as_dropped() -> None:
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(Numbered(23), np.arange(23), 10, keep_partial=False)
        for batch in run:
            if batch.indices[-1] == 19:
                break
        assert run.finish().as_dict() == {"drawn": 23, "used": 20, "skipped": 0, "dropped": 3, "unreached": 0}


def test_exception_in_a_reader_thread_is_raised() -> None:
    class Defective(Numbered):
        def read(self, index: int) -> Pixels:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        load(Defective(10), 2, 4)


def test_reported_exceptions_have_no_traceback() -> None:
    """A traceback references the frames that it passed, and with them their images."""
    split = CachedSplit(Numbered(4, frozenset({1})), Frame(1, 1, 2))
    reported: list[Unreadable] = []
    with Loader(1, reported.append) as loader:
        for _ in range(3):
            list(loader.run(split, np.arange(4), 1, keep_partial=False))
    assert [(problem.path, problem.reason) for problem in reported] == [("image 1", "broken")] * 3
    assert len(set(map(id, reported))) == 3
    assert all(problem.__traceback__ is problem.__context__ is problem.__cause__ is None for problem in reported)
    assert split.unreadable == 1


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("size", [1, 5, CHUNK, 3 * CHUNK + 1, 200])
def test_images_in_memory_give_the_same_batches(size: int, keep: bool) -> None:
    order = shuffled(seed=3, epoch=1, count=100)
    results = []
    for split in (Numbered(100), NumberedInMemory(100, slow=True)):
        with Loader(3, lambda problem: None) as loader:
            run = loader.run(split, order, size, keep_partial=keep)
            batches = [(one.indices.tolist(), one.labels.tolist(), one.pixels.tolist()) for one in run]
            results.append((batches, run.finish().as_dict()))
    assert isinstance(NumberedInMemory(1), DecodedSplit) and not isinstance(Numbered(1), DecodedSplit)
    assert results[0] == results[1]


def test_pass_over_images_in_memory_can_be_left_early() -> None:
    split = NumberedInMemory(1000)
    with Loader(2, lambda problem: None) as loader:
        run = loader.run(split, np.arange(1000), 10, keep_partial=False)
        next(iter(run))
        assert run.finish().as_dict() == {"drawn": 1000, "used": 10, "skipped": 0, "dropped": 0, "unreached": 990}
    assert split.reads < 100


def test_cached_split_is_in_memory_after_one_pass() -> None:
    original = Numbered(20)
    split = CachedSplit(original, Frame(1, 1, 2))
    with Loader(2, lambda problem: None) as loader:
        assert split.whole is None
        first = [one.pixels.tolist() for one in loader.run(split, np.arange(20), 5, keep_partial=False)]
        assert isinstance(split.whole, DecodedSplit)
        assert [one.pixels.tolist() for one in loader.run(split, np.arange(20), 5, keep_partial=False)] == first
    assert original.reads == 20
    broken = CachedSplit(Numbered(4, frozenset({1})), Frame(1, 1, 2))
    with Loader(1, lambda problem: None) as loader:
        list(loader.run(broken, np.arange(4), 1, keep_partial=False))
    assert broken.whole is None


def test_batches_are_written_to_the_given_arrays() -> None:
    arrays: list[Pixels] = []

    def allocate(shape: tuple[int, int, int, int]) -> Pixels:
        arrays.append(np.empty(shape, np.uint8))
        return arrays[-1]

    for split in (Numbered(10), NumberedInMemory(10)):
        with Loader(2, lambda problem: None, allocate) as loader:
            for batch in loader.run(split, np.arange(10), 4, keep_partial=True):
                assert any(batch.pixels is array for array in arrays)


def test_missing_packed_file_ends_the_pass() -> None:
    class Missing(NumberedInMemory):
        def read(self, index: int) -> Pixels:
            raise TrainError("the pack lacks train-00000.npy")

    with pytest.raises(TrainError, match="the pack lacks"):
        load(Missing(10), 2, 4)
