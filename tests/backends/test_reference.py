"""The reference backend as a whole: its table, runs, statistics, the training loss, and errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from building import Builder
from cases import Case, cases
from comparing import noise, random_weights

from netspec import backend
from netspec.ir.graph import Graph
from netspec.ir.ops import VOCABULARY, BatchNorm, CrossEntropy, Dropout, Linear, Relu, Softmax, SquaredError, Sum
from netspec.ir.verify import verify

reference = backend.load("reference")
CASES = cases()


def test_every_operation_has_an_entry() -> None:
    assert set(reference.OPS) == set(VOCABULARY)


def graph_with(*losses: Any) -> Graph:
    """Return a network of one fc layer of two inputs and outputs, followed by the losses."""
    builder = Builder()
    builder.input(2)
    builder.add("fc", Linear(2), "image")
    for number, loss in enumerate(losses):
        builder.add(f"loss{number}", loss, "fc")
    return verify(builder.graph())


WEIGHTS = {"fc.weight": np.array([[1.0, 0.0], [0.0, 2.0]]), "fc.bias": np.array([0.0, 1.0])}
X = np.array([[2.0, 0.0], [0.0, 1.0]])  # scores 2, 1 and 0, 3
LABELS = np.array([0, 1])


def test_run_returns_values_by_name() -> None:
    run = reference.run(graph_with(), WEIGHTS, X)
    assert list(run.values) == ["image", "fc"]
    np.testing.assert_array_equal(run.values["fc"], [[2, 1], [0, 3]])
    assert run.output is run.values["fc"]


@pytest.mark.many
@pytest.mark.parametrize("build", CASES.values(), ids=CASES.keys())
def test_empty_batch_gives_empty_values(build: Case) -> None:
    graph = build()
    run = reference.run(graph, random_weights(graph), np.zeros((0, *graph.input.output)), drawn=noise(graph, 0))
    assert {name: value.shape for name, value in run.values.items()} == {
        name: (0, *graph.nodes[name].output) for name in run.values
    }


def test_float32_inputs_are_computed_in_float64() -> None:
    weights = {key: weight.astype(np.float32) for key, weight in WEIGHTS.items()}
    run = reference.run(graph_with(SquaredError()), weights, X.astype(np.float32), labels=LABELS)
    gradients = reference.backward(run, reference.loss_seeds(run))
    arrays = [*run.values.values(), *gradients.params.values(), *gradients.values.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float64)}


def test_output_without_labels_is_the_scores() -> None:
    run = reference.run(graph_with(SquaredError()), WEIGHTS, X)
    assert "loss0" not in run.values
    np.testing.assert_array_equal(run.output, [[2, 1], [0, 3]])


def test_output_with_labels_is_the_loss() -> None:
    # (2-1)^2 + 1^2 = 2 and (3-1)^2 = 4, whose mean is 3.
    assert float(reference.run(graph_with(SquaredError(0.5)), WEIGHTS, X, labels=LABELS).output) == 3


def test_sum_of_losses_is_computed_only_with_labels() -> None:
    builder = Builder()
    builder.input(2)
    builder.add("fc", Linear(2), "image")
    builder.add("one", SquaredError(), "fc")
    builder.add("two", SquaredError(), "fc")
    builder.add("both", Sum(), "one", "two")
    graph = verify(builder.graph())
    assert float(reference.run(graph, WEIGHTS, X, labels=LABELS).output) == 6
    assert list(reference.run(graph, WEIGHTS, X).values) == ["image", "fc"]


def test_training_loss_is_the_weighted_sum_of_losses() -> None:
    run = reference.run(graph_with(SquaredError(0.5), SquaredError(2.0)), WEIGHTS, X, labels=LABELS)
    assert reference.training_loss(run) == 3 * 2.5
    # Gradient of the scores: 2 (x - t) / 2 images, times 2.5; that of the bias is the sum over the images.
    gradients = reference.backward(run, reference.loss_seeds(run))
    np.testing.assert_allclose(gradients.values["fc"], [[2.5, 2.5], [0.0, 5.0]])
    np.testing.assert_allclose(gradients.params["fc.bias"], [2.5, 7.5])
    # Gradient of fc.weight: the images 2,0 and 0,1 times those of the scores.
    np.testing.assert_allclose(gradients.params["fc.weight"], [[5, 0], [5, 5]])


def test_default_training_loss_is_the_cross_entropy_of_the_scores() -> None:
    builder = Builder()
    builder.input(2)
    builder.add("fc", Linear(2), "image")
    builder.add("prob", Softmax(), "fc")
    run = reference.run(verify(builder.graph()), WEIGHTS, X, labels=LABELS)
    # log(1 + e^-1) and log(1 + e^-3).
    assert reference.training_loss(run) == pytest.approx((0.3132616875182228 + 0.04858735157374206) / 2, rel=1e-14)
    explicit = reference.run(graph_with(CrossEntropy()), WEIGHTS, X, labels=LABELS)
    assert reference.training_loss(explicit) == reference.training_loss(run)
    seeds = reference.loss_seeds(run)
    assert list(seeds) == ["fc"]
    np.testing.assert_allclose(
        reference.backward(run, seeds).params["fc.weight"],
        reference.backward(explicit, reference.loss_seeds(explicit)).params["fc.weight"],
    )


def test_parameters_that_no_seed_depends_on_have_gradient_zero() -> None:
    gradients = reference.backward(reference.run(graph_with(), WEIGHTS, X), {"image": np.ones((2, 2))})
    assert list(gradients.values) == ["image"]
    assert not gradients.params["fc.weight"].any()
    assert gradients.params["fc.weight"].shape == (2, 2)


def test_seeds_at_two_values_add_up() -> None:
    builder = Builder()
    builder.input(2)
    builder.add("relu", Relu(), "image")
    run = reference.run(builder.graph(), {}, [[1.0, -1.0]])
    gradients = reference.backward(run, {"relu": [[10.0, 10.0]], "image": [[1.0, 2.0]]})
    np.testing.assert_array_equal(gradients.values["image"], [[11, 2]])


def batchnorm_graph() -> Graph:
    builder = Builder()
    builder.input(1, 1, 2)
    builder.add("bn", BatchNorm(eps=4, momentum=0.1, affine=False), "image")
    return builder.graph()


BATCH = np.array([1.0, 3.0, 5.0, 7.0]).reshape(2, 1, 1, 2)


def test_training_updates_the_running_statistics() -> None:
    # Mean 4; unbiased variance 20/3. From 0 and 1: 0.1 * 4, and 0.9 + 0.1 * 20/3 = 47/30; from 10 and 2: 9.4 and 37/15.
    run = reference.run(batchnorm_graph(), {}, BATCH, training=True)
    np.testing.assert_allclose(run.statistics["bn.running_mean"], [0.4])
    np.testing.assert_allclose(run.statistics["bn.running_var"], [47 / 30])
    before = {"bn.running_mean": [10.0], "bn.running_var": [2.0]}
    run = reference.run(batchnorm_graph(), {}, BATCH, training=True, statistics=before)
    np.testing.assert_allclose(run.statistics["bn.running_mean"], [9.4])
    np.testing.assert_allclose(run.statistics["bn.running_var"], [37 / 15])
    assert before == {"bn.running_mean": [10.0], "bn.running_var": [2.0]}


def test_running_statistics_are_unchanged_outside_training() -> None:
    before = {"bn.running_mean": [2.0], "bn.running_var": [12.0]}
    run = reference.run(batchnorm_graph(), {}, BATCH, statistics=before)
    np.testing.assert_allclose(run.output.ravel(), [-0.25, 0.25, 0.75, 1.25])
    assert {key: list(buffer) for key, buffer in run.statistics.items()} == before


def dropout_graph() -> Graph:
    builder = Builder()
    builder.input(2)
    builder.add("drop", Dropout(0.5, "train"), "image")
    return builder.graph()


@pytest.mark.parametrize(
    ("graph", "changes", "message"),
    [
        (graph_with(), {"x": np.ones((2, 3))}, r"net reads images of 2, not an array of shape \(2, 3\)"),
        (graph_with(), {"x": np.ones(2)}, "net reads images of 2"),
        (graph_with(), {"weights": {"fc.weight": np.ones((2, 2))}}, "net also has the parameters fc.bias"),
        (graph_with(), {"weights": {**WEIGHTS, "fc.bias": np.ones(3)}}, r"fc.bias has shape \(2,\), not \(3,\)"),
        (graph_with(SquaredError()), {"labels": [0, 2]}, "loss0 has 2 classes: labels run from 0 to 1"),
        (graph_with(SquaredError()), {"labels": [0, -1]}, "loss0 has 2 classes: labels run from 0 to 1"),
        (graph_with(SquaredError()), {"labels": [0]}, "loss0 needs 2 labels"),
        (dropout_graph(), {"training": True}, "drop drops units in training: it needs a mask"),
        (dropout_graph(), {"drawn": {"drop": np.ones((1, 2))}}, "the random numbers of drop have shape"),
        (
            batchnorm_graph(),
            {"x": np.ones((2, 1, 1, 2)), "statistics": {"bn.running_var": [1, 1]}},
            "bn.running_var has",
        ),
    ],
)
def test_run_rejects_arguments_that_do_not_fit(graph: Graph, changes: dict[str, Any], message: str) -> None:
    arguments = {"weights": WEIGHTS, "x": X, **changes}
    with pytest.raises(ValueError, match=message):
        reference.run(graph, **arguments)


def test_batchnorm_of_a_single_number_is_rejected() -> None:
    builder = Builder()
    builder.input(2)
    builder.add("bn", BatchNorm(1e-5, 0.1, affine=False), "image")
    with pytest.raises(ValueError, match="bn normalises over the batch"):
        reference.run(builder.graph(), {}, [[1.0, 2.0]], training=True)


def test_backward_rejects_seeds_that_do_not_fit() -> None:
    run = reference.run(graph_with(SquaredError()), WEIGHTS, X)
    with pytest.raises(ValueError, match="net has no value loss0"):
        reference.backward(run, {"loss0": 1.0})
    with pytest.raises(ValueError, match="the seed of fc has shape"):
        reference.backward(run, {"fc": np.ones(2)})


@pytest.mark.parametrize("graph", [graph_with(), graph_with(SquaredError())], ids=["scores", "loss"])
def test_training_loss_needs_labels(graph: Graph) -> None:
    run = reference.run(graph, WEIGHTS, X)
    for function in (reference.training_loss, reference.loss_seeds):
        with pytest.raises(ValueError, match="needs labels"):
            function(run)


def test_training_loss_rejects_scores_that_are_maps() -> None:
    builder = Builder()
    builder.input(2, 1, 1)
    builder.add("prob", Softmax(), "image")
    run = reference.run(builder.graph(), {}, np.ones((2, 2, 1, 1)), labels=LABELS)
    with pytest.raises(ValueError, match=r"needs masks of \(2, 1, 1\)"):
        reference.training_loss(run)
