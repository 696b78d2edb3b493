"""Random operations on images (`augment policy=`): TrivialAugment and RandAugment."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from linear_network import linear_network

from netspec.ir.settings import Augment, Preprocessing, RandAugment, TrivialAugment
from netspec.ir.shape import Shape
from netspec.train.data.batches.augment import choose
from netspec.train.data.batches.policy import NAMES, Operations, draw_operations, magnitude_of
from netspec.train.data.batches.preparation import Preparation
from netspec.train.data.splits import Frame

TRIVIAL, RANDOM = TrivialAugment(), RandAugment()
IMAGE = np.arange(0, 240, 10, np.uint8).reshape(1, 4, 6)
"""A grey image: 0, 10 ... 50 in the first row, 60 ... in the next."""


def changed(name: str, level: int, *, other: bool = False, policy: TrivialAugment | RandAugment = TRIVIAL) -> list[int]:
    """The first row of ``IMAGE`` after an operation."""
    operations = Operations(policy, np.array([[NAMES.index(name)]]), np.array([[level]]), np.array([[other]]))
    row: list[int] = operations.apply(IMAGE, 0)[0, 0].tolist()
    return row


@pytest.mark.parametrize(
    ("name", "level", "trivial", "rand"),
    [
        ("ShearX", 30, 0.99, 0.3),
        ("ShearY", 10, 0.33, 0.1),
        ("TranslateX", 30, 32, 150 / 331 * 60),
        ("TranslateY", 15, 16, 150 / 331 * 20),
        ("Rotate", 20, 90, 20),
        ("Color", 30, 0.99, 0.9),
        ("Sharpness", 0, 0, 0),
        ("Posterize", 0, 8, 8),
        ("Posterize", 9, 6, 7),  # 9 / 5 = 1.8, and 9 / 7.5 = 1.2
        ("Posterize", 30, 2, 4),
        ("Solarize", 0, 255, 255),
        ("Solarize", 10, 170, 170),
        ("Equalize", 7, 0, 0),
    ],
)
def test_magnitudes_are_torchvisions(name: str, level: int, trivial: float, rand: float) -> None:
    """Of images of 60 x 40 pixels."""
    found = [magnitude_of(policy, name, level, (60, 40)) for policy in (TRIVIAL, RANDOM)]
    assert found == pytest.approx([trivial, rand], rel=1e-6)


def test_operations_by_hand() -> None:
    row = [0, 10, 20, 30, 40, 50]
    assert changed("Identity", 30) == row
    assert changed("TranslateX", 2) == [0, 0, *row[:4]]  # 2 * 32 / 30 = 2.1 pixels to the right
    assert changed("TranslateX", 2, other=True) == [*row[2:], 0, 0]
    assert changed("TranslateY", 1, other=True) == [60, 70, 80, 90, 100, 110]
    assert changed("ShearX", 0) == changed("Rotate", 0) == changed("Brightness", 0) == row
    assert changed("Brightness", 10) == [0, 13, 26, 39, 53, 66]  # times 1.33, rounded down
    assert changed("Brightness", 10, other=True) == [0, 6, 13, 20, 26, 33]
    assert changed("Posterize", 30) == [0] * 6  # 2 bits: 0, 64, 128, 192
    assert changed("Posterize", 15) == [0, 8, 16, 24, 40, 48]  # 5 bits: multiples of 8
    assert changed("Solarize", 30) == [255 - x for x in row]  # from 0 on
    assert changed("AutoContrast", 3) == [0, 11, 22, 33, 44, 55]  # 230 becomes 255
    assert changed("Equalize", 3)[0] == 0 and changed("Equalize", 3) == sorted(changed("Equalize", 3))


@pytest.mark.parametrize(("policy", "count"), [(TRIVIAL, 1), (RANDOM, 2), (RandAugment(10, 30), 10)])
def test_draws_are_even_and_do_not_depend_on_the_batch(policy: TrivialAugment | RandAugment, count: int) -> None:
    drawn = draw_operations(policy, 3, 1, np.arange(2800))
    assert drawn.numbers.shape == drawn.levels.shape == drawn.reversed.shape == (2800, count)
    assert all(150 < n < 250 for n in Counter(drawn.numbers[:, -1].tolist()).values()) and len(NAMES) == 14
    assert set(drawn.levels.ravel().tolist()) == (
        {policy.magnitude} if isinstance(policy, RandAugment) else set(range(31))
    )
    assert 0.45 < drawn.reversed.mean() < 0.55
    some, alone = drawn[5:9], draw_operations(policy, 3, 1, np.arange(5, 9))
    for one, other in ((some.numbers, alone.numbers), (some.levels, alone.levels), (some.reversed, alone.reversed)):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("policy", [TRIVIAL, RandAugment(2, 20)])
@pytest.mark.parametrize(("channels", "peak"), [(3, 255), (1, 16)])
def test_crops_change_before_they_are_mirrored(policy: TrivialAugment | RandAugment, channels: int, peak: int) -> None:
    frame, size = Frame(channels, 9, 10), Shape(channels, 6, 7)
    images = np.random.default_rng(0).integers(0, peak + 1, (12, channels, 9, 10), np.uint8)
    graph = replace(linear_network(channels, 6, 7), augment=Augment(flip="horizontal", policy=policy))
    preprocessing = Preprocessing(1, (0.5,) * channels, "bgr", (0.2,) * channels)
    prepare = Preparation(preprocessing, None, frame, size, peak, torch.device("cpu")).for_training(graph)
    choices = choose(3, 1, np.arange(12), frame, size, graph.augment)
    assert choices.operations is not None
    x = prepare(images, choices).clone()
    for slot, image in enumerate(images):
        top, left = int(choices.top[slot]), int(choices.left[slot])
        crop = np.round(image[:, top : top + 6, left : left + 7] * (255 / peak)).astype(np.uint8)
        expected = torch.from_numpy(choices.operations.apply(crop, slot).copy()).float() / 255
        expected = expected.flip(2) if choices.mirror[slot] else expected
        assert torch.allclose((expected.flip(0) - 0.5) / 0.2, x[slot], atol=1e-6)
    assert torch.equal(x, prepare.on_device(torch.from_numpy(prepare.operated(images, choices)), choices))
