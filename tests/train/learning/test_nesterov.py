"""Nesterov's momentum in the paper's form, by hand and against PyTorch's."""

from __future__ import annotations

import pytest
import torch

from netspec.train.learning.rule import Group, Optimiser
from netspec.train.learning.sgd import PaperSGD


def weights(count: int = 1, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(count)
    start = torch.randn(7, 5, generator=generator, dtype=dtype)
    return tuple(start.clone().requires_grad_() for _ in range(count))


def take(optimisers: list[Optimiser], tensors: tuple[torch.Tensor, ...], rates: list[float]) -> None:
    """Take a step with each of these factors of the rate, with the same gradients for all tensors."""
    generator = torch.Generator().manual_seed(9)
    for factor in rates:
        gradient = torch.randn(7, 5, generator=generator, dtype=tensors[0].dtype)
        for optimiser, w in zip(optimisers, tensors, strict=True):
            optimiser.factor = factor
            w.grad = gradient.clone()
            optimiser.step()


def test_three_steps_by_hand() -> None:
    """lr 0.1, momentum 0.9, decay 0.5, and a gradient of 2; the rate falls to a tenth before the third step.

    d1 = -0.05*1 - 0.2 = -0.25           v1 = -0.25                         w1 = 1 + 0.9*-0.25 - 0.25 = 0.525
    d2 = -0.05*0.525 - 0.2 = -0.22625    v2 = 0.9*v1 + d2 = -0.45125        w2 = 0.525 + 0.9*v2 + d2 = -0.107375
    d3 = -0.005*w2 - 0.02                v3 = 0.9*v2 + d3                   w3 = w2 + 0.9*v3 + d3
    """
    w = torch.ones(1, dtype=torch.float64).requires_grad_()
    sgd = PaperSGD([Group((w,), 0.1, 0.9, 0.5)], nesterov=True)
    steps = []
    for factor in (1.0, 1.0, 0.1):
        sgd.factor = factor
        w.grad = torch.full_like(w, 2.0)
        sgd.step()
        steps.append((sgd.state["velocities"][w].item(), w.item()))
    d3 = -0.005 * -0.107375 - 0.02
    v3 = 0.9 * -0.45125 + d3
    expected = [(-0.25, 0.525), (-0.45125, -0.107375), (v3, -0.107375 + 0.9 * v3 + d3)]
    assert steps == [pytest.approx(pair, rel=1e-14) for pair in expected]


def test_rate_is_a_part_of_the_velocity() -> None:
    """After a change of the rate, w <- w + momentum v + d with the old v, where PyTorch scales v with the new rate."""
    w, u = weights(2)
    sgd = PaperSGD([Group((w,), 0.1, 0.9, 0.01)], nesterov=True)
    velocity, plain = torch.zeros_like(u), u.detach().clone()
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        sgd.factor = 0.7**step
        w.grad = torch.randn(7, 5, generator=generator, dtype=torch.float64)
        change = -0.1 * sgd.factor * (w.grad + 0.01 * plain)
        velocity = 0.9 * velocity + change
        plain = plain + 0.9 * velocity + change
        sgd.step()
    torch.testing.assert_close(w.detach(), plain, rtol=1e-12, atol=1e-14)


def test_groups_without_momentum_and_with_super_eps_have_their_own_rules() -> None:
    """Without momentum, both rules are the same. ``super_eps`` replaces them."""
    for group in (Group((), 0.1, 0.0, 0.01), Group((), 0.1, 0.9, 0.0, super_eps=1.0)):
        tensors = weights(2)
        optimisers: list[Optimiser] = [
            PaperSGD([Group((w,), group.lr, group.momentum, group.decay, super_eps=group.super_eps)], nesterov=nesterov)
            for w, nesterov in zip(tensors, (False, True), strict=True)
        ]
        take(optimisers, tensors, [1.0, 0.5, 0.25])
        torch.testing.assert_close(*tensors, rtol=1e-13, atol=1e-14)
