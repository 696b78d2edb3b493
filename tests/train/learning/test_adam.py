"""Adam and AdamW against PyTorch's, and the numbers of updates on which they depend."""

from __future__ import annotations

import math

import pytest
import torch
from steep_gradients import copies, gradients

import netspec
from netspec.ir import rules
from netspec.ir.constraint import Constraint
from netspec.ir.settings import Fixed, Linear, Steps, Train
from netspec.passes.parts import BatchProgress
from netspec.train.learning.adam import Adam
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rates import deviations, scales
from netspec.train.learning.rule import Group
from netspec.train.learning.schedule import Moment, Watch

RULE = rules.Adam(0.8, 0.95, 1e-6)
DECOUPLED = rules.Adam(0.8, 0.95, 1e-6, decoupled=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("rule", [RULE, DECOUPLED], ids=["adam", "adamw"])
def test_steps_have_pytorchs_bits_while_the_rate_changes(rule: rules.Adam, decay: float, dtype: torch.dtype) -> None:
    ours, theirs = copies(2, dtype)
    adam = Adam([Group((ours,), 0.01, 0.0, decay)], rule)
    kind = torch.optim.AdamW if rule.decoupled else torch.optim.Adam
    peer = kind([theirs], 0.01, (rule.beta1, rule.beta2), rule.eps, weight_decay=decay, foreach=False)
    for step, gradient in enumerate(gradients(200, dtype)):
        adam.factor = 0.5 * (1 + math.cos(math.pi * step / 200))
        peer.param_groups[0]["lr"] = 0.01 * adam.factor
        for w in (ours, theirs):
            w.grad = gradient.clone()
        adam.step(), peer.step()
        assert torch.equal(ours, theirs), step
    assert torch.equal(adam.state["means"][ours], peer.state[theirs]["exp_avg"])
    assert torch.equal(adam.state["squares"][ours], peer.state[theirs]["exp_avg_sq"])


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("rule", [RULE, DECOUPLED], ids=["adam", "adamw"])
def test_fused_update_is_the_plain_one(rule: rules.Adam, decay: float) -> None:
    plain, fused, strided = copies(3, torch.float32)
    version = fused._version
    optimisers = [
        Adam([Group((plain,), 0.01, 0.0, decay)], rule),
        Adam([Group((fused, strided), 0.01, 0.0, decay)], rule, fused=True),
    ]
    for step, gradient in enumerate(gradients(50, torch.float32)):
        plain.grad, fused.grad, strided.grad = gradient.clone(), gradient.clone(), gradient.t().clone().t()
        for optimiser in optimisers:
            optimiser.factor = 0.95**step
            optimiser.step()
    for w in (fused, strided):  # the gradient of the latter has another layout, so that it cannot be fused
        torch.testing.assert_close(w, plain, rtol=1e-5, atol=1e-6)
    assert fused._version == version + 50  # so that copies of the weights are refreshed


def test_first_steps_by_hand() -> None:
    """The first step moves a weight by lr, whatever the gradient; the second by lr m' / sqrt(s') of two gradients."""
    w = torch.ones(1, dtype=torch.float64).requires_grad_()
    adam = Adam([Group((w,), 0.1, 0.0, 0.0)], rules.Adam(0.9, 0.99, 1e-30))
    for gradient, expected in (
        (5.0, 0.9),
        (-1.0, 0.9 - 0.1 * ((0.9 * 0.5 - 0.1) / (1 - 0.81)) / math.sqrt((0.99 * 0.25 + 0.01) / (1 - 0.9801))),
    ):
        w.grad = torch.full_like(w, gradient)
        adam.step()
        assert w.item() == pytest.approx(expected, rel=1e-14)


def test_layers_with_several_updates_per_batch_count_their_own() -> None:
    """The second parameter is updated after each of two parts of a batch: its bias corrections go twice as far. Its
    gradients are sums over parts of which the mean is taken."""
    whole, parts, expected_whole, expected_parts = copies(4)
    adam = Adam([Group((whole,), 0.01, 0.0, 0.0), Group((parts,), 0.01, 0.0, 0.0, update_every=1)], RULE)
    peers = [Adam([Group((w,), 0.01, 0.0, 0.0)], RULE) for w in (expected_whole, expected_parts)]
    given = gradients(6)
    for one, other in zip(given[::2], given[1::2], strict=True):
        for done, gradient in ((1, one), (2, other)):
            whole.grad = gradient.clone() if whole.grad is None else whole.grad + gradient
            parts.grad = gradient / 2
            adam.step(BatchProgress((4, 4), done))
            expected_parts.grad = gradient.clone()
            peers[1].step()
        expected_whole.grad = one + other
        peers[0].step()
        whole.grad = None
    assert adam.updates == {0: 3, 1: 6}
    assert torch.equal(whole, expected_whole) and torch.equal(parts, expected_parts)


def test_device_counts_the_updates_of_parameters_that_it_does_not_have() -> None:
    text = "[i] input 8\n[a] fc outputs=4\n[b] fc outputs=3 update_every=1\ntrain optimizer=adam batch=4 accumulate=2"
    graph = netspec.loads(text).graph
    module = build(graph, 0, "cpu").module
    del module._modules["b"]
    adam = optimiser_of(graph, module)
    assert len(adam.groups) == 1
    adam.step(BatchProgress((2, 2), 1)), adam.step(BatchProgress((2, 2), 2))
    assert adam.updates == {0: 1, 1: 2}


def test_frozen_weights_and_means_do_not_change() -> None:
    (w,) = copies(1)
    adam = Adam([Group((w,), 0.01, 0.0, 0.1, schedule=Steps((), 0.1, freeze=1))], DECOUPLED)
    states = []
    for epoch in range(3):
        adam.scales = scales(Train(), adam.groups, Moment(epoch, 3, epoch, 1), Watch(), 0)
        w.grad = torch.ones_like(w)
        adam.step()
        states.append([x.detach().clone() for x in (w, adam.state["means"][w], adam.state["squares"][w])])
    assert all(torch.equal(x, y) for state in states[1:] for x, y in zip(state, states[0], strict=True))


@pytest.mark.parametrize("rule", [RULE, DECOUPLED], ids=["adam", "adamw"])
def test_noise_of_the_rate(rule: rules.Adam) -> None:
    """A decoupled decay has noise of its own. One in the gradient has that of the step, of which it is a part."""
    w, expected = copies(2)
    adam = Adam([Group((w,), 0.01, 0.0, 0.1, schedule=Linear(1.0, noise=0.5), name="w")], rule)
    adam.scales = scales(Train(schedule=Fixed()), adam.groups, Moment(5, 10, 0, 10), Watch(), seed=9)
    n1, n2 = deviations(9, 5, "w")
    (g,) = gradients(1)
    w.grad = g.clone()
    adam.step()
    start = expected.detach()
    g = g if rule.decoupled else g + 0.1 * start
    moved = start * (1 - 0.01 * (1 + 0.5 * n2) * 0.1) if rule.decoupled else start
    moved = moved - 0.01 * (1 + 0.5 * n1) * g / (g.abs() + rule.eps)
    torch.testing.assert_close(w.detach(), moved, rtol=1e-11, atol=1e-12)


def test_bounds_are_enforced_after_an_update() -> None:
    (w,) = copies(1)
    adam = Adam([Group((w,), 0.01, 0.0, 0.0, constraint=Constraint(fixed_norm=0.5))], RULE)
    w.grad = torch.ones_like(w)
    adam.step()
    torch.testing.assert_close(w.norm(dim=1), torch.full((7,), 0.5, dtype=torch.float64))
