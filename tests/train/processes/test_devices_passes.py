"""Optimising passes on two devices compute the same steps as the plain network on one."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from ranks import call_on_ranks
from torch import Tensor

import netspec
from netspec.passes.fast import NAMES, PLAIN, forms_of, on_devices, on_one_device
from netspec.passes.placing import SPLITS, SplitWord, arrange, local_graph, place_on_devices
from netspec.passes.torch_names import state_keys
from netspec.train.learning.objective import Objective, build
from netspec.train.processes.distributed import distribute

SPEC = """\
net two-chains
gpus 2
[image] input 3x15x15
[conv1] conv filters=8 kernel=5 stride=2 neuron=relu init=gaussian(0.1) rounding=up
[norm1] lrn size=5 k=2 alpha=0.05 beta=0.75
[pool1] maxpool kernel=3 stride=2 rounding=up
[conv2] conv filters=16 kernel=3 pad=1 neuron=relu init=gaussian(0.1) groups=2
[norm2] lrn size=3 k=1 alpha=0.05 beta=0.75 reads=all
[pool2] maxpool kernel=3 stride=1 pad=1
[conv3] conv filters=32 kernel=1 init=gaussian(0.1)
[pool3] maxpool kernel=2 stride=1
[sum3] sumpool kernel=2 stride=1
[fc] fc outputs=4 reads=all init=gaussian(0.1)
[prob] softmax
train batch=8 optimizer=sgd(lr=0.02, momentum=0.9, weight_decay=1e-3)
"""
GRAPH = netspec.loads(SPEC).graph
FORMS = forms_of(GRAPH, [name for name in NAMES if name != "channels-last"])
"""All passes at once, except channels-last, which excludes max-pool and avg-pool."""


def random_batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(8, *GRAPH.input.output, generator=generator), torch.arange(8) % 4


def results(objective: Objective) -> dict[str, Any]:
    """Return the loss and the gradients of a step, and the names of the modules' classes."""
    objective.module.train()
    x, labels = random_batch()
    loss = objective.gradients(x[objective.training_rows(8)], labels, 5, 2)
    own = {key: p.grad for key, p in objective.module.named_parameters() if p.grad is not None}
    modules = {type(module).__name__ for module in objective.module.modules()}
    return {
        "loss": loss,
        "gradients": objective.full_tensors(own, tuple(state_keys(objective.graph).values())),
        "modules": modules,
    }


def results_of_splits() -> dict[SplitWord, dict[str, Any]]:
    """Run in each of two processes. Return the results of all splits."""
    return {split: results(distribute(build(GRAPH, 1, "cpu", FORMS), arrange(GRAPH, 2, split))) for split in SPLITS}


@pytest.fixture(scope="module")
def two() -> list[dict[SplitWord, dict[str, Any]]]:
    return call_on_ranks(2, results_of_splits)


@pytest.mark.ci
@pytest.mark.parametrize("split", SPLITS)
def test_passes_on_two_devices_compute_the_plain_step(
    split: SplitWord, two: list[dict[SplitWord, dict[str, Any]]]
) -> None:
    plain = results(build(GRAPH, 1, "cpu", PLAIN))
    for rank in range(2):
        local = two[rank][split]
        assert {"LrnChain", "UnshuffledConvolution", "ChannelsLastMaxPool", "SeparablePool"} <= local["modules"]
        assert "GroupedConvolution" not in local["modules"]
        assert float(local["loss"]) == pytest.approx(float(plain["loss"]), rel=1e-5)
        assert local["gradients"].keys() == plain["gradients"].keys()
        for key, expected in plain["gradients"].items():
            torch.testing.assert_close(local["gradients"][key], expected, rtol=1e-4, atol=1e-5, msg=f"{key}, {rank}")


def test_chain_interrupted_by_an_exchange_is_not_fused() -> None:
    """norm2 reads both groups. If each device has one of them, there is an exchange between the ReLU and norm2."""
    assert set(FORMS.chains) == {"norm1", "norm2"}
    for split, kept in (("groups", {"norm1"}), ("batch", {"norm1", "norm2"}), ("hybrid", {"norm1", "norm2"})):
        arrangement = arrange(GRAPH, 2, split)
        assert set(on_devices(FORMS, place_on_devices(GRAPH, arrangement)).chains) == kept


def test_normalisation_on_a_device_has_only_its_groups() -> None:
    placed = place_on_devices(GRAPH, arrange(GRAPH, 2, "groups"))
    local = local_graph(placed, GRAPH.layers["norm1"], 0)
    assert (FORMS.chains["norm1"].lrn.groups, on_one_device(FORMS, local).chains["norm1"].lrn.groups) == (2, 1)


@pytest.mark.parametrize(("filters", "pools"), [(24, set()), (32, {"p"})])
def test_pooling_pass_depends_on_the_devices_own_channels(filters: int, pools: set[str]) -> None:
    text = f"gpus 2\n[i] input 3x8x8\n[c] conv filters={filters} kernel=3\n[p] maxpool kernel=3\n[f] fc outputs=2\n"
    graph = netspec.loads(text).graph
    placed = place_on_devices(graph, arrange(graph, 2, "groups"))
    forms = on_devices(forms_of(graph, ("max-pool",)), placed)
    assert forms.pools == {"p"}
    assert on_one_device(forms, local_graph(placed, graph.layers["p"], 0)).pools == pools
    # In the part of a layer that reads p, p is there without its input.
    assert on_one_device(forms, local_graph(placed, graph.layers["f"], 0)).pools == pools
