"""The reference's cross-entropy with weights of the classes: by hand, and the module against it, gradients too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from by_hand import LN2, LN5, assert_close
from numpy.typing import NDArray

import netspec
from netspec import backend

IMAGES = "[image] input 3\n[fc] fc outputs=3 init=gaussian(1)\n"
MAPS = "[image] input 2x3x4\n[fc] conv filters=3 kernel=1 init=gaussian(1)\n"
WEIGHTS = "train class_weights=2,0.5,8\n"
"""Numbers that float32 holds, in which the module has them."""


def losses(text: str, scores: list[list[float]], labels: Any, *, training: bool = True) -> tuple[float, NDArray[Any]]:
    """Return the reference's loss of some scores, and its gradients by these."""
    graph, reference = netspec.loads(text + WEIGHTS).graph, backend.load("reference")
    parameters = {"fc.weight": np.eye(3), "fc.bias": np.zeros(3)}
    run = reference.run(graph, parameters, np.array(scores), labels=labels, training=training)
    by_scores: NDArray[Any] = reference.backward(run, reference.loss_seeds(run)).values["fc"]
    return reference.training_loss(run), by_scores


@pytest.mark.parametrize("loss", ["", "[loss] crossentropy\n"])
def test_weighted_loss_by_hand(loss: str) -> None:
    """e^x is 1, 2, 5: p = 1/8, 1/4, 5/8. Images of the classes 0, which weighs 2, and 2, which weighs 8:
    (2 ln 8 + 8 (ln 8 - ln 5)) / 10, with the gradients w (p - t) / 10."""
    scores = [[0, LN2, LN5]] * 2
    value, by_scores = losses(IMAGES + loss, scores, [0, 2])
    assert value == pytest.approx((2 * 3 * LN2 + 8 * (3 * LN2 - LN5)) / 10)
    assert_close(by_scores, [[2 / 10 * -7 / 8, 2 / 10 / 4, 2 / 10 * 5 / 8], [8 / 10 / 8, 8 / 10 / 4, 8 / 10 * -3 / 8]])
    value, by_scores = losses(IMAGES + loss, scores, [0, 2], training=False)
    assert value == pytest.approx((3 * LN2 + 3 * LN2 - LN5) / 2)
    assert_close(by_scores, [[-7 / 16, 1 / 8, 5 / 16], [1 / 16, 1 / 8, -3 / 16]])


def test_weighted_loss_of_targets_by_hand() -> None:
    """Half of class 0 and half of class 1: (2/2 ln 8 + 0.5/2 ln 4) / 1 image. The gradient is 1.25 p - (1, 1/4, 0)."""
    value, by_scores = losses(IMAGES, [[0, LN2, LN5]], np.array([[0.5, 0.5, 0]]))
    assert value == pytest.approx(3 * LN2 + 0.5 * LN2)
    assert_close(by_scores, [[1.25 / 8 - 1, 1.25 / 4 - 1 / 4, 1.25 * 5 / 8]])


def random_labels(kind: str) -> NDArray[Any]:
    rng = np.random.default_rng(1)
    if kind == "targets":
        return rng.dirichlet([1] * 3, size=6)
    shape = (6, 3, 4) if kind == "masks" else (6,)
    labels = rng.integers(0, 3, shape)
    if kind == "masks":
        labels[rng.random(shape) < 0.3] = 255
    return labels.astype(np.uint8 if kind == "masks" else np.int64)


LOSS = f"{IMAGES}[loss] crossentropy loss_weight=0.7\n"


@pytest.mark.parametrize(
    ("text", "kind"),
    [(IMAGES, "classes"), (LOSS, "classes"), (IMAGES, "targets"), (LOSS, "targets"), (MAPS, "masks")],
)
def test_module_computes_what_the_reference_does(text: str, kind: str) -> None:
    graph = netspec.loads(text + WEIGHTS).graph
    images, labels = np.random.default_rng(0).normal(size=(6, *graph.input.output)), random_labels(kind)
    module = backend.load("pytorch").module(graph).double()
    total = backend.load("pytorch").training_loss(module, torch.from_numpy(images), torch.from_numpy(labels))
    total.backward()
    reference = backend.load("reference")
    weights = {key: tensor.detach().numpy() for key, tensor in module.state_dict().items()}
    run = reference.run(graph, weights, images, labels=labels, training=True)
    assert total.item() == pytest.approx(reference.training_loss(run), rel=1e-12)
    gradients = reference.backward(run, reference.loss_seeds(run))
    assert_close(module.get_parameter("fc.weight").grad, gradients.params["fc.weight"], 1e-12)
