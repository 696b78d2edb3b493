"""What all update rules have in common, and those that PyTorch has against PyTorch's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from steep_gradients import copies, gradients
from torch import Tensor

from netspec.ir.constraint import Constraint
from netspec.ir.distribution import Constant
from netspec.ir.graph import Parameter
from netspec.ir.rules import (
    AdaDelta,
    AdaGrad,
    Adam,
    Lamb,
    Lars,
    RmsProp,
    Sgd,
    UpdateRule,
    decay_in_gradient,
    momentum_of,
)
from netspec.ir.schedules import Fixed, Linear, Steps
from netspec.ir.settings import Train
from netspec.passes.accumulation import BatchProgress
from netspec.passes.optimiser_state import state_kinds
from netspec.train.learning.optimiser import optimiser_for
from netspec.train.learning.rates import deviations, scales
from netspec.train.learning.rule import Optimiser
from netspec.train.learning.schedule import Moment, Watch

RULES = {
    "sgd": Sgd(0.9),
    "nesterov": Sgd(0.9, nesterov=True),
    "adam": Adam(0.8, 0.95, 1e-6),
    "adamw": Adam(0.8, 0.95, 1e-6, decoupled=True),
    "rmsprop": RmsProp(0.95, eps=1e-6),
    "rmsprop with momentum": RmsProp(0.9, momentum=0.9, eps=1e-6, centered=True),
    "adagrad": AdaGrad(1e-6, start=0.1),
    "adadelta": AdaDelta(0.9),
    "lars": Lars(0.9, 0.01),
    "lamb": Lamb(0.8, 0.95),
}
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
PEERS: dict[str, Callable[[Tensor, float], torch.optim.Optimizer]] = {
    "sgd": lambda w, decay: torch.optim.SGD([w], 0.01, 0.9, weight_decay=decay, foreach=False),
    "nesterov": lambda w, decay: torch.optim.SGD([w], 0.01, 0.9, 0.0, decay, nesterov=True, foreach=False),
    "adam": lambda w, decay: torch.optim.Adam([w], 0.01, (0.8, 0.95), 1e-6, decay, foreach=False),
    "adamw": lambda w, decay: torch.optim.AdamW([w], 0.01, (0.8, 0.95), 1e-6, decay, foreach=False),
    "rmsprop": lambda w, decay: torch.optim.RMSprop([w], 0.01, 0.95, 1e-6, decay, foreach=False),
    "rmsprop with momentum": lambda w, decay: torch.optim.RMSprop([w], 0.01, 0.9, 1e-6, decay, 0.9, centered=True),
    "adagrad": lambda w, decay: torch.optim.Adagrad([w], 0.01, 0.0, decay, 0.1, 1e-6, foreach=False),
    "adadelta": lambda w, decay: torch.optim.Adadelta([w], 0.01, 0.9, 1e-6, decay, foreach=False),
}
RATE_IN_VELOCITY = ("sgd", "nesterov", "rmsprop with momentum")
ROUNDED = (*RATE_IN_VELOCITY, "adadelta")
"""Rules that compute PyTorch's result in another order."""


def optimiser(rule: UpdateRule, *weights: Tensor, fused: bool = False, **more: Any) -> Optimiser:
    """Return an optimiser of weights with a rate of 0.01 and a decay of 0.1."""
    one = Parameter("", "w", "weight", (7, 5), Constant(0.0), 0.01, momentum_of(rule) or 0.0, 0.1)._replace(**more)
    keyed = {f"w{number}": w for number, w in enumerate(weights)}
    parameters = {key: one._replace(key=key) for key in keyed}
    return optimiser_for(parameters, keyed, train=Train(rule=rule), fused=fused)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", PEERS)
def test_steps_are_pytorchs_while_the_rate_changes(name: str, decay: float, dtype: torch.dtype) -> None:
    """Where the rate is a part of the velocity, the results are the same only as long as it does not change."""
    ours, theirs = copies(2, dtype)
    own, peer = optimiser(RULES[name], ours, decay=decay), PEERS[name](theirs, decay)
    for step, gradient in enumerate(gradients(100, dtype)):
        if name not in RATE_IN_VELOCITY or step == 90:
            own.factor = 0.5 * (1 + math.cos(math.pi * step / 100))
            peer.param_groups[0]["lr"] = 0.01 * own.factor
        for w in (ours, theirs):
            w.grad = gradient.clone()
        own.step(), peer.step()
        if name in RATE_IN_VELOCITY and step >= 90:
            continue
        if name in ROUNDED:
            tight = 1e-11 if dtype == torch.float64 else 1e-3
            torch.testing.assert_close(ours, theirs, rtol=tight, atol=tight)
        else:
            assert torch.equal(ours, theirs), step
    assert torch.allclose(ours, theirs, rtol=1e-4) == (name not in RATE_IN_VELOCITY)


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("name", ["sgd", "nesterov", "adam", "adamw"])
def test_fused_update_is_the_plain_one(name: str, decay: float) -> None:
    plain, fused, strided = copies(3, torch.float32)
    version = fused._version
    optimisers = [
        optimiser(RULES[name], plain, decay=decay),
        optimiser(RULES[name], fused, strided, decay=decay, fused=True),
    ]
    for step, gradient in enumerate(gradients(50, torch.float32)):
        plain.grad, fused.grad, strided.grad = gradient.clone(), gradient.clone(), gradient.t().clone().t()
        for each in optimisers:
            each.factor = 0.95**step
            each.step()
    for w in (fused, strided):  # the gradient of the latter has another layout, so that it cannot be fused
        torch.testing.assert_close(w, plain, rtol=1e-5, atol=1e-6)
    assert fused._version == version + 50  # so that copies of the weights are refreshed


@every_rule
def test_several_updates_per_batch_take_means_over_their_images(rule: UpdateRule) -> None:
    parts, expected = copies(2)
    own, peer = optimiser(rule, parts, update_every=1), optimiser(rule, expected)
    for done, gradient in enumerate(gradients(2), 1):
        parts.grad = gradient / 2
        own.step(BatchProgress((4, 4), done))
        expected.grad = gradient.clone()
        peer.step()
    assert torch.equal(parts, expected)


@every_rule
def test_frozen_weights_and_what_is_remembered_of_them_do_not_change(rule: UpdateRule) -> None:
    (w,) = copies(1)
    own = optimiser(rule, w, schedule=Steps((), 0.1, freeze=1))
    kinds = state_kinds(rule, Parameter("", "", "weight", (1,), Constant(0.0), 0.01, momentum_of(rule) or 0.0, 0.1))
    states = []
    for epoch in range(3):
        own.scales = scales(Train(), own.groups, Moment(epoch, 3, epoch, 1), Watch(), 0)
        w.grad = torch.ones_like(w)
        own.step()
        states.append([x.detach().clone() for x in (w, *(own.state[kind][w] for kind in kinds))])
    assert all(torch.equal(x, y) for state in states[1:] for x, y in zip(state, states[0], strict=True))
    assert {kind for kind, tensors in own.state.items() if tensors} == set(kinds)


@every_rule
def test_noise_of_the_rate_is_that_of_the_decay_where_this_is_a_part_of_the_gradient(rule: UpdateRule) -> None:
    """Otherwise the decay has noise of its own."""
    w, expected = copies(2)
    own = optimiser(rule, w, schedule=Linear(1.0, noise=0.5))
    own.scales = scales(Train(schedule=Fixed()), own.groups, Moment(5, 10, 0, 10), Watch(), seed=9)
    of_rate, of_decay = (1 + 0.5 * n for n in deviations(9, 5, "w0"))
    (g,) = gradients(1)
    w.grad, expected.grad = g.clone(), g.clone()
    own.step()
    decay = 0.1 if decay_in_gradient(rule) else 0.1 * of_decay / of_rate
    optimiser(rule, expected, lr=0.01 * of_rate, decay=decay).step()
    torch.testing.assert_close(w, expected, rtol=1e-13, atol=0.0)


@every_rule
def test_bounds_hold_after_an_update(rule: UpdateRule) -> None:
    (w,) = copies(1)
    own = optimiser(rule, w, constraint=Constraint(fixed_norm=0.5))
    w.grad = torch.ones_like(w)
    own.step()
    torch.testing.assert_close(w.norm(dim=1), torch.full((7,), 0.5, dtype=torch.float64))
