"""Nesterov's momentum in the paper's form, by hand and against PyTorch's."""

from __future__ import annotations

import pytest
import torch
from steep_gradients import copies, gradients

from netspec.train.learning.rule import Group
from netspec.train.learning.sgd import PaperSGD


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
    w, u = copies(2)
    sgd = PaperSGD([Group((w,), 0.1, 0.9, 0.01)], nesterov=True)
    velocity, plain = torch.zeros_like(u), u.detach()
    for step, gradient in enumerate(gradients(20)):
        sgd.factor = 0.7**step
        w.grad = gradient
        change = -0.1 * sgd.factor * (gradient + 0.01 * plain)
        velocity = 0.9 * velocity + change
        plain = plain + 0.9 * velocity + change
        sgd.step()
    torch.testing.assert_close(w.detach(), plain, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("momentum", "decay", "super_eps"), [(0.0, 0.01, None), (0.9, 0.0, 1.0)])
def test_groups_without_momentum_or_with_super_eps_are_updated_as_without_nesterov(
    momentum: float, decay: float, super_eps: float | None
) -> None:
    plain, other = copies(2)
    optimisers = [
        PaperSGD([Group((w,), 0.1, momentum, decay, super_eps=super_eps)], nesterov=nesterov)
        for w, nesterov in ((plain, False), (other, True))
    ]
    for factor, gradient in zip((1.0, 0.5, 0.25), gradients(3), strict=True):
        plain.grad, other.grad = gradient.clone(), gradient.clone()
        for optimiser in optimisers:
            optimiser.factor = factor
            optimiser.step()
    torch.testing.assert_close(plain, other, rtol=1e-13, atol=1e-14)
