"""Exchanging gradients between the backward pass and the step: all-reduced or broadcast."""

from __future__ import annotations

import torch
from ranks import call_on_ranks

import netspec
from netspec.parallel.gradients import Gradients
from netspec.parallel.mesh import join_mesh
from netspec.parallel.network import PlacedNetwork
from netspec.passes.placing import arrange, place_on_devices

WHOLE_AND_SHARES = """\
net whole-and-shares
gpus 2
[image] input 2x4x4
[norm] batchnorm
[conv] conv filters=4 kernel=3
[scores] fc outputs=2 gpu=1
"""
"""Three layers: whole on every device, divided between the devices, and on one device only."""


def exchanged_gradients(processes: int) -> dict[str, torch.Tensor]:
    """Return this process's gradients after the exchange; before it, every number of them is rank + 1."""
    graph = netspec.loads(WHOLE_AND_SHARES).graph
    mesh = join_mesh(arrange(graph, processes, "groups"), torch.device("cpu"))
    network = PlacedNetwork(place_on_devices(graph, mesh.arrangement), mesh)
    gradients = Gradients(network)
    total = sum((w.sum() for w in network.module.parameters()), torch.zeros(()))
    (total * (mesh.rank + 1)).backward()
    gradients.wait()
    return {name: w.grad for name, w in network.module.named_parameters() if w.grad is not None}


def test_whole_layers_take_the_gradients_of_the_first_device() -> None:
    first, second = call_on_ranks(2, exchanged_gradients, 2)
    assert {name: x.unique().tolist() for name, x in first.items()} == {
        "norm.weight": [1], "norm.bias": [1], "conv.weight": [1], "conv.bias": [1],
    }  # fmt: skip
    assert {name: x.unique().tolist() for name, x in second.items()} == {
        "norm.weight": [1], "norm.bias": [1], "conv.weight": [2], "conv.bias": [2],
        "scores.weight": [2], "scores.bias": [2],
    }  # fmt: skip


def test_gradients_are_summed_over_replicas() -> None:
    """Devices 0 and 2 hold the first group, 1 and 3 the second: 1 + 3 = 4 and 2 + 4 = 6."""
    devices = call_on_ranks(4, exchanged_gradients, 4)
    assert [x["norm.weight"].unique().tolist() for x in devices] == [[4]] * 4
    assert [x["conv.weight"].unique().tolist() for x in devices] == [[4], [6], [4], [6]]
    assert [x["scores.bias"].unique().tolist() for x in devices if "scores.bias" in x] == [[6], [6]]
