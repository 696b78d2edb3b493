"""``update_every``: layers that are updated after parts of a batch, compared with plain loops."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.passes.accumulation import WHOLE, BatchProgress
from netspec.passes.fast import forms_of
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.optimiser import optimiser_of, state_of
from netspec.train.learning.rule import Optimiser

SPEC = """
[image] input 6
[one] fc outputs=5 neuron=tanh init=gaussian(0.5) {}
[two] fc outputs=3 init=gaussian(0.5) bias_lr=0.3 decay=0.02 {}
train batch=12 accumulate={} optimizer=sgd(lr=0.2, momentum=0.8)
"""


def batches(steps: int, images: int = 12) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(3)
    return [
        (torch.randn(images, 6, generator=generator), torch.randint(3, (images,), generator=generator))
        for _ in range(steps)
    ]


def train(graph: Graph, data: list[tuple[Tensor, Tensor]]) -> tuple[Objective, Optimiser]:
    """Take a step on each of these batches, in float64."""
    objective = build(graph, seed=1, device="cpu")
    objective.module.double()
    optimiser = optimiser_of(graph, objective.module)
    for number, (x, labels) in enumerate(data):
        optimiser.zero_grad()
        objective.gradients(x.double(), labels, 0, number, optimiser.step)
    return objective, optimiser


def by_hand(graph: Graph, data: list[tuple[Tensor, Tensor]], parts: int, every: dict[str, int]) -> dict[str, Tensor]:
    """Return the weights after the same steps, computed in plain loops.

    A layer's gradients are summed over the parts since its last update, and divided by the number of their images.
    """
    start = build(graph, seed=1, device="cpu").module.state_dict()
    w = {key: x.double() for key, x in start.items()}
    v = {key: torch.zeros_like(x) for key, x in w.items()}
    rates = {"one.weight": (0.2, 0), "one.bias": (0.2, 0), "two.weight": (0.2, 0.02), "two.bias": (0.3, 0)}
    for x, labels in data:
        gathered = {key: (torch.zeros_like(weight), 0) for key, weight in w.items()}
        for part in range(parts):
            here = slice(len(x) // parts * part, len(x) // parts * (part + 1))
            leaves = {key: weight.clone().requires_grad_() for key, weight in w.items()}
            hidden = torch.tanh(F.linear(x[here].double(), leaves["one.weight"], leaves["one.bias"]))
            scores = F.linear(hidden, leaves["two.weight"], leaves["two.bias"])
            F.cross_entropy(scores, labels[here], reduction="sum").backward()
            for key, leaf in leaves.items():
                total, images = gathered[key]
                assert leaf.grad is not None
                gathered[key] = (total + leaf.grad, images + len(labels[here]))
                if (part + 1) % every[key.partition(".")[0]] == 0:
                    total, images = gathered[key]
                    lr, decay = rates[key]
                    v[key] = 0.8 * v[key] - decay * lr * w[key] - lr * total / images
                    w[key] = w[key] + v[key]
                    gathered[key] = (torch.zeros_like(total), 0)
    return w


@pytest.mark.parametrize(
    ("one", "two", "parts"),
    [("", "update_every=1", 2), ("", "update_every=1", 4), ("", "update_every=2", 4), ("update_every=2", "", 6),
     ("update_every=3", "update_every=2", 6), ("update_every=1", "update_every=2", 4)],
)  # fmt: skip
def test_each_layer_is_updated_after_its_own_parts(one: str, two: str, parts: int) -> None:
    graph = netspec.loads(SPEC.format(one, two, parts)).graph
    data = batches(3)
    objective, _ = train(graph, data)
    every = {name: int(key.partition("=")[2] or parts) for name, key in (("one", one), ("two", two))}
    expected = by_hand(graph, data, parts, every)
    plain, _ = train(netspec.loads(SPEC.format("", "", parts)).graph, data)
    for key, found in objective.module.state_dict().items():
        torch.testing.assert_close(found, expected[key], rtol=1e-12, atol=1e-14)
        assert not torch.allclose(found, plain.module.state_dict()[key], rtol=1e-3, atol=0), key


@pytest.mark.parametrize(("every", "parts"), [(1, 4), (2, 4), (2, 6)])
def test_updating_all_layers_after_parts_is_like_smaller_batches(every: int, parts: int) -> None:
    key = f"update_every={every}"
    data = batches(2)
    objective, optimiser = train(netspec.loads(SPEC.format(key, key, parts)).graph, data)
    size = 12 * every // parts
    smaller = [part for x, labels in data for part in zip(x.split(size), labels.split(size), strict=True)]
    text = SPEC.replace("batch=12 ", f"batch={size} ")
    expected, expected_optimiser = train(netspec.loads(text.format("", "", every)).graph, smaller)
    for values, expected_values in (
        (objective.module.state_dict(), expected.module.state_dict()),
        (
            state_of(objective.module, optimiser, "velocities"),
            state_of(expected.module, expected_optimiser, "velocities"),
        ),
    ):
        for name in expected_values:
            torch.testing.assert_close(values[name], expected_values[name], rtol=1e-12, atol=1e-14)


def test_mean_over_unequal_parts_by_hand() -> None:
    """11 images in parts of 3, 3, 3 and 2. With updates every two parts: 11 / 6 after the second, 11 / 5 at the end."""
    sizes = (3, 3, 3, 2)
    assert [BatchProgress(sizes, done).mean(2) for done in range(1, 5)] == [None, 11 / 6, None, 11 / 5]
    assert [BatchProgress(sizes, done).mean(1) for done in range(1, 5)] == [11 / 3, 11 / 3, 11 / 3, 11 / 2]
    assert [BatchProgress(sizes, done).mean(None) for done in range(1, 5)] == [None, None, None, 1]
    # With fewer images than parts, the last update is after the last image. One part is the whole batch.
    assert [BatchProgress((1, 1, 1), done).mean(2) for done in range(1, 4)] == [None, 1.5, 3]
    assert WHOLE.mean(None) == WHOLE.mean(1) == WHOLE.mean(4) == 1


def test_shared_weights_are_updated_with_their_owner() -> None:
    text = SPEC.format("", "update_every=1 neuron=tanh", 2) + "[three] fc outputs=5 inputs=two\n"
    text += "[again] fc outputs=3 weights=two {}\n"
    graph = netspec.loads(text.format("")).graph
    assert {key: p.update_every for key, p in graph.parameters.items() if key[:5] in ("again", "two.w", "two.b")} == {
        "two.weight": 1, "two.bias": 1, "again.bias": None,
    }  # fmt: skip
    objective, optimiser = train(graph, batches(1))
    assert float(state_of(objective.module, optimiser, "velocities")["two.weight"].abs().max()) > 0
    own = netspec.loads(text.format("update_every=1")).graph
    assert own.parameters["again.bias"].update_every == 1


def test_step_with_several_updates_is_not_recorded() -> None:
    plain, partial = (netspec.loads(SPEC.format("", key, 2)).graph for key in ("", "update_every=1"))
    assert [forms_of(graph, ("cuda-graph",)).recorded for graph in (plain, partial)] == [True, False]


def test_bounds_are_applied_after_every_update() -> None:
    """If the weights are scaled after each of four updates, each next gradient is that of the scaled weights."""
    smaller = netspec.loads(SPEC.format("lr=0", "fixed_norm=0.5", 1).replace("batch=12", "batch=3")).graph
    frozen = netspec.loads(SPEC.format("lr=0", "update_every=1 fixed_norm=0.5", 4)).graph
    parts = [part for x, labels in batches(1) for part in zip(x.split(3), labels.split(3), strict=True)]
    found, expected = (
        objective.module.state_dict()["two.weight"]
        for objective, _ in (train(frozen, batches(1)), train(smaller, parts))
    )
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-14)
