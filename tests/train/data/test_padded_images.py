"""Training images are padded before the crop (`augment pad=`), with black or so that padding is 0 for the network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from linear_network import linear_network

from netspec.ir.settings import Augment, Preprocessing
from netspec.ir.shape import Shape
from netspec.train.data.batches.augment import Choices, choose
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.moments import Moments, statistics
from netspec.train.data.splits import Frame, Pixels

FRAME, SIZE = Frame(3, 6, 7), Shape(3, 6, 7)
CPU = torch.device("cpu")
GRAPH = linear_network(3, 6, 7)
IMAGES: Pixels = np.random.default_rng(0).integers(1, 256, (32, 3, 6, 7), np.uint8)
INDICES = np.arange(32)


def prepared(preprocessing: Preprocessing, augment: Augment) -> Preparation:
    own = Preparation(preprocessing, statistics(Moments.from_pixels(IMAGES)), FRAME, SIZE, 255, CPU)
    return own.for_training(replace(GRAPH, augment=augment))


@pytest.mark.parametrize("fill", ["black", "mean", "reflect"])
def test_crops_are_cut_from_the_padded_image(fill: str) -> None:
    """Compared with numpy's padding. With a mean of 0, both colours are 0."""
    augment = Augment(pad=2, fill=fill)  # type: ignore[arg-type]
    prepare = prepared(Preprocessing(255, "none"), augment)
    assert prepare.frame == Frame(3, 10, 11)
    choices = choose(3, 1, INDICES, prepare.frame, SIZE, augment)
    x = prepare(IMAGES, choices).numpy()
    padded = np.pad(IMAGES, ((0, 0), (0, 0), (2, 2), (2, 2)), "reflect" if fill == "reflect" else "constant")
    for image, crop, top, left in zip(padded, x, choices.top, choices.left, strict=True):
        assert crop.tolist() == image[:, top : top + 6, left : left + 7].tolist()
    assert {*choices.top.tolist()} == {*choices.left.tolist()} == {0, 1, 2, 3, 4}


def test_black_padding_is_reduced_by_the_mean_and_the_other_is_0() -> None:
    augment = Augment(pad=6)
    mean = (10.0, 20.0, 30.0)
    black = prepared(Preprocessing(255, mean), augment)
    # Rows 0 to 4 of the crop are padding, and columns 3 to 6.
    choices = Choices(np.array([1]), np.array([10]), np.array([False]), np.zeros((1, 3)))
    x = black(IMAGES[:1], choices)[0]
    assert x[:, 0, 0].tolist() == x[:, 5, 6].tolist() == [-10, -20, -30]
    assert x[:, 5, :3].tolist() == (IMAGES[0, :, 0, 4:] - np.array(mean)[:, None]).tolist()
    zero = prepared(Preprocessing(255, mean, std=(2.0,)), Augment(pad=6, fill="mean"))(IMAGES[:1], choices)[0]
    assert not zero[:, :5].any() and not zero[:, :, 3:].any()
    assert zero[:, 5, :3].tolist() == (x[:, 5, :3] / 2).tolist()


def test_a_mean_image_goes_on_beyond_its_edge() -> None:
    mean = IMAGES.astype(np.float64).mean(0)
    for fill, beyond in (("black", -mean[:, 0, 0]), ("mean", np.zeros(3))):
        augment = Augment(pad=1, fill=fill)  # type: ignore[arg-type]
        prepare = prepared(Preprocessing(255, "image"), augment)
        choices = choose(0, 0, INDICES, prepare.frame, SIZE, augment)
        corner = next(n for n in range(32) if (choices.top[n], choices.left[n]) == (0, 0))
        x = prepare(IMAGES, choices)[corner].numpy()
        assert x[:, 0, 0] == pytest.approx(beyond, abs=1e-4)
        assert x[:, 1:, 1:] == pytest.approx((IMAGES[corner] - mean)[:, :5, :6], abs=1e-4)


@pytest.mark.parametrize("fill", ["black", "mean", "reflect"])
@pytest.mark.parametrize("mean", ["image", "channel"])
def test_a_padded_batch_has_the_bits_of_one_by_one(mean: str, fill: str) -> None:
    augment = Augment(pad=3, fill=fill, flip="horizontal", colour=0.1)  # type: ignore[arg-type]
    prepare = prepared(Preprocessing(1, mean, "bgr", "channel"), augment)
    choices = choose(5, 2, INDICES, prepare.frame, SIZE, augment)
    padded = torch.from_numpy(
        np.pad(IMAGES, ((0, 0), (0, 0), (3, 3), (3, 3)), "reflect" if fill == "reflect" else "constant")
    )
    assert torch.equal(prepare(IMAGES, choices), prepare.on_device(padded, choices))


def test_a_mean_image_is_reflected_with_the_image() -> None:
    prepare = prepared(Preprocessing(255, "image"), Augment(pad=2, fill="reflect"))
    choices = Choices(np.array([0]), np.array([0]), np.array([False]), np.zeros((1, 3)))
    x = prepare(IMAGES[:1], choices)[0].numpy()
    expected = np.pad(IMAGES[0] - IMAGES.astype(np.float64).mean(0), ((0, 0), (2, 0), (2, 0)), "reflect")[:, :6, :7]
    assert x == pytest.approx(expected, abs=1e-4)


def test_nothing_is_padded_without_pad() -> None:
    own = Preparation(Preprocessing(255, "none"), None, FRAME, SIZE, 255, CPU)
    assert own.for_training(replace(GRAPH, augment=Augment(flip="horizontal"))) is own
