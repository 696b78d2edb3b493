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
from netspec.train.data.batches.erasing import draw_boxes
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
