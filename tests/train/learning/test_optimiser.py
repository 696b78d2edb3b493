"""The paper's update rule, by hand, and how PyTorch's SGD differs from it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import netspec
from netspec.ir.distribution import Constant
from netspec.ir.graph import Parameter
from netspec.train.learning.optimiser import optimiser_for, state_names
from netspec.train.learning.rule import Group
from netspec.train.learning.sgd import PaperSGD


def weight(value: float) -> Tensor:
    return torch.nn.Parameter(torch.tensor([value], dtype=torch.float64))


def test_three_steps_by_hand() -> None:
    """lr 0.1, momentum 0.9, decay 0.5, and a gradient of 2; the rate falls to a tenth before the third step.

    v1 = -0.5*0.1*1 - 0.1*2 = -0.25                        w1 = 0.75
    v2 = 0.9*-0.25 - 0.5*0.1*0.75 - 0.1*2 = -0.4625        w2 = 0.2875
    v3 = 0.9*-0.4625 - 0.5*0.01*0.2875 - 0.01*2 = -0.4376875   w3 = -0.1501875
    """
    w = weight(1.0)
    sgd = PaperSGD([Group((w,), 0.1, 0.9, 0.5)])
    steps = []
    for factor in (1.0, 1.0, 0.1):
        sgd.factor = factor
        w.grad = torch.full_like(w, 2.0)
        sgd.step()
        steps.append((sgd.state["velocities"][w].item(), w.item()))
    assert steps == [
        pytest.approx((-0.25, 0.75), rel=1e-14),
        pytest.approx((-0.4625, 0.2875), rel=1e-14),
        pytest.approx((-0.4376875, -0.1501875), rel=1e-14),
    ]


def test_super_eps_divides_by_running_means_by_hand() -> None:
    """super_eps=1 and lr 0.1; gradients 2, -1, 2 of a weight of 1. The momentum of 0.5 is that of the running means;
    the velocity has a fixed one of 0.9.

    With G = 1, 0, 1 and G2 = 2, 1.5, 2.75 the divisors are the square roots of 4, 2.5 and 4.75:
    v1 = -0.1 * 2 / 2 = -0.1                  v2 = 0.9 * -0.1 + 0.1 / sqrt(2.5)
    """
    w = weight(1.0)
    sgd = PaperSGD([Group((w,), 0.1, 0.5, 0.0, super_eps=1.0)], fused=True)
    v, expected, means = 0.0, 1.0, []
    for g, square in ((2.0, 4.0), (-1.0, 2.5), (2.0, 4.75)):
        w.grad = torch.full_like(w, g)
        sgd.step()
        v = 0.9 * v - 0.1 * g / square**0.5
        expected += v
        means.append((sgd.state["means"][w].item(), sgd.state["squares"][w].item()))
        assert (sgd.state["velocities"][w].item(), w.item()) == (
            pytest.approx(v, rel=1e-14),
            pytest.approx(expected, rel=1e-14),
        )
    assert means == [(1.0, 2.0), (0.0, 1.5), (1.0, 2.75)]


def test_super_eps_agrees_with_the_rule_of_2012() -> None:
    """There g was the gradient of the negative cost, and the divisor was sqrt(G2 - G + superEps)."""
    w = weight(0.3)
    sgd = PaperSGD([Group((w,), 0.2, 0.9, 0.0, super_eps=0.25)])
    theirs, v, mean, square = 0.3, 0.0, 0.0, 0.0
    for cost_gradient in (0.5, -0.5, -0.5, -0.4, 0.1):
        w.grad = torch.full_like(w, cost_gradient)
        sgd.step()
        g = -cost_gradient
        mean, square = 0.9 * mean + 0.1 * g, 0.9 * square + 0.1 * g * g
        v = 0.9 * v + 0.2 * g / (square - mean + 0.25) ** 0.5
        theirs += v
        assert w.item() == pytest.approx(theirs, rel=1e-13)


def test_weights_with_rate_0_and_super_eps_do_not_change() -> None:
    """With g = -0.5 the divisor would be the square root of g^2 + g + 0.01 = -0.24."""
    w = weight(2.0)
    sgd = PaperSGD([Group((w,), 0.0, 0.9, 0.0, super_eps=0.01)])
    for _ in range(40):
        w.grad = torch.tensor([-0.5], dtype=torch.float64)
        sgd.step()
    assert w.tolist() == [2.0]


def test_super_eps_applies_only_to_weights() -> None:
    text = (
        "[image] input 8\ndefault fc super_eps=1\n[a] fc outputs=4\n[b] fc outputs=4 inputs=image,a super_eps=none,2\n"
    )
    graph = netspec.loads(text + "train optimizer=sgd(weight_decay=0.1, bias_decay=0.2)").graph
    assert {key: (p.super_eps, p.decay) for key, p in graph.parameters.items()} == {
        "a.weight": (1.0, 0.0), "a.bias": (None, 0.2),
        "b.weights.0": (None, 0.1), "b.weights.1": (2.0, 0.0), "b.bias": (None, 0.2),
    }  # fmt: skip
    names = state_names(graph)
    assert names["velocities"] == tuple(graph.parameters)
    assert names["means"] == names["squares"] == ("a.weight", "b.weights.1")


def test_parameters_have_their_own_rate_momentum_and_decay() -> None:
    numbers = {"a.weight": (0.1, 0.9, 0.5), "a.bias": (0.2, 0.0, 0.0), "b.weight": (0.1, 0.9, 0.5)}
    parameters = {
        key: Parameter(key, key[0], "weight", (1,), Constant(0.0), lr, momentum, decay)
        for key, (lr, momentum, decay) in numbers.items()
    }
    tensors = {key: weight(1.0) for key in numbers}
    sgd = optimiser_for(parameters, tensors)
    assert len(sgd.groups) == 2
    for w in tensors.values():
        w.grad = torch.ones_like(w)
    sgd.step()
    assert {key: w.item() for key, w in tensors.items()} == pytest.approx(
        {"a.weight": 1 - 0.1 * 1 - 0.5 * 0.1 * 1, "a.bias": 0.8, "b.weight": 0.85}
    )


def test_parameter_without_a_gradient_does_not_change() -> None:
    without_gradient, moved = weight(1.0), weight(1.0)
    sgd = PaperSGD([Group((without_gradient, moved), 0.1, 0.9, 0.5)])
    moved.grad = torch.ones_like(moved)
    sgd.step()
    assert without_gradient.item() == 1.0
    assert moved.item() == pytest.approx(0.85)
