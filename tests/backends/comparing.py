"""What tests that compare backends share: weights and inputs, and how near is near enough."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from places import ROOT

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import BatchNorm, Dropout, NoisyRelu, RandomScale
from netspec.passes.torch_names import attributes, state_key

Array = NDArray[np.float64]

SPECS = sorted((ROOT / "specs").glob("*.net"))
"""Every spec that is shipped: a new one is compared from its first day."""

LARGE = 10_000_000
"""Parameters above which a network is too large to be compared in all respects in every run."""


@cache
def is_large(path: Path) -> bool:
    """Whether a spec's network has very many parameters."""
    return netspec.load(path).total.parameters > LARGE


def random_weights(graph: Graph) -> dict[str, Array]:
    """Weights of moderate size by the parameters' keys, none of them zero."""
    rng = np.random.default_rng(5)
    return {key: rng.normal(0.1, 0.4, p.shape) for key, p in graph.parameters.items()}


def drawn_weights(graph: Graph) -> dict[str, Array]:
    """The spec's own initial values by the parameters' keys."""
    draw = backend.load("pytorch").draw
    return {key: draw(parameter, 0).double().numpy() for key, parameter in graph.parameters.items()}


def random_images(graph: Graph, count: int = 3) -> Array:
    """Inputs of which no two numbers are equal."""
    return np.random.default_rng(6).normal(0.0, 1.0, (count, *graph.input.output))


def random_labels(graph: Graph, count: int = 3) -> NDArray[np.int64]:
    """Class numbers."""
    return np.random.default_rng(7).integers(0, graph.scores.output.units, count)


def masks(graph: Graph, count: int = 3) -> dict[str, Array]:
    """What each dropout keeps, by node."""
    rng = np.random.default_rng(8)
    nodes = [node for node in graph.nodes.values() if isinstance(node.op, Dropout)]
    return {node.name: (rng.random((count, *node.output)) < 0.6).astype(float) for node in nodes}


def noise(graph: Graph, count: int = 3) -> dict[str, Array]:
    """What is added to each unit of what draws noise, by node."""
    rng = np.random.default_rng(10)
    nodes = [node for node in graph.nodes.values() if isinstance(node.op, NoisyRelu)]
    return {node.name: rng.normal(size=(count, *node.output)) for node in nodes}


def chances(graph: Graph) -> dict[str, Array]:
    """What is drawn once for all images, by node."""
    rng = np.random.default_rng(11)
    return {node.name: rng.random(4) for node in graph.nodes.values() if isinstance(node.op, RandomScale)}


def statistics(graph: Graph) -> dict[str, Array]:
    """Running means and variances by key."""
    rng = np.random.default_rng(9)
    found: dict[str, Array] = {}
    for node in graph.nodes.values():
        if isinstance(node.op, BatchNorm):
            found[f"{node.layer}.running_mean"] = rng.normal(size=node.output.channels)
            found[f"{node.layer}.running_var"] = rng.uniform(0.5, 2.0, node.output.channels)
    return found


def load_weights(model: torch.nn.Module, graph: Graph, weights: dict[str, Array]) -> None:
    """Put weights, and running statistics, into a module."""
    names = attributes(graph)
    tensors = {state_key(p, names): torch.tensor(weights[key]) for key, p in graph.parameters.items()}
    for key, values in statistics(graph).items():
        layer, buffer = key.split(".")
        tensors[f"{names[layer]}.{buffer}"] = torch.tensor(values)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert unexpected == []
    assert [key for key in missing if not key.endswith("num_batches_tracked")] == []


def assert_near(found: torch.Tensor, wanted: Array, what: str) -> None:
    """Equal in shape, and to 1e-10 of the largest number."""
    array = found.detach().numpy()
    assert array.shape == wanted.shape, what
    largest = np.abs(wanted).max(initial=0.0)
    assert np.abs(array - wanted).max(initial=0.0) <= 1e-10 * largest, what
