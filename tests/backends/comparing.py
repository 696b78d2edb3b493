"""Helpers for comparing backends: random weights, inputs and random numbers, and the tolerance."""

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
from netspec.passes.fast import Forms
from netspec.passes.label_grid import label_sizes, labels_are_masks
from netspec.passes.score_grid import UNLABELLED
from netspec.passes.torch_names import attributes, state_keys

Array = NDArray[np.float64]

SPECS = sorted((ROOT / "specs").glob("*.net"))
"""All specs in ``specs/``."""

LARGE = 10_000_000
"""The number of parameters above which comparing a network takes too long for the default tests."""


@cache
def is_large(path: Path) -> bool:
    """Whether a spec's network has more than ``LARGE`` parameters."""
    return netspec.load(path).total.parameters > LARGE


def random_weights(graph: Graph) -> dict[str, Array]:
    """Return random weights of moderate size by the parameters' keys, none of them zero."""
    rng = np.random.default_rng(5)
    return {key: rng.normal(0.1, 0.4, p.shape) for key, p in graph.parameters.items()}


def initial_weights(graph: Graph) -> dict[str, Array]:
    """Return the spec's own initial values by the parameters' keys."""
    initial_values = backend.load("pytorch").initial_values
    return {key: initial_values(parameter, 0).double().numpy() for key, parameter in graph.parameters.items()}


def random_images(graph: Graph, count: int = 3) -> Array:
    """Return random inputs, all of whose numbers are different."""
    return np.random.default_rng(6).normal(0.0, 1.0, (count, *graph.input.output))


def random_labels(graph: Graph, count: int = 3) -> NDArray[np.int64] | NDArray[np.uint8]:
    """Return random class numbers, or for a dense network masks with unlabelled pixels."""
    rng, scores = np.random.default_rng(7), graph.scores.output
    if not labels_are_masks(graph):
        return rng.integers(0, scores.units, count)
    masks = rng.integers(0, scores.channels, (count, *label_sizes(graph)), np.uint8)
    masks[rng.random(masks.shape) < 0.2] = UNLABELLED
    return masks


def masks(graph: Graph, count: int = 3) -> dict[str, Array]:
    """Return a random mask for each dropout, by node: 1 for each choice that is kept."""
    rng = np.random.default_rng(8)
    nodes = graph.nodes.values()
    choices = {node.name: node.op.choices(node.output) for node in nodes if isinstance(node.op, Dropout)}
    return {name: (rng.random((count, *shape)) < 0.6).astype(float) for name, shape in choices.items()}


def noise(graph: Graph, count: int = 3) -> dict[str, Array]:
    """Return standard normal numbers for the nodes that add noise, by node."""
    rng = np.random.default_rng(10)
    nodes = [node for node in graph.nodes.values() if isinstance(node.op, NoisyRelu)]
    return {node.name: rng.normal(size=(count, *node.output)) for node in nodes}


def uniforms(graph: Graph) -> dict[str, Array]:
    """Return the random numbers that are drawn once for all images, by node."""
    rng = np.random.default_rng(11)
    return {node.name: rng.random(4) for node in graph.nodes.values() if isinstance(node.op, RandomScale)}


def statistics(graph: Graph) -> dict[str, Array]:
    """Return random running means and variances by key."""
    rng = np.random.default_rng(9)
    values: dict[str, Array] = {}
    for node in graph.nodes.values():
        if isinstance(node.op, BatchNorm):
            values[f"{node.layer}.running_mean"] = rng.normal(size=node.output.channels)
            values[f"{node.layer}.running_var"] = rng.uniform(0.5, 2.0, node.output.channels)
    return values


def load_weights(model: torch.nn.Module, graph: Graph, weights: dict[str, Array]) -> None:
    """Load these weights and the running statistics of ``statistics`` into a module."""
    names, keys = attributes(graph), state_keys(graph)
    tensors = {keys[key]: torch.tensor(weights[key]) for key in graph.parameters}
    for key, values in statistics(graph).items():
        layer, buffer = key.split(".")
        tensors[f"{names[layer]}.{buffer}"] = torch.tensor(values)
    missing, unexpected = model.load_state_dict(tensors, strict=False)
    assert unexpected == []
    assert [key for key in missing if not key.endswith("num_batches_tracked")] == []


def assert_near(actual: torch.Tensor | None, expected: Array, name: str, tolerance: float = 1e-10) -> None:
    """Check that shapes are equal, and values up to a share of the largest one."""
    assert actual is not None, name
    array = actual.detach().numpy()
    assert array.shape == expected.shape, name
    largest = np.abs(expected).max(initial=0.0)
    assert np.abs(array - expected).max(initial=0.0) <= tolerance * largest, name


def assert_matches_reference(graph: Graph, forms: Forms) -> torch.nn.Module:
    """Check that a module in these forms gives the reference's output and gradients in training; return the module.

    The gradients are those of the sum of squares of the output, by the images and all parameters.
    """
    reference, pytorch = backend.load("reference"), backend.load("pytorch")
    weights, images = random_weights(graph), random_images(graph)
    run = reference.run(graph, weights, images, training=True)
    model: torch.nn.Module = pytorch.module(graph, 0, forms).double().train()
    load_weights(model, graph, weights)
    x = torch.tensor(images, requires_grad=True)
    y = model(x)
    assert_near(y, run.output, "output")
    y.square().sum().backward()
    expected = reference.backward(run, {graph.output.name: 2 * run.output})
    assert_near(x.grad, expected.values[graph.input.name], "gradient of the images")
    keys, parameters = state_keys(graph), dict(model.named_parameters())
    for key in graph.parameters:
        assert_near(parameters[keys[key]].grad, expected.params[key], f"gradient of {key}")
    return model
