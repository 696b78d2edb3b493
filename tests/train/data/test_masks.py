"""Masks: the labels of a grid's pixels, moved as the images are, and the synthetic ones."""

from __future__ import annotations

import numpy as np
import pytest

from netspec import loads
from netspec.ir.settings import Augment
from netspec.ir.shape import Shape
from netspec.passes.score_grid import UNLABELLED, ScoreGrid
from netspec.train.data.batches.augment import Choices, choose
from netspec.train.data.batches.masks import labels_of_masks
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.source import open_source
from netspec.train.data.splits import Frame
from netspec.train.errors import TrainError

MASK = np.arange(24, dtype=np.uint8).reshape(1, 4, 6)
DENSE = "[image] input 3x16x16\n[scores] conv filters=4 kernel=3\n"


def choices(top: int, left: int, mirror: bool = False) -> Choices:
    return Choices(np.array([top]), np.array([left]), np.array([mirror]), np.zeros((1, 1)))


@pytest.mark.parametrize(
    ("made", "grid", "expected"),
    [
        (choices(0, 0), ScoreGrid(4, 6, 1, 1, 0, 0), MASK[0].tolist()),
        (choices(0, 0), ScoreGrid(2, 2, 2, 4, 1, 1), [[7, 11], [19, 23]]),
        # the crop from row 1 and column 2 on: 8 9 10 11 / 14 15 16 17 / 20 21 22 23
        (choices(1, 2), ScoreGrid(2, 2, 2, 2, 0, 1), [[9, 11], [21, 23]]),
        (choices(1, 2, mirror=True), ScoreGrid(2, 2, 2, 2, 0, 1), [[10, 8], [22, 20]]),
    ],
)
def test_labels_by_hand(made: Choices, grid: ScoreGrid, expected: list[list[int]]) -> None:
    size = Shape(1, 4, 6) if made.left[0] == 0 else Shape(1, 3, 4)
    assert labels_of_masks(MASK, made, grid, size).tolist() == [expected]


def test_padding_is_unlabelled() -> None:
    labels = labels_of_masks(MASK, choices(0, 0), ScoreGrid(3, 3, 1, 1, 0, 0), Shape(1, 3, 3), pad=1)
    assert labels.tolist() == [[[255, 255, 255], [255, 0, 1], [255, 6, 7]]]


def test_masks_move_as_images_do() -> None:
    """Images whose pixels are the classes of their masks still are after crops, mirrors and padding."""
    graph = loads("[image] input 1x9x9 range=255\n[c] conv filters=300 kernel=1\naugment from=11 pad=2 "
                  "flip=horizontal\n").graph  # fmt: skip
    frame, size = Frame(1, 11, 11), graph.input.output
    prepare = Preparation.for_graph(graph, None, frame, 255, "cpu").for_training(graph)
    stored = np.random.default_rng(0).integers(1, 200, size=(8, 1, 11, 11), dtype=np.uint8)
    made = choose(0, 0, np.arange(8), prepare.frame, size, Augment(flip="horizontal"))
    images = prepare(stored, made).numpy()[:, 0]
    labels = labels_of_masks(stored[:, 0], made, ScoreGrid(9, 9, 1, 1, 0, 0), size, prepare.pad)
    assert made.mirror.any() and not made.mirror.all() and (labels == UNLABELLED).any()
    np.testing.assert_array_equal(images, np.where(labels == UNLABELLED, 0, labels))


def test_synthetic_masks() -> None:
    data = open_source("synthetic", loads(DENSE).graph, 3)
    image = data.train.read(7)
    assert data.masks and (image.shape, image.dtype) == ((4, 16, 16), np.uint8) and data.stored == Frame(4, 16, 16)
    np.testing.assert_array_equal(image, open_source("synthetic", loads(DENSE).graph, 3).train.read(7))
    masks = np.stack([data.train.read(index)[-1] for index in range(40)])
    assert set(np.unique(masks)) == {0, 1, 2, 3, UNLABELLED}
    assert 0 < np.mean(masks == UNLABELLED) < 0.3
    assert data.validation is not None and not np.array_equal(data.validation.read(7), image)


def test_sources_without_masks_are_refused() -> None:
    graph = loads("[image] input 1x8x8\n[scores] conv filters=11 kernel=1\n").graph
    with pytest.raises(TrainError, match=r"cifar10:\. has a class for each image, and the network needs a mask"):
        open_source("cifar10:.", graph, 0)
