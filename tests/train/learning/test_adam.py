"""Adam and AdamW against PyTorch's, and the numbers of updates on which they depend."""

from __future__ import annotations

import math

import pytest
import torch
from steep_gradients import copies, gradients

import netspec
from netspec.ir import rules
from netspec.passes.accumulation import BatchProgress
from netspec.train.learning.adam import Adam
from netspec.train.learning.objective import build
from netspec.train.learning.optimiser import optimiser_of
from netspec.train.learning.rule import Group

RULE = rules.Adam(0.8, 0.95, 1e-6)


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
