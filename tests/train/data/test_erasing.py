"""Erasing a part of each image (`augment erase=`): cutout and random erasing."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from linear_network import linear_network

from netspec.ir.settings import Augment, Cutout, Preprocessing, RandomErasing
from netspec.ir.shape import Shape
from netspec.train.counter_rng import uniform
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.erasing import draw_boxes, filler
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Frame

SIZE = Shape(3, 32, 24)


def test_a_cutout_is_a_square_around_any_pixel_and_cut_off_at_the_border() -> None:
    indices = np.arange(3000)
    boxes = draw_boxes(Cutout(8), 5, 1, indices, SIZE)
    rows, columns = (uniform(5, 1, indices, purpose) for purpose in (97, 98))
    for (top, left, bottom, right), row, column in zip(boxes.tolist(), rows, columns, strict=True):
        y, x = int(row * 32), int(column * 24)
        assert (top, bottom) == (max(0, y - 4), min(32, y + 4))
        assert (left, right) == (max(0, x - 4), min(24, x + 4))
    heights = boxes[:, 2] - boxes[:, 0]
    assert heights.min() == 4 and heights.max() == 8
    assert (heights == 8).mean() == pytest.approx(25 / 32, abs=0.03)  # rows 4 to 28 of 32 have a whole square


def torchvisions(erase: RandomErasing, size: Shape, rng: random.Random) -> tuple[int, int, int, int]:
    """What torchvision's RandomErasing draws, written from its description."""
    if rng.random() >= erase.p:
        return 0, 0, 0, 0
    for _ in range(10):
        area = size.height * size.width * rng.uniform(erase.min_area, erase.max_area)
        ratio = math.exp(rng.uniform(math.log(erase.min_aspect), math.log(erase.max_aspect)))
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if h < size.height and w < size.width:
            top, left = rng.randint(0, size.height - h), rng.randint(0, size.width - w)
            return top, left, top + h, left + w
    return 0, 0, 0, 0


@pytest.mark.parametrize("erase", [RandomErasing(), RandomErasing(0.9, 0.3, 1.0, 0.1, 10.0)])
def test_rectangles_have_torchvisions_distribution(erase: RandomErasing) -> None:
    """The shares below the deciles differ by less than three times their sampling error, which is 0.015 for 1,200."""
    rng = random.Random(2)
    own = draw_boxes(erase, 3, 4, np.arange(1200), SIZE)
    theirs = np.array([torchvisions(erase, SIZE, rng) for _ in range(6000)])
    for a, b in zip(own.T, theirs.T, strict=True):
        assert all(abs((a <= q).mean() - (b <= q).mean()) < 0.055 for q in np.quantile(b, np.arange(0.1, 1, 0.1)))
    areas = [((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).mean() for boxes in (own, theirs)]
    assert areas[0] == pytest.approx(areas[1], rel=0.1)


def test_boxes_do_not_depend_on_the_batch() -> None:
    together = draw_boxes(RandomErasing(), 7, 3, np.arange(20), SIZE)
    for index in range(20):
        assert draw_boxes(RandomErasing(), 7, 3, np.array([index]), SIZE).tolist() == [together[index].tolist()]
    assert together.tolist() != draw_boxes(RandomErasing(), 7, 4, np.arange(20), SIZE).tolist()


@pytest.mark.parametrize("erase", [Cutout(3), RandomErasing(0.8)])
def test_boxes_become_0_and_the_rest_stays_the_same(erase: Cutout | RandomErasing) -> None:
    frame, size = Frame(3, 8, 9), Shape(3, 6, 7)
    images = np.random.default_rng(0).integers(1, 256, (16, 3, 8, 9), np.uint8)
    graph = replace(linear_network(3, 6, 7), augment=Augment(flip="horizontal", erase=erase))
    preprocessing = Preprocessing(1, (0.5, 0.4, 0.3), "bgr", (0.2,))
    prepare = Preparation(preprocessing, None, frame, size, 255, torch.device("cpu")).for_training(graph)
    choices = choose(3, 1, np.arange(16), frame, size, graph.augment)
    assert choices.erased is not None
    x, whole = prepare(images, choices).clone(), prepare(images, replace(choices, erased=None))
    for image, before, (top, left, bottom, right) in zip(x, whole, choices.erased.tolist(), strict=True):
        expected = before.clone()
        expected[:, top:bottom, left:right] = 0
        assert torch.equal(image, expected)
    assert not torch.equal(x, whole)
    assert torch.equal(x, prepare.on_device(torch.from_numpy(images), choices))


@pytest.mark.parametrize("erase", [Cutout(3, "noise"), RandomErasing(0.8, fill="colour")])
@pytest.mark.parametrize(("std", "scale"), [((0.2,), 1), ("none", 0.25)])
def test_boxes_become_random_numbers(erase: Cutout | RandomErasing, std: tuple[float] | str, scale: float) -> None:
    frame, size = Frame(3, 6, 7), Shape(3, 6, 7)
    images = np.random.default_rng(0).integers(1, 256, (16, 3, 6, 7), np.uint8)
    graph = replace(linear_network(3, 6, 7), augment=Augment(erase=erase))
    prepare = Preparation(Preprocessing(1, "none", "bgr", std), None, frame, size, 255, torch.device("cpu"))
    choices = choose(3, 1, np.arange(16), frame, size, graph.augment)
    assert choices.erased is not None and choices.filler is not None
    x, whole = prepare(images, choices).clone(), prepare(images, replace(choices, erased=None))
    for slot, (top, left, bottom, right) in enumerate(choices.erased.tolist()):
        numbers = choices.filler.numbers(slot, 3, bottom - top, right - left)
        expected = whole[slot].clone()
        expected[:, top:bottom, left:right] = numbers.flip(0) * scale  # drawn in the order of the stored channels
        assert torch.equal(x[slot], expected)
    assert torch.equal(x, prepare.on_device(torch.from_numpy(images), choices))
    assert torch.equal(x[4:9], prepare(images[4:9], choices[4:9]))


def test_numbers_of_erased_parts_are_normal_and_differ_from_image_to_image() -> None:
    draws = filler(Cutout(1, "noise"), 1, 2, np.arange(3))
    assert draws is not None
    numbers = draws.numbers(0, 3, 40, 50)
    assert numbers.shape == (3, 40, 50) and numbers.dtype == torch.float32
    assert abs(numbers.mean().item()) < 0.03 and numbers.std().item() == pytest.approx(1, abs=0.03)
    assert (numbers.abs() < 1).float().mean().item() == pytest.approx(0.6827, abs=0.02)
    assert not torch.equal(numbers, draws.numbers(1, 3, 40, 50))
    of_channels = filler(Cutout(1, "colour"), 1, 2, np.arange(3))
    assert of_channels is not None and of_channels.numbers(0, 3, 40, 50).shape == (3, 1, 1)
    assert filler(Cutout(1), 1, 2, np.arange(3)) is None
