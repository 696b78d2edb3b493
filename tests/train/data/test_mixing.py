"""Mixup and cutmix: the numbers that they draw, the pixels and targets that they make, and who reads which images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from netspec.ir.settings import Augment
from netspec.ir.shape import Shape
from netspec.passes import purposes
from netspec.train import counter_rng
from netspec.train.data.batches.mixing import Mixture, draw_mixture, mixed_batch, symmetric_beta, with_partners

SIZE = Shape(3, 8, 12)
ALL = np.arange(6)


def batch(count: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, *SIZE, generator=generator), torch.arange(count) % 4


def mixtures(augment: Augment, steps: int = 400) -> list[Mixture]:
    drawn = [draw_mixture(augment, 7, step, SIZE) for step in range(steps)]
    return [mixture for mixture in drawn if mixture is not None]


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 2.0, 30.0])
def test_beta_numbers_have_the_moments_of_the_formula(alpha: float) -> None:
    """Beta(a, a) has mean 1/2, variance 1 / (4 (2a + 1)) and fourth central moment 3 / (16 (2a + 1)(2a + 3))."""
    count = 20_000
    steps = np.arange(count)
    u, v = (counter_rng.uniform(3, 0, steps, purposes.MIXED + i).tolist() for i in range(2))
    drawn = np.array([symmetric_beta(alpha, *uv) for uv in zip(u, v, strict=True)])
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    variance, fourth = 1 / (4 * (2 * alpha + 1)), 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert drawn.mean() == pytest.approx(0.5, abs=5 * math.sqrt(variance / count))
    assert drawn.var() == pytest.approx(variance, abs=5 * math.sqrt((fourth - variance**2) / count))
    assert ((drawn - 0.5) ** 4).mean() == pytest.approx(fourth, rel=0.05)


def test_beta_numbers_by_hand() -> None:
    """With alpha = 1 and u = 3/4, p = 1/4: v = 0 gives (1 + sqrt(3/4)) / 2; v = 1/2 the opposite; v = 1/4 the middle.
    With alpha = 1/2, p = 1/16, and v = 1/8, where cos^2 = 1/2: (1 + sqrt(1/2) sqrt((15/16) / (1/16 + 15/32))) / 2."""
    assert symmetric_beta(1, 0.75, 0) == pytest.approx((1 + math.sqrt(0.75)) / 2)
    assert symmetric_beta(1, 0.75, 0.5) == pytest.approx((1 - math.sqrt(0.75)) / 2)
    assert symmetric_beta(1, 0.75, 0.25) == pytest.approx(0.5)
    assert symmetric_beta(0.5, 0.75, 0.125) == pytest.approx((1 + math.sqrt(15 / 17)) / 2)
    assert symmetric_beta(1e-6, 0.75, 0.1) == 1
    assert symmetric_beta(1e-6, 0.75, 0.4) == 0
    assert symmetric_beta(1e9, 0.75, 0.4) == pytest.approx(0.5, abs=1e-4)


def test_draws_depend_on_the_seed_and_the_step_alone() -> None:
    augment = Augment(mixup=0.4, cutmix=1.0)
    first = draw_mixture(augment, 7, 12, SIZE)
    assert draw_mixture(augment, 7, 12, SIZE) == first
    assert draw_mixture(augment, 8, 12, SIZE) != first
    assert draw_mixture(augment, 7, 13, SIZE) != first
    assert draw_mixture(Augment(), 7, 12, SIZE) is None


def test_each_batch_takes_one_of_the_two_with_equal_probability() -> None:
    """Of 400 batches, 200 +- 50 are cut: five standard deviations of sqrt(400 / 4)."""
    both = mixtures(Augment(mixup=0.4, cutmix=1.0))
    assert sum(mixture.box is not None for mixture in both) == pytest.approx(200, abs=50)
    assert all(mixture.box is None for mixture in mixtures(Augment(mixup=0.4), 50))
    assert all(mixture.box is not None for mixture in mixtures(Augment(cutmix=0.4), 50))


def test_the_share_is_that_of_the_clipped_box() -> None:
    """Boxes keep within the image, and the share is what is left of its area. A whole box has sides of at most
    sqrt(1 - share) of the image's."""
    cut = mixtures(Augment(cutmix=1.0))
    for mixture in cut:
        assert mixture.box is not None
        rows, columns = mixture.box
        assert 0 <= rows.start <= rows.stop <= SIZE.height
        assert 0 <= columns.start <= columns.stop <= SIZE.width
        outside = np.ones((SIZE.height, SIZE.width))
        outside[rows, columns] = 0
        assert mixture.share == pytest.approx(outside.mean())
    boxes = [mixture.box for mixture in cut if mixture.box is not None]
    assert {rows.start for rows, _ in boxes} >= {0, 1, 2, 3, 4}
    assert {rows.stop for rows, _ in boxes} >= {5, 6, 7, 8}


def test_mixup_by_hand() -> None:
    images, labels = batch(3)
    mixed, targets = mixed_batch(images.clone(), labels, np.arange(3), np.arange(3), 4, Mixture(0.75))
    for row, before in ((0, 2), (1, 0), (2, 1)):
        torch.testing.assert_close(mixed[row], 0.75 * images[row] + 0.25 * images[before])
    assert targets.tolist() == [[0.75, 0, 0.25, 0], [0.25, 0.75, 0, 0], [0, 0.25, 0.75, 0]]


def test_cutmix_by_hand() -> None:
    images, labels = batch(3)
    mixed, targets = mixed_batch(
        images.clone(), labels, np.arange(3), np.arange(3), 3, Mixture(0.875, (slice(2, 6), slice(0, 3)))
    )
    expected = images.clone()
    expected[0, :, 2:6, :3], expected[1, :, 2:6, :3], expected[2, :, 2:6, :3] = (
        images[2, :, 2:6, :3],
        images[0, :, 2:6, :3],
        images[1, :, 2:6, :3],
    )
    assert torch.equal(mixed, expected)
    assert targets.tolist() == [[0.875, 0, 0.125], [0.125, 0.875, 0], [0, 0.125, 0.875]]


@pytest.mark.parametrize("mixture", [Mixture(0.3), Mixture(0.5, (slice(0, 4), slice(3, 9)))])
@pytest.mark.parametrize("rows", [[0, 1, 2], [3, 4, 5], [0, 3], [1], [0], ALL.tolist()])
def test_a_part_of_a_batch_gets_the_bits_of_the_whole(mixture: Mixture, rows: list[int]) -> None:
    """Each process reads its own rows and those before them; the first row's is the last."""
    images, labels = batch()
    whole, targets = mixed_batch(images.clone(), labels, ALL, ALL, 4, mixture)
    own = np.array(rows)
    read = with_partners(own, 6)
    assert read.tolist() == sorted({*rows, *((row - 1) % 6 for row in rows)})
    part, same_targets = mixed_batch(images[read], labels, read, own, 4, mixture)
    assert torch.equal(part, whole[own])
    assert torch.equal(same_targets, targets)


def test_smoothing_and_mixing_commute() -> None:
    """(1 - s) (m t + (1 - m) u) + s / C = m ((1 - s) t + s / C) + (1 - m) ((1 - s) u + s / C)."""
    images, labels = batch()
    _, targets = mixed_batch(images, labels, ALL, ALL, 4, Mixture(0.3))
    smoothed = torch.nn.functional.one_hot(labels, 4) * 0.9 + 0.1 / 4
    torch.testing.assert_close(targets * 0.9 + 0.1 / 4, 0.3 * smoothed + 0.7 * smoothed.roll(1, 0))
