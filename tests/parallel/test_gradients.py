"""Gradients between the backward pass and the step: whose are added up, and whose are taken over."""

from __future__ import annotations

import torch
from crews import together

import netspec
from netspec.parallel.gradients import Gradients
from netspec.parallel.network import PlacedNetwork
from netspec.parallel.team import join
from netspec.passes.placing import arrange, place

WHOLE_AND_SHARES = """\
net whole-and-shares
gpus 2
[image] input 2x4x4
[norm] batchnorm
[conv] conv filters=4 kernel=3
[scores] fc outputs=2 gpu=1
"""
"""A layer that lies whole on every device, one in shares, one on a device alone."""


def after_the_step(processes: int) -> dict[str, torch.Tensor]:
    """Each parameter's gradient where a device's own is its rank + 1 throughout."""
    graph = netspec.loads(WHOLE_AND_SHARES).graph
    team = join(arrange(graph, processes, "groups"), torch.device("cpu"))
    network = PlacedNetwork(place(graph, team.arrangement), team)
    gradients = Gradients(network)
    total = sum((w.sum() for w in network.module.parameters()), torch.zeros(()))
    (total * (team.rank + 1)).backward()
    gradients.wait()
    return {name: w.grad for name, w in network.module.named_parameters() if w.grad is not None}


def test_what_all_hold_is_learnt_from_the_first_ones_gradient() -> None:
    first, second = together(2, after_the_step, 2)
    assert {name: x.unique().tolist() for name, x in first.items()} == {
        "norm.weight": [1], "norm.bias": [1], "conv.weight": [1], "conv.bias": [1],
    }  # fmt: skip
    assert {name: x.unique().tolist() for name, x in second.items()} == {
        "norm.weight": [1], "norm.bias": [1], "conv.weight": [2], "conv.bias": [2],
        "scores.weight": [2], "scores.bias": [2],
    }  # fmt: skip


def test_with_replicas_the_sum_over_the_batch_is_taken() -> None:
    """Devices 0 and 2 have the first group, 1 and 3 the second: 1 + 3 and 2 + 4."""
    found = together(4, after_the_step, 4)
    assert [x["norm.weight"].unique().tolist() for x in found] == [[4]] * 4
    assert [x["conv.weight"].unique().tolist() for x in found] == [[4], [6], [4], [6]]
    assert [x["scores.bias"].unique().tolist() for x in found if "scores.bias" in x] == [[6], [6]]
