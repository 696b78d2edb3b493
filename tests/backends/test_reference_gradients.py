"""The reference's gradients of every operation, for its inputs and parameters, against central differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cases import Case, cases, differing_in_training, operations
from comparing import masks, noise, random_images, random_labels, random_weights, statistics, uniforms
from hypothesis import given
from hypothesis_profiles import examples
from random_windows import network, windows

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import AvgPool, MaxPool, NoisyRelu
from netspec.ir.window import Window

reference = backend.load("reference")

STEP = 1e-6


CASES = {name: build for name, build in cases().items() if NoisyRelu not in operations()[name]}
"""All but the noise, which its gradient ignores on purpose: see test_reference_neurons."""

TRAINED = {name: build for name, build in differing_in_training().items() if name in CASES}


def arguments(graph: Graph, training: bool) -> dict[str, Any]:
    """Return the arguments of a run besides weights and images."""
    return {
        "labels": random_labels(graph), "training": training, "drawn": masks(graph) | noise(graph) | uniforms(graph),
        "statistics": statistics(graph),
    }  # fmt: skip


def assert_derivatives(graph: Graph, training: bool) -> None:
    """Compare the slope along a random direction of the images, and of each parameter, with that by the gradient.

    The slope is that of a randomly weighted sum of the values that nothing reads. The direction moves every number up
    or down by as much, so that none of them can be wrong unnoticed.
    """
    weights, images, others = random_weights(graph), random_images(graph), arguments(graph, training)
    run = reference.run(graph, weights, images, **others)
    rng = np.random.default_rng(8)
    read = {name for node in graph.nodes.values() for name in node.inputs}
    seeds = {name: rng.normal(size=value.shape) for name, value in run.values.items() if name not in read}
    gradients = reference.backward(run, seeds)
    assert set(gradients.params) == set(weights)

    def total() -> float:
        values = reference.run(graph, weights, images, **others).values
        return float(sum((values[name] * seed).sum() for name, seed in seeds.items()))

    pairs = [(images, gradients.values[graph.input.name]), *((weights[key], gradients.params[key]) for key in weights)]
    for array, gradient in pairs:
        assert gradient.shape == array.shape
        original, direction = array.copy(), rng.choice((-1.0, 1.0), size=array.shape)
        array += STEP * direction
        above = total()
        array[:] = original - STEP * direction
        below = total()
        array[:] = original
        slope, scale = (above - below) / (2 * STEP), np.linalg.norm(gradient)
        assert slope == pytest.approx(np.vdot(gradient, direction), rel=1e-6, abs=1e-6 * scale + 1e-7)


@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_gradients_equal_central_differences(build: Case) -> None:
    assert_derivatives(build(), training=False)


@pytest.mark.parametrize("build", TRAINED.values(), ids=TRAINED.keys())
def test_gradients_in_training_equal_central_differences(build: Case) -> None:
    assert_derivatives(build(), training=True)


@pytest.mark.parametrize("name", [name for name in CASES if name not in TRAINED])
def test_other_operations_are_the_same_in_training(name: str) -> None:
    graph = CASES[name]()
    results = []
    for training in (False, True):
        run = reference.run(graph, random_weights(graph), random_images(graph), **arguments(graph, training))
        gradients = reference.backward(run, {graph.output.name: np.ones(run.output.shape)})
        results.append([run.output, gradients.values[graph.input.name], *gradients.params.values()])
    for inference, in_training in zip(*results, strict=True):
        np.testing.assert_array_equal(inference, in_training)


@examples(60)
@given(windows())
def test_pooling_ignores_padding_and_overhang(case: tuple[Window, int, int]) -> None:
    """The output size follows window arithmetic, an average of ones is one, and a maximum of -3 is -3."""
    window, height, width = case
    rows, columns = window.fit(height, width)
    for kind, number in ((AvgPool, 1.0), (MaxPool, -3.0)):
        pooled = reference.run(network(kind(window), 1, height, width), {}, np.full((1, 1, height, width), number))
        np.testing.assert_array_equal(pooled.output, np.full((1, 1, rows.output, columns.output), number))
