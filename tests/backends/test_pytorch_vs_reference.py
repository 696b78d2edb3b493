"""The module against the reference: values and gradients in float64, of every operation and every spec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from cases import Case, cases, operations
from comparing import (
    SPECS,
    Array,
    assert_near,
    initial_weights,
    is_large,
    load_weights,
    masks,
    noise,
    random_images,
    random_labels,
    random_weights,
    statistics,
    uniforms,
)

import netspec
from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import VOCABULARY, HardSigmoid
from netspec.passes.phases import phases
from netspec.passes.torch_names import state_keys

pytestmark = pytest.mark.usefixtures("one_thread")

CASES = cases()
SMALL = [path for path in SPECS if not is_large(path)]

reference = backend.load("reference")
pytorch = backend.load("pytorch")


def patch_masks(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> dict[str, Array]:
    """Return the reference's dropout masks, and make torch's dropout apply them in the order of the module's calls."""
    kept = masks(graph)
    order = [name for layer in phases(graph).trunk for name in layer.nodes if name in kept]
    order += [name for layer in phases(graph).tail for name in layer.nodes if name in kept]
    names = iter(order)

    def dropout(x: torch.Tensor, rate: float) -> torch.Tensor:
        return x * torch.tensor(kept[next(names)]) / (1 - rate)

    monkeypatch.setattr(F, "dropout", dropout)
    return kept


def patch_random_numbers(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torch draw the same noise, and the same numbers for random scales, as the reference gets."""
    normals, positions = iter(noise(graph).values()), iter(uniforms(graph).values())
    monkeypatch.setattr(torch, "randn_like", lambda x: torch.tensor(next(normals)))
    monkeypatch.setattr(torch, "rand", lambda count, dtype: torch.tensor(next(positions)))


def tolerance_of_gradients(graph: Graph) -> float:
    """PyTorch computes the gradient of ``hardsigmoid`` with 1/6 in float32, also for float64."""
    return 1e-7 if any(isinstance(node.op, HardSigmoid) for node in graph.nodes.values()) else 1e-10


def assert_same_gradients(graph: Graph, model: torch.nn.Module, expected: dict[str, Array]) -> None:
    keys, parameters = state_keys(graph), dict(model.named_parameters())
    assert set(parameters) == set(keys.values())
    for key, parameter in graph.parameters.items():
        grad = parameters[keys[parameter.key]].grad
        actual = torch.zeros(parameter.shape) if grad is None else grad
        assert_near(actual, expected[key], f"gradient of {key}", tolerance_of_gradients(graph))


def compare_output(graph: Graph, weights: dict[str, Array], training: bool, dropped: dict[str, Array]) -> None:
    """Compare the output, and the gradients of a randomly weighted sum of it."""
    model = pytorch.module(graph).double().train(training)
    load_weights(model, graph, weights)
    images, labels = random_images(graph), random_labels(graph)
    run = reference.run(
        graph, weights, images, labels=labels, training=training, drawn=dropped | noise(graph) | uniforms(graph),
        statistics=statistics(graph),
    )  # fmt: skip
    x = torch.tensor(images, requires_grad=True)
    output = model(x, torch.tensor(labels)) if phases(graph).labelled else model(x)
    assert_near(output, run.output, "output")

    seed = np.random.default_rng(3).normal(size=run.output.shape)
    (output * torch.tensor(seed)).sum().backward()
    gradients = reference.backward(run, {graph.output.name: seed})
    assert x.grad is not None
    expected = gradients.values[graph.input.name]
    assert_near(x.grad, expected, "gradient of the images", tolerance_of_gradients(graph))
    assert_same_gradients(graph, model, gradients.params)
    for name, buffer in model.named_buffers():
        if name in model.state_dict() and not name.endswith("num_batches_tracked"):  # the others are constants
            assert_near(buffer, run.statistics[name], name)


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_outputs_and_gradients_equal_the_references(
    build: Case, training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = build()
    patch_random_numbers(graph, monkeypatch)
    compare_output(graph, random_weights(graph), training, patch_masks(graph, monkeypatch))


def test_cases_cover_every_operation() -> None:
    assert frozenset().union(*operations().values()) == set(VOCABULARY)


def compare_loss(graph: Graph, weights: dict[str, Array], dropped: dict[str, Array]) -> None:
    """Compare the training loss and its gradients in training mode."""
    model = pytorch.module(graph).double().train()
    load_weights(model, graph, weights)
    images, labels = random_images(graph), random_labels(graph)
    run = reference.run(
        graph, weights, images, labels=labels, training=True, drawn=dropped, statistics=statistics(graph)
    )
    loss = pytorch.training_loss(model, torch.tensor(images), torch.tensor(labels))
    assert_near(loss, np.array(reference.training_loss(run)), "training loss")
    loss.backward()
    assert_same_gradients(graph, model, reference.backward(run, reference.loss_seeds(run)).params)


@pytest.mark.parametrize(
    "name", ["alexnet-like", "several-inputs-and-shared-weights", "two-losses", "one-loss", "losses-of-pixels"]
)
def test_training_loss_equals_the_references(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = CASES[name]()
    compare_loss(graph, random_weights(graph), patch_masks(graph, monkeypatch))


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_training_loss_of_small_specs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = netspec.load(path).graph
    dropped = patch_masks(graph, monkeypatch)
    compare_loss(graph, initial_weights(graph), dropped)


@pytest.mark.parametrize("path", SMALL, ids=lambda path: path.stem)
def test_outputs_of_small_specs(path: Path) -> None:
    graph = netspec.load(path).graph
    compare_output(graph, initial_weights(graph), False, {})


IN_CI = ("alexnet",)
"""The large specs compared in ``make ci``; the others differ from it in a few layers, and are slow tests."""


@pytest.mark.ci  # several seconds each
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=() if path.stem in IN_CI else pytest.mark.slow) for path in SPECS if path not in SMALL],
    ids=lambda path: path.stem,
)
def test_scores_of_large_specs(path: Path) -> None:
    graph = netspec.load(path).graph
    weights, images = initial_weights(graph), random_images(graph, 1)
    model = pytorch.module(graph).double().eval()
    with torch.no_grad():
        scores = pytorch.class_scores(model, torch.tensor(images))
    run = reference.run(graph, weights, images)
    assert_near(scores, run.values[graph.scores.name], "scores")
