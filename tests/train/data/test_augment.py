"""Crops, mirrors, colours and means, pixel by pixel, and the random numbers behind them."""

from __future__ import annotations

import weakref
from typing import Literal

import numpy as np
import pytest
import torch

from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.train import chance
from netspec.train.data.batches.augment import Choices, central, choose
from netspec.train.data.batches.buffers import Buffers
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, Statistics, measure, statistics
from netspec.train.data.picture import Frame, InMemorySplit, Pixels

FRAME = Frame(3, 6, 7)
SIZE = Shape(3, 4, 5)
CPU = torch.device("cpu")


def frames(count: int, frame: Frame = FRAME, seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, frame.channels, frame.height, frame.width), np.uint8)


def statistics_of(pictures: Pixels) -> Statistics:
    frame = Frame(*pictures.shape[1:])
    return statistics(measure((pictures[:2], pictures[2:]), frame))


def test_crop_and_mirror_pixel_by_pixel() -> None:
    pictures = frames(2)
    choices = Choices(np.array([0, 2]), np.array([1, 2]), np.array([False, True]), np.zeros((2, 3)))
    x = Preparation(Preprocessing(255, "none", "rgb"), None, FRAME, SIZE, 255, CPU)(pictures, choices)
    assert x.dtype == torch.float32
    assert x[0].numpy().tolist() == pictures[0, :, 0:4, 1:6].tolist()
    assert x[1].numpy().tolist() == pictures[1, :, 2:6, 2:7][:, :, ::-1].tolist()


def test_the_mean_image_is_subtracted_at_each_pixels_own_place() -> None:
    pictures = frames(8)
    statistics = statistics_of(pictures)
    mean = pictures.astype(np.float64).mean(axis=0)
    assert statistics.mean == pytest.approx(mean)
    choices = Choices(np.array([1]), np.array([2]), np.array([True]), np.zeros((1, 3)))
    x = Preparation(Preprocessing(1, "image", "rgb"), statistics, FRAME, SIZE, 255, CPU)(pictures[:1], choices)
    expected = ((pictures[0] - mean) / 255)[:, 1:5, 2:7][:, :, ::-1]
    assert x[0].numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("peak", "top"), [(255, 255), (255, 1), (16, 255), (16, 1)])
def test_range_and_channel_mean(peak: int, top: Literal[255, 1]) -> None:
    pictures = (frames(4).astype(int) % (peak + 1)).astype(np.uint8)
    statistics = statistics_of(pictures)
    x = Preparation(Preprocessing(top, "channel", "rgb"), statistics, FRAME, SIZE, peak, CPU)(
        pictures, central(4, FRAME, SIZE)
    )
    mean = pictures.mean(axis=(0, 2, 3))[:, None, None]
    assert x.numpy() == pytest.approx((pictures - mean)[:, :, 1:5, 1:6] * (top / peak), abs=1e-4)


def test_bgr_turns_the_channels_after_everything_else() -> None:
    pictures = frames(4)
    statistics = statistics_of(pictures)
    choices = choose(1, 0, np.arange(4), FRAME, SIZE, Augment(colour=0.1, flip="horizontal"))
    rgb, bgr = (
        Preparation(Preprocessing(255, "image", order), statistics, FRAME, SIZE, 255, CPU)(pictures, choices)
        for order in ("rgb", "bgr")
    )
    assert torch.equal(bgr, rgb[:, [2, 1, 0]])


def test_the_colour_shift_adds_v_times_a_times_s() -> None:
    """Against the covariance's own eigenvectors, computed here another way: V diag(s) a."""
    pictures = frames(8)
    pixels = pictures.transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(pixels, bias=True))
    statistics = statistics_of(pictures)
    assert statistics.axes @ statistics.axes.T == pytest.approx(np.cov(pixels, bias=True))
    shift = np.array([[0.1, -0.2, 0.3]])
    still, moved = (
        Preparation(Preprocessing(255, "none", "rgb"), statistics, FRAME, SIZE, 255, CPU)(
            pictures[:1], Choices(np.array([0]), np.array([0]), np.array([False]), a)
        )
        for a in (np.zeros((1, 3)), shift)
    )
    signs = np.sign(np.diag(vectors.T @ statistics.axes))
    expected = vectors @ (signs * np.sqrt(values) * shift[0])
    difference = (moved - still)[0].numpy()
    assert difference == pytest.approx(np.broadcast_to(expected[:, None, None], difference.shape), abs=1e-4)


def test_an_input_as_large_as_the_frame_is_left_where_it_is() -> None:
    pictures = frames(3)
    size = Shape(3, 6, 7)
    x = Preparation(Preprocessing(255, "none", "rgb"), None, FRAME, size, 255, CPU)(pictures, central(3, FRAME, size))
    assert x.numpy().tolist() == pictures.tolist()


def test_the_middle_of_an_odd_rest_is_the_pixel_before_it() -> None:
    choices = central(2, Frame(3, 7, 10), SIZE)  # rests of 3 and 5
    assert (choices.top.tolist(), choices.left.tolist()) == ([1, 1], [2, 2])


def test_the_stored_pictures_are_not_changed() -> None:
    pictures = frames(3)
    before = pictures.copy()
    size = Shape(3, 6, 7)
    choices = Choices(np.zeros(3, int), np.zeros(3, int), np.ones(3, bool), np.zeros((3, 3)))
    Preparation(Preprocessing(255, "none", "rgb"), None, FRAME, size, 255, CPU)(pictures, choices)
    assert pictures.tolist() == before.tolist()


def test_choices_belong_to_the_picture_and_not_to_its_batch() -> None:
    augment = Augment(flip="horizontal", colour=0.1)
    together = choose(7, 3, np.array([4, 9, 2]), FRAME, SIZE, augment)
    alone = choose(7, 3, np.array([9]), FRAME, SIZE, augment)
    assert (together.top[1], together.left[1], together.mirror[1]) == (alone.top[0], alone.left[0], alone.mirror[0])
    assert together.shift[1].tolist() == alone.shift[0].tolist()


def test_choices_differ_between_seeds_epochs_and_pictures() -> None:
    augment = Augment(colour=0.1)
    places = np.arange(2)
    rows = [choose(seed, epoch, places, FRAME, SIZE, augment).shift for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(row) for rows_ in rows for row in rows_}) == 6


def test_every_corner_is_reached_and_half_of_the_images_mirrored() -> None:
    choices = choose(0, 0, np.arange(4000), FRAME, SIZE, Augment(flip="horizontal", colour=0.1))
    assert sorted(np.unique(choices.top)) == [0, 1, 2]
    assert sorted(np.unique(choices.left)) == [0, 1, 2]
    assert np.bincount(choices.top) == pytest.approx([4000 / 3] * 3, rel=0.1)
    assert choices.mirror.mean() == pytest.approx(0.5, abs=0.03)
    assert choices.shift.std() == pytest.approx(0.1, rel=0.03)
    assert choices.shift.mean() == pytest.approx(0, abs=0.004)
    assert np.corrcoef(choices.shift.T) == pytest.approx(np.eye(3), abs=0.06)


def test_without_augment_nothing_is_varied() -> None:
    choices = choose(0, 0, np.arange(100), Frame(3, 4, 5), SIZE, Augment())
    assert not choices.top.any()
    assert not choices.left.any()
    assert not choices.mirror.any()
    assert not choices.shift.any()


def test_the_order_of_an_epoch_is_a_permutation_of_its_own() -> None:
    first, second = chance.shuffled(0, 0, 1000), chance.shuffled(0, 1, 1000)
    assert sorted(first) == list(range(1000))
    assert first.tolist() == chance.shuffled(0, 0, 1000).tolist()
    assert first.tolist() != second.tolist()
    assert abs(np.corrcoef(first, np.arange(1000))[0, 1]) < 0.1


def test_the_random_numbers_are_splitmix64s() -> None:
    """The first outputs of SplitMix64 from state 0, as its authors' C code prints them."""
    states = np.array([0, 0x9E3779B97F4A7C15], np.uint64)
    assert chance._mix(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def mixed(*numbers: int) -> int:
    """SplitMix64's function of a number, times the number of them: of each and the next, one bit against the other."""
    state = 0
    for number in numbers:
        x = ((state ^ number) + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        state = x ^ x >> 31
    return state


def test_what_is_drawn_is_a_function_of_seed_epoch_purpose_and_place_in_this_order() -> None:
    for seed, within in ((7, 7), (2**64 + 7, 7), (-1, 2**64 - 1)):
        drawn = chance.uniform(seed, 3, np.array([5, 0]), chance.LEFT)
        assert drawn.tolist() == [(mixed(within, 3, 2, place) >> 11) / 2**53 for place in (5, 0)]
    assert chance.shuffled(7, 3, 9).tolist() == sorted(range(9), key=lambda place: mixed(7, 3, 0, place))
    found = choose(7, 3, np.arange(20), FRAME, SIZE, Augment(flip="horizontal"))
    top, left, mirror = ([(mixed(7, 3, purpose, place) >> 11) / 2**53 for place in range(20)] for purpose in (1, 2, 3))
    assert found.top.tolist() == [int(3 * x) for x in top]
    assert found.left.tolist() == [int(3 * x) for x in left]
    assert found.mirror.tolist() == [x < 0.5 for x in mirror]


STATISTICS = statistics_of(frames(8, seed=5))
EVERYTHING = Augment(flip="horizontal", colour=0.1)


@pytest.mark.parametrize("mean", ["image", "channel", "none"])
@pytest.mark.parametrize(("top", "order", "std"), [(255, "rgb", "none"), (1, "bgr", "channel")])
def test_one_after_the_other_gives_the_same_bits_as_all_at_once(
    mean: Literal["image", "channel", "none"], top: Literal[255, 1], order: Literal["rgb", "bgr"], std: str
) -> None:
    """What the CPU does picture by picture is what a device does with the batch."""
    pictures = frames(16)
    choices = choose(3, 1, np.arange(16), FRAME, SIZE, EVERYTHING)
    assert choices.mirror.any() and not choices.mirror.all()
    prepare = Preparation(Preprocessing(top, mean, order, std), STATISTICS, FRAME, SIZE, 255, CPU)
    assert torch.equal(prepare(pictures, choices), prepare.on_device(torch.from_numpy(pictures), choices))


def test_numbers_of_the_spec_are_in_its_order_of_channels() -> None:
    """A picture of 51, 102 and 204 in red, green and blue: 0.2, 0.4, 0.8; blue comes first, less 0.5, by 0.25."""
    picture = np.broadcast_to(np.array([51, 102, 204], np.uint8)[None, :, None, None], (1, 3, 6, 8))
    given = Preprocessing(1, (0.5, 0.1, 0.2), "bgr", (0.25, 0.5, 2.0))
    size = Shape(3, 6, 8)
    frame = Frame(3, 6, 8)
    x = Preparation(given, None, frame, size, 255, CPU)(np.ascontiguousarray(picture), central(1, frame, size))
    wanted = [(0.8 - 0.5) / 0.25, (0.4 - 0.1) / 0.5, 0.0]
    assert x[0, :, 0, 0].tolist() == pytest.approx(wanted, abs=1e-6)
    one_for_all = Preprocessing(255, (51.0,), "rgb", (51.0,))
    x = Preparation(one_for_all, None, frame, size, 255, CPU)(np.ascontiguousarray(picture), central(1, frame, size))
    assert x[0, :, 5, 7].tolist() == [0, 1, 3]


def test_the_deviation_of_each_channel_is_that_of_its_pixels() -> None:
    pictures = frames(16)
    found = statistics(Moments.of(pictures))
    assert found.channel_std == pytest.approx(pictures.transpose(1, 0, 2, 3).reshape(3, -1).std(axis=1), rel=1e-9)
    flat = np.full((2, 3, FRAME.height, FRAME.width), 7, np.uint8)
    given = Preprocessing(255, "channel", "rgb", "channel")
    x = Preparation(given, statistics(Moments.of(flat)), FRAME, SIZE, 255, CPU)(flat + 3, central(2, FRAME, SIZE))
    assert bool((x == 3).all())  # 10 - 7: no spread, no division by it


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("top", [255, 1])
def test_a_gpu_gives_the_cpus_pixels(top: Literal[255, 1]) -> None:
    """To a millionth of the range, from the same choices."""
    pictures = frames(64)
    choices = choose(3, 1, np.arange(64), FRAME, SIZE, EVERYTHING)
    here, there = (
        Preparation(Preprocessing(top, "image", "bgr"), STATISTICS, FRAME, SIZE, 255, torch.device(name))(
            pictures, choices
        )
        for name in ("cpu", "cuda")
    )
    assert there.device.type == "cuda"
    assert there.cpu().numpy() == pytest.approx(here.numpy(), abs=1e-6 * top)


@pytest.mark.parametrize(("workers", "batch"), [(1, 8), (4, 8), (3, 5), (2, 40)])
def test_a_picture_is_varied_alike_in_any_batch_by_any_thread(workers: int, batch: int) -> None:
    """Its pixels depend on seed, epoch and place: not on who reads it, nor on how a batch is cut or divided."""
    split = InMemorySplit(frames(40), np.arange(40) % 3)
    prepare = Preparation(Preprocessing(255, "image"), STATISTICS, FRAME, SIZE, 255, CPU)
    alone = [
        prepare(split.pictures[place : place + 1], choose(7, 2, np.array([place]), FRAME, SIZE, EVERYTHING))[0]
        for place in range(40)
    ]
    with Loader(workers, lambda problem: None) as loader:
        for one in loader.run(split, chance.shuffled(7, 2, 40), batch, keep_partial=False):
            x = prepare(one.pictures, choose(7, 2, one.places, FRAME, SIZE, EVERYTHING))
            assert x.shape == (batch, 3, 4, 5)
            for place, picture in zip(one.places.tolist(), x, strict=True):
                assert torch.equal(picture, alone[place])


def test_an_array_is_kept_to_be_given_out_again_until_another_shape_is_asked_for() -> None:
    buffers = Buffers(np.float32)
    first = weakref.ref(buffers((2, 3)))
    assert buffers((2, 3)) is first()
    held = buffers((2, 3))
    second = buffers((2, 3))
    assert held is first() and second is not held
    del held, second
    assert buffers((3, 2)).shape == (3, 2) and first() is None


def test_memory_is_used_again_when_nobody_holds_it_any_more() -> None:
    pictures = frames(4)
    choices = choose(3, 1, np.arange(4), FRAME, SIZE, EVERYTHING)
    prepare = Preparation(Preprocessing(255, "image"), STATISTICS, FRAME, SIZE, 255, CPU)
    first = prepare(pictures, choices)
    kept, where = first[0, 0, 1:].view(-1), first.data_ptr()
    before = kept.clone()
    del first
    second = prepare(255 - pictures, choices)  # a piece of the first is still held
    assert second.data_ptr() != where and torch.equal(kept, before)
    del kept
    assert prepare(pictures, choices).data_ptr() == where
    assert prepare(pictures[:2], choose(3, 1, np.arange(2), FRAME, SIZE, EVERYTHING)).shape == (2, 3, 4, 5)
