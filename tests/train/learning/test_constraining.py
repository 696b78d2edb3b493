"""Bounds on weights: computed by hand, as properties, and in a training step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import netspec
from netspec.ir.constraint import FREE, Constraint, incoming
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rule import Group, constrain
from netspec.train.learning.sgd import PaperSGD

ROWS = [[3.0, 4.0], [0.3, 0.4], [0.0, 0.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        # norms 5, 0.5, 0 and 2.83
        (Constraint(max_norm=1), [[0.6, 0.8], [0.3, 0.4], [0, 0], [0.5**0.5, 0.5**0.5]]),
        (Constraint(fixed_norm=1), [[0.6, 0.8], [0.6, 0.8], [0, 0], [0.5**0.5, 0.5**0.5]]),
        # standard deviations 0.5, 0.05, 0 and 0
        (Constraint(max_std=0.25), [[1.5, 2], [0.3, 0.4], [0, 0], [2, 2]]),
        (Constraint(min_std=0.1), [[3, 4], [0.6, 0.8], [0, 0], [2, 2]]),
        (Constraint(min_std=0.1, max_std=0.25), [[1.5, 2], [0.6, 0.8], [0, 0], [2, 2]]),
        # first the deviation, then the norm: (0.6, 0.8) has norm 1
        (Constraint(max_norm=0.5, min_std=0.1), [[0.3, 0.4], [0.3, 0.4], [0, 0], [0.125**0.5, 0.125**0.5]]),
        # two parts: rows 0 and 2 together have norm 5, rows 1 and 3 sqrt(0.25 + 8)
        (
            Constraint(fixed_norm=1, parts=2),
            [[0.6, 0.8], [0.3 / 8.25**0.5, 0.4 / 8.25**0.5], [0, 0], [2 / 8.25**0.5, 2 / 8.25**0.5]],
        ),
        # each row's deviation is bounded first, after which the norms are 2.5 and sqrt(1 + 8)
        (Constraint(max_norm=3, min_std=0.1, max_std=0.25, parts=2), [[1.5, 2], [0.6, 0.8], [0, 0], [2, 2]]),
        (FREE, ROWS),
    ],
)
def test_bounded_weights_by_hand(bounds: Constraint, expected: list[list[float]]) -> None:
    w = torch.tensor(ROWS, dtype=torch.float64)
    constrain(w, bounds)
    torch.testing.assert_close(w, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0)


@given(
    shape=st.sampled_from([(3, 5), (4, 2, 3, 3), (2, 3, 2, 2, 2, 1)]),
    low=st.floats(0.01, 1),
    more=st.floats(1, 3),
    seed=st.integers(0, 9),
)
def test_each_units_weights_are_scaled_to_the_bounds(
    shape: tuple[int, ...], low: float, more: float, seed: int
) -> None:
    before = torch.from_numpy(np.random.default_rng(seed).normal(size=shape))
    axes = incoming(shape)
    for bounds in (Constraint(max_norm=low), Constraint(fixed_norm=low), Constraint(min_std=low, max_std=low * more)):
        w = before.clone()
        constrain(w, bounds)
        norms, deviations = w.square().sum(axes).sqrt(), w.var(axes, correction=0).sqrt()
        if bounds.max_norm is not None:
            torch.testing.assert_close(norms, before.square().sum(axes).sqrt().clamp(max=low))
        elif bounds.fixed_norm is not None:
            torch.testing.assert_close(norms, torch.full_like(norms, low))
        else:
            assert ((deviations >= low * (1 - 1e-9)) & (deviations <= low * more * (1 + 1e-9))).all()
        factor = w / before  # the same for all weights of a unit
        torch.testing.assert_close(factor, factor.amax(axes, keepdim=True).expand_as(factor))


def test_weights_that_are_not_updated_are_not_bounded() -> None:
    def row() -> Tensor:
        return torch.full((1, 4), 3.0).requires_grad_()

    frozen, without_gradient, moving = row(), row(), row()
    sgd = PaperSGD(
        [
            Group((frozen,), 0.0, 0.9, 0.0, Constraint(max_norm=1)),
            Group((without_gradient, moving), 0.5, 0.9, 0.0, Constraint(max_norm=1)),
        ]
    )
    frozen.grad, moving.grad = torch.ones(1, 4), torch.ones(1, 4)
    sgd.step()
    assert (frozen.tolist(), without_gradient.tolist(), moving.tolist()) == ([[3.0] * 4], [[3.0] * 4], [[0.5] * 4])


SPEC = """
[image] input 3x8x8 range=1 mean=channel
[conv] conv filters=4 kernel=3 max_norm=0.2
[two] conv filters=4 kernel=1 inputs=conv,conv min_std=0.5,none fixed_norm=none,2
[again] conv filters=4 kernel=3 inputs=image weights=conv
[all] sum inputs=two,again
[fc] fc outputs=3 lr=0 max_norm=0.01
"""


def test_keys_of_a_spec_bound_the_weights_of_a_step() -> None:
    graph = netspec.loads(SPEC).graph
    assert {key: p.constraint for key, p in graph.parameters.items() if p.constraint} == {
        "conv.weight": Constraint(max_norm=0.2),
        "two.weights.0": Constraint(min_std=0.5),
        "two.weights.1": Constraint(fixed_norm=2.0),
        "fc.weight": Constraint(max_norm=0.01),
    }
    objective = build(graph, seed=0, device="cpu")
    optimiser = optimiser_of(graph, objective.module)
    objective.gradients(torch.randn(4, 3, 8, 8), torch.arange(4) % 3, seed=0, step=0)
    optimiser.step()
    w = {key: p.detach() for key, p in objective.module.named_parameters()}
    assert w["conv.weight"].flatten(1).norm(dim=1).tolist() == pytest.approx([0.2] * 4)
    assert w["two.weights.0"].flatten(1).std(1, correction=0).min() >= 0.4999
    assert w["two.weights.1"].flatten(1).norm(dim=1).tolist() == pytest.approx([2] * 4)
    assert w["fc.weight"].norm(dim=1).min() > 0.01  # not updated, and so not bounded


def test_contradictory_bounds_are_errors() -> None:
    for keys, message in (
        ("min_std=0.2 max_std=0.1", "min_std=0.2 is above max_std=0.1"),
        ("fixed_norm=1 max_norm=2", "fixed_norm undoes max_norm"),
        ("inputs=image,image fixed_norm=none,1 min_std=none,2", "fixed_norm undoes min_std"),
        ("max_norm=0", "needs a number above 0, not 0"),
        ("max_norm=no", "needs a number above 0, or none, not 'no'"),
    ):
        with pytest.raises(netspec.SpecError, match="bad-value") as caught:
            netspec.loads(f"[image] input 3x8x8\n[c] conv filters=4 kernel=1 {keys}\n")
        (diagnostic,) = caught.value.diagnostics
        assert message in diagnostic.message


def test_norm_over_parts_bounds_all_parts_together() -> None:
    """Each input has its own parts. Weights in one part, or without a bounded norm, are not affected."""
    text = "[image] input 8\n[a] fc outputs=4\n[f] fc outputs=4 inputs=image,a,a parts=2,4,1 norm_over=parts {}\n"
    graph = netspec.loads(text.format("max_norm=1,none,2 min_std=0.1")).graph
    assert [graph.parameters[f"f.weights.{i}"].constraint for i in range(3)] == [
        Constraint(max_norm=1, min_std=0.1, parts=2),
        Constraint(min_std=0.1),
        Constraint(max_norm=2, min_std=0.1),
    ]
    split = (
        "gpus 2\ndefault fc norm_over=parts\n[image] input 8\n[a] fc outputs=4\n[f] fc outputs=4 parts=2 max_norm=1{}\n"
    )
    with pytest.raises(netspec.SpecError, match="bad-value") as caught:
        netspec.loads(split.format(""))
    (diagnostic,) = caught.value.diagnostics
    assert "f: norm_over=parts needs the weights of all parts in one place" in diagnostic.message
    assert netspec.loads(split.format(" gpu=0")).graph.parameters["f.weight"].constraint.parts == 2
