"""Augmentation and preprocessing, pixel by pixel, and the random numbers that augmentation draws."""

from __future__ import annotations

import weakref
from typing import Literal

import numpy as np
import pytest
import torch

from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.data.batches.augment import Choices, central, choose
from netspec.train.data.batches.buffers import Buffers
from netspec.train.data.batches.loader import Loader
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, Statistics, measure, statistics
from netspec.train.data.splits import Frame, InMemorySplit, Pixels

FRAME = Frame(3, 6, 7)
SIZE = Shape(3, 4, 5)
CPU = torch.device("cpu")


def random_images(count: int, frame: Frame = FRAME, seed: int = 0) -> Pixels:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, frame.channels, frame.height, frame.width), np.uint8)


def statistics_of(images: Pixels) -> Statistics:
    frame = Frame(*images.shape[1:])
    return statistics(measure((images[:2], images[2:]), frame))


def test_crop_and_mirror_select_the_right_pixels() -> None:
    images = random_images(2)
    choices = Choices(np.array([0, 2]), np.array([1, 2]), np.array([False, True]), np.zeros((2, 3)))
    x = Preparation(Preprocessing(255, "none", "rgb"), None, FRAME, SIZE, 255, CPU)(images, choices)
    assert x.dtype == torch.float32
    assert x[0].numpy().tolist() == images[0, :, 0:4, 1:6].tolist()
    assert x[1].numpy().tolist() == images[1, :, 2:6, 2:7][:, :, ::-1].tolist()


def test_mean_image_is_cropped_and_mirrored_with_the_image() -> None:
    images = random_images(8)
    statistics = statistics_of(images)
    mean = images.astype(np.float64).mean(axis=0)
    assert statistics.mean == pytest.approx(mean)
    choices = Choices(np.array([1]), np.array([2]), np.array([True]), np.zeros((1, 3)))
    x = Preparation(Preprocessing(1, "image", "rgb"), statistics, FRAME, SIZE, 255, CPU)(images[:1], choices)
    expected = ((images[0] - mean) / 255)[:, 1:5, 2:7][:, :, ::-1]
    assert x[0].numpy() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("peak", "top"), [(255, 255), (255, 1), (16, 255), (16, 1)])
def test_channel_mean_is_subtracted_before_scaling_to_the_range(peak: int, top: Literal[255, 1]) -> None:
    images = (random_images(4).astype(int) % (peak + 1)).astype(np.uint8)
    statistics = statistics_of(images)
    x = Preparation(Preprocessing(top, "channel", "rgb"), statistics, FRAME, SIZE, peak, CPU)(
        images, central(4, FRAME, SIZE)
    )
    mean = images.mean(axis=(0, 2, 3))[:, None, None]
    assert x.numpy() == pytest.approx((images - mean)[:, :, 1:5, 1:6] * (top / peak), abs=1e-4)


def test_bgr_reverses_the_channels_of_the_result() -> None:
    images = random_images(4)
    statistics = statistics_of(images)
    choices = choose(1, 0, np.arange(4), FRAME, SIZE, Augment(colour=0.1, flip="horizontal"))
    rgb, bgr = (
        Preparation(Preprocessing(255, "image", order), statistics, FRAME, SIZE, 255, CPU)(images, choices)
        for order in ("rgb", "bgr")
    )
    assert torch.equal(bgr, rgb[:, [2, 1, 0]])


def test_colour_shift_is_a_sum_of_scaled_eigenvectors() -> None:
    """Compared with V diag(s) a, where V and s come from NumPy's eigenvectors of NumPy's covariance."""
    images = random_images(8)
    pixels = images.transpose(1, 0, 2, 3).reshape(3, -1).astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(pixels, bias=True))
    statistics = statistics_of(images)
    assert statistics.axes @ statistics.axes.T == pytest.approx(np.cov(pixels, bias=True))
    shift = np.array([[0.1, -0.2, 0.3]])
    unshifted, shifted = (
        Preparation(Preprocessing(255, "none", "rgb"), statistics, FRAME, SIZE, 255, CPU)(
            images[:1], Choices(np.array([0]), np.array([0]), np.array([False]), a)
        )
        for a in (np.zeros((1, 3)), shift)
    )
    signs = np.sign(np.diag(vectors.T @ statistics.axes))
    expected = vectors @ (signs * np.sqrt(values) * shift[0])
    difference = (shifted - unshifted)[0].numpy()
    assert difference == pytest.approx(np.broadcast_to(expected[:, None, None], difference.shape), abs=1e-4)


def test_input_of_the_frames_size_is_not_cropped() -> None:
    images = random_images(3)
    size = Shape(3, 6, 7)
    x = Preparation(Preprocessing(255, "none", "rgb"), None, FRAME, size, 255, CPU)(images, central(3, FRAME, size))
    assert x.numpy().tolist() == images.tolist()


def test_central_crop_rounds_odd_margins_down() -> None:
    choices = central(2, Frame(3, 7, 10), SIZE)  # margins of 3 and 5
    assert (choices.top.tolist(), choices.left.tolist()) == ([1, 1], [2, 2])


def test_preparation_does_not_modify_the_stored_images() -> None:
    images = random_images(3)
    before = images.copy()
    size = Shape(3, 6, 7)
    choices = Choices(np.zeros(3, int), np.zeros(3, int), np.ones(3, bool), np.zeros((3, 3)))
    Preparation(Preprocessing(255, "none", "rgb"), None, FRAME, size, 255, CPU)(images, choices)
    assert images.tolist() == before.tolist()


def test_random_choices_do_not_depend_on_the_batch() -> None:
    augment = Augment(flip="horizontal", colour=0.1)
    together = choose(7, 3, np.array([4, 9, 2]), FRAME, SIZE, augment)
    alone = choose(7, 3, np.array([9]), FRAME, SIZE, augment)
    assert (together.top[1], together.left[1], together.mirror[1]) == (alone.top[0], alone.left[0], alone.mirror[0])
    assert together.shift[1].tolist() == alone.shift[0].tolist()


def test_random_choices_differ_between_seeds_epochs_and_images() -> None:
    augment = Augment(colour=0.1)
    places = np.arange(2)
    rows = [choose(seed, epoch, places, FRAME, SIZE, augment).shift for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    assert len({tuple(row) for rows_ in rows for row in rows_}) == 6


def test_random_choices_have_the_right_distributions() -> None:
    choices = choose(0, 0, np.arange(4000), FRAME, SIZE, Augment(flip="horizontal", colour=0.1))
    assert sorted(np.unique(choices.top)) == [0, 1, 2]
    assert sorted(np.unique(choices.left)) == [0, 1, 2]
    assert np.bincount(choices.top) == pytest.approx([4000 / 3] * 3, rel=0.1)
    assert choices.mirror.mean() == pytest.approx(0.5, abs=0.03)
    assert choices.shift.std() == pytest.approx(0.1, rel=0.03)
    assert choices.shift.mean() == pytest.approx(0, abs=0.004)
    assert np.corrcoef(choices.shift.T) == pytest.approx(np.eye(3), abs=0.06)


def test_nothing_varies_without_augmentation() -> None:
    choices = choose(0, 0, np.arange(100), Frame(3, 4, 5), SIZE, Augment())
    assert not choices.top.any()
    assert not choices.left.any()
    assert not choices.mirror.any()
    assert not choices.shift.any()


def test_each_epoch_has_its_own_permutation() -> None:
    first, second = counter_rng.shuffled(0, 0, 1000), counter_rng.shuffled(0, 1, 1000)
    assert sorted(first) == list(range(1000))
    assert first.tolist() == counter_rng.shuffled(0, 0, 1000).tolist()
    assert first.tolist() != second.tolist()
    assert abs(np.corrcoef(first, np.arange(1000))[0, 1]) < 0.1


def test_mixing_function_is_splitmix64() -> None:
    """Compared with the first outputs from state 0 that the authors' C code prints."""
    states = np.array([0, 0x9E3779B97F4A7C15], np.uint64)
    assert counter_rng._mix(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def hashed(*numbers: int) -> int:
    """Hash several numbers: apply SplitMix64 to each number, XORed with the hash of those before it."""
    state = 0
    for number in numbers:
        x = ((state ^ number) + 0x9E3779B97F4A7C15) % 2**64
        x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
        state = x ^ x >> 31
    return state


def test_random_numbers_are_hashes_of_seed_epoch_purpose_and_place() -> None:
    for seed, unsigned in ((7, 7), (2**64 + 7, 7), (-1, 2**64 - 1)):
        numbers = counter_rng.uniform(seed, 3, np.array([5, 0]), purposes.LEFT)
        assert numbers.tolist() == [(hashed(unsigned, 3, 2, place) >> 11) / 2**53 for place in (5, 0)]
    assert counter_rng.shuffled(7, 3, 9).tolist() == sorted(range(9), key=lambda place: hashed(7, 3, 0, place))
    choices = choose(7, 3, np.arange(20), FRAME, SIZE, Augment(flip="horizontal"))
    top, left, mirror = ([(hashed(7, 3, purpose, place) >> 11) / 2**53 for place in range(20)] for purpose in (1, 2, 3))
    assert choices.top.tolist() == [int(3 * x) for x in top]
    assert choices.left.tolist() == [int(3 * x) for x in left]
    assert choices.mirror.tolist() == [x < 0.5 for x in mirror]


STATISTICS = statistics_of(random_images(8, seed=5))
AUGMENT = Augment(flip="horizontal", colour=0.1)


@pytest.mark.parametrize("mean", ["image", "channel", "none"])
@pytest.mark.parametrize(("top", "order", "std"), [(255, "rgb", "none"), (1, "bgr", "channel")])
def test_batched_preparation_gives_the_bits_of_one_by_one(
    mean: Literal["image", "channel", "none"], top: Literal[255, 1], order: Literal["rgb", "bgr"], std: str
) -> None:
    """The CPU prepares one image after the other, other devices a whole batch at once."""
    images = random_images(16)
    choices = choose(3, 1, np.arange(16), FRAME, SIZE, AUGMENT)
    assert choices.mirror.any() and not choices.mirror.all()
    prepare = Preparation(Preprocessing(top, mean, order, std), STATISTICS, FRAME, SIZE, 255, CPU)
    assert torch.equal(prepare(images, choices), prepare.on_device(torch.from_numpy(images), choices))


def test_mean_and_std_in_a_spec_follow_its_channel_order() -> None:
    """Red is 51, green 102 and blue 204, which is 0.2, 0.4 and 0.8. Blue comes first: (0.8 - 0.5) / 0.25."""
    image = np.broadcast_to(np.array([51, 102, 204], np.uint8)[None, :, None, None], (1, 3, 6, 8))
    preprocessing = Preprocessing(1, (0.5, 0.1, 0.2), "bgr", (0.25, 0.5, 2.0))
    size = Shape(3, 6, 8)
    frame = Frame(3, 6, 8)
    x = Preparation(preprocessing, None, frame, size, 255, CPU)(np.ascontiguousarray(image), central(1, frame, size))
    expected = [(0.8 - 0.5) / 0.25, (0.4 - 0.1) / 0.5, 0.0]
    assert x[0, :, 0, 0].tolist() == pytest.approx(expected, abs=1e-6)
    one_for_all = Preprocessing(255, (51.0,), "rgb", (51.0,))
    x = Preparation(one_for_all, None, frame, size, 255, CPU)(np.ascontiguousarray(image), central(1, frame, size))
    assert x[0, :, 5, 7].tolist() == [0, 1, 3]


def test_channel_std_is_measured_and_ignored_if_0() -> None:
    images = random_images(16)
    assert statistics(Moments.from_pixels(images)).channel_std == pytest.approx(
        images.transpose(1, 0, 2, 3).reshape(3, -1).std(axis=1), rel=1e-9
    )
    flat = np.full((2, 3, FRAME.height, FRAME.width), 7, np.uint8)
    preprocessing = Preprocessing(255, "channel", "rgb", "channel")
    x = Preparation(preprocessing, statistics(Moments.from_pixels(flat)), FRAME, SIZE, 255, CPU)(
        flat + 3, central(2, FRAME, SIZE)
    )
    assert bool((x == 3).all())  # 10 - 7, not divided by the std, which is 0


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("top", [255, 1])
def test_gpu_prepares_the_same_pixels_as_the_cpu(top: Literal[255, 1]) -> None:
    """Within a millionth of the range."""
    images = random_images(64)
    choices = choose(3, 1, np.arange(64), FRAME, SIZE, AUGMENT)
    on_cpu, on_gpu = (
        Preparation(Preprocessing(top, "image", "bgr"), STATISTICS, FRAME, SIZE, 255, torch.device(name))(
            images, choices
        )
        for name in ("cpu", "cuda")
    )
    assert on_gpu.device.type == "cuda"
    assert on_gpu.cpu().numpy() == pytest.approx(on_cpu.numpy(), abs=1e-6 * top)


@pytest.mark.parametrize(("workers", "batch"), [(1, 8), (4, 8), (3, 5), (2, 40)])
def test_prepared_images_do_not_depend_on_threads_or_batch_size(workers: int, batch: int) -> None:
    """They depend only on seed, epoch and place."""
    split = InMemorySplit(random_images(40), np.arange(40) % 3, str)
    prepare = Preparation(Preprocessing(255, "image"), STATISTICS, FRAME, SIZE, 255, CPU)
    alone = [
        prepare(split.pixels[place : place + 1], choose(7, 2, np.array([place]), FRAME, SIZE, AUGMENT))[0]
        for place in range(40)
    ]
    with Loader(workers, lambda problem: None) as loader:
        for one in loader.run(split, counter_rng.shuffled(7, 2, 40), batch, keep_partial=False):
            x = prepare(one.pixels, choose(7, 2, one.indices, FRAME, SIZE, AUGMENT))
            assert x.shape == (batch, 3, 4, 5)
            for place, image in zip(one.indices.tolist(), x, strict=True):
                assert torch.equal(image, alone[place])


def test_buffer_is_reused_until_another_shape_is_requested() -> None:
    buffers = Buffers(np.float32)
    first = weakref.ref(buffers((2, 3)))
    assert buffers((2, 3)) is first()
    held = buffers((2, 3))
    second = buffers((2, 3))
    assert held is first() and second is not held
    del held, second
    assert buffers((3, 2)).shape == (3, 2) and first() is None


def test_memory_is_reused_once_no_view_of_it_is_left() -> None:
    images = random_images(4)
    choices = choose(3, 1, np.arange(4), FRAME, SIZE, AUGMENT)
    prepare = Preparation(Preprocessing(255, "image"), STATISTICS, FRAME, SIZE, 255, CPU)
    first = prepare(images, choices)
    view, address = first[0, 0, 1:].view(-1), first.data_ptr()
    before = view.clone()
    del first
    second = prepare(255 - images, choices)  # while a view of the first is alive
    assert second.data_ptr() != address and torch.equal(view, before)
    del view
    assert prepare(images, choices).data_ptr() == address
    assert prepare(images[:2], choose(3, 1, np.arange(2), FRAME, SIZE, AUGMENT)).shape == (2, 3, 4, 5)
