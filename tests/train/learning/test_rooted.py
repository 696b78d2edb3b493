"""RMSProp and AdaGrad against PyTorch's, and against the formulas of TensorFlow and Caffe restated in numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from steep_gradients import copies, gradients
from torch import Tensor

from netspec.ir.rules import AdaGrad, RmsProp
from netspec.train.learning.optimiser import set_state, state_of
from netspec.train.learning.rooted import Rooted
from netspec.train.learning.rule import Group

Array = NDArray[np.float64]


def tensorflow(w: Array, given: list[Array], lr: list[float], momentum: float, epsilon: float, centered: bool) -> Array:
    """ApplyRMSProp and ApplyCenteredRMSProp of TensorFlow 1 with decay=0.9, for the slots of RMSPropOptimizer."""
    rms, mom, mg = np.ones_like(w), np.zeros_like(w), np.zeros_like(w)
    for g, rate in zip(given, lr, strict=True):
        rms += (g * g - rms) * (1 - 0.9)
        mg += (g - mg) * (1 - 0.9)
        mom = mom * momentum + rate * g / np.sqrt(rms - centered * mg * mg + epsilon)
        w = w - mom
    return w


@pytest.mark.parametrize("centered", [False, True])
@pytest.mark.parametrize(("momentum", "epsilon"), [(0.9, 1.0), (0.9, 1e-3), (0.0, 1e-10)])
def test_eps_in_root_from_one_is_tensorflows_also_when_the_rate_falls(
    momentum: float, epsilon: float, centered: bool
) -> None:
    (w,) = copies(1)
    given, rates = gradients(60), [0.045 * 0.94 ** (step // 2) for step in range(60)]
    expected = tensorflow(w.detach().numpy(), [g.numpy() for g in given], rates, momentum, epsilon, centered)
    rule = RmsProp(rho=0.9, momentum=momentum, eps=0.0, eps_in_root=epsilon, start=1.0, centered=centered)
    rooted = Rooted([Group((w,), 0.045, momentum, 0.0)], rule)
    for step, gradient in enumerate(given):
        rooted.factor = rates[step] / 0.045
        w.grad = gradient.clone()
        rooted.step()
    np.testing.assert_allclose(w.detach().numpy(), expected, rtol=1e-11, atol=1e-12)


def test_conventions_differ_by_hand() -> None:
    """With the gradient 3 and rho = 0.5, s is 4.5, or 5 from 1. The steps are 0.1 * 3 / (sqrt(4.5) + 0.25), and
    0.1 * 3 / sqrt(5 + 4) = 0.1."""
    for rule, expected in (
        (RmsProp(rho=0.5, eps=0.25), 1 - 0.3 / (math.sqrt(4.5) + 0.25)),
        (RmsProp(rho=0.5, eps=0.0, eps_in_root=4.0, start=1.0), 0.9),
        (AdaGrad(eps=1.0, start=7.0), 1 - 0.3 / 5),
        (AdaGrad(eps=0.0, eps_in_root=16.0), 1 - 0.3 / 5),
        (RmsProp(rho=0.5, eps=0.5, centered=True), 1 - 0.3 / (1.5 + 0.5)),  # 4.5 - 1.5^2 = 1.5^2
    ):
        w = torch.ones(1, dtype=torch.float64).requires_grad_()
        w.grad = torch.full_like(w, 3.0)
        Rooted([Group((w,), 0.1, 0.0, 0.0)], rule).step()
        assert w.item() == pytest.approx(expected, rel=1e-14), rule


def test_variance_of_equal_gradients_never_has_a_root_that_is_not_a_number() -> None:
    w = torch.ones(1000).requires_grad_()
    rooted = Rooted([Group((w,), 1e-6, 0.0, 0.0)], RmsProp(rho=0.5, eps=1e-3, centered=True))
    gradient = torch.linspace(0.1, 3, 1000)
    for _ in range(100):
        w.grad = gradient.clone()
        rooted.step()
    variance = rooted.state["squares"][w] - rooted.state["means"][w] ** 2
    assert bool((variance < 0).any()) and bool(w.isfinite().all())


@pytest.mark.parametrize("rule", [RmsProp(momentum=0.9, eps_in_root=1e-3, centered=True), AdaGrad()])
def test_roots_of_many_parameters_are_in_memory_for_as_many_numbers_as_the_largest_has(
    rule: RmsProp | AdaGrad, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = [torch.randn(size).requires_grad_() for size in (3, 10, 4, 5, 1, 9, 2, 6)]
    alone = [w.detach().clone().requires_grad_() for w in together]
    one = Rooted([Group(tuple(together), 0.01, 0.9, 0.1)], rule)
    others = [Rooted([Group((w,), 0.01, 0.9, 0.1)], rule) for w in alone]
    portions = []
    update = Rooted._update

    def watched(self: Rooted, weights: list[Tensor], *rates: float) -> None:
        portions.append([w.numel() for w in weights])
        update(self, weights, *rates)

    monkeypatch.setattr(Rooted, "_update", watched)
    for w, v in zip(together, alone, strict=True):
        w.grad = torch.randn_like(w)
        v.grad = w.grad.clone()
    one.step()
    assert portions == [[3], [10], [4, 5, 1], [9], [2, 6]]
    for each in others:
        each.step()
    assert all(torch.equal(w, v) for w, v in zip(together, alone, strict=True))


def test_state_before_the_first_update_is_the_start() -> None:
    """A checkpoint before the first step would otherwise go on from squares of 0."""
    module = torch.nn.Linear(3, 2)
    rule = RmsProp(eps=0.0, eps_in_root=1.0, start=1.0)
    first, second = (Rooted([Group(tuple(module.parameters()), 0.1, 0.0, 0.0)], rule) for _ in range(2))
    saved = state_of(module, first, "squares")
    assert all(bool((x == 1).all()) and x.untyped_storage().size() == 4 for x in saved.values())
    set_state(module, second, {"squares": saved})
    assert second.remembered("squares", [module.weight])[0].tolist() == [[1.0] * 3] * 2
    assert bool((state_of(module, first, "velocities")["bias"] == 0).all())
