"""Losses whose labels are the targets of mixed images: the reference by hand, and the module against the reference."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from by_hand import LN2, LN3, LN5, assert_close, gradient, value

import netspec
from netspec import backend
from netspec.ir.ops import BinaryCrossEntropy, CauchyError, CrossEntropy, SquaredError, SumSquares

TARGETS = np.array([[0.75, 0.25, 0.0]])


def test_losses_of_targets_by_hand() -> None:
    """Cross-entropies are linear in the targets; squares are not.

    e^x is 1, 2, 5, so the cross-entropy is 3/4 log 8 + 1/4 log 4. With p = 1/2, 3/4, 1/2, the binary one is
    3/4 log 2 + 1/4 log 2 + 1/4 log(4/3) + 3/4 log 4 + log 2. The class number of a half of class 1 and a half of class
    2 is 1.5."""
    assert value(CrossEntropy(), [[0, LN2, LN5]], labels=TARGETS) == pytest.approx((3 * 3 * LN2 + 2 * LN2) / 4)
    binary = LN2 + (2 * LN2 - LN3) / 4 + 3 * LN2 / 2 + LN2
    assert value(BinaryCrossEntropy(), [[0, LN3, 0]], labels=TARGETS) == pytest.approx(binary)
    assert value(SquaredError(), [[1, 1, 1]], labels=TARGETS) == pytest.approx(0.0625 + 0.5625 + 1)
    assert value(CauchyError(), [[0.75, 1.25, 2]], labels=TARGETS) == pytest.approx(LN2 + LN5)
    assert value(SumSquares(gate="class"), [[1, 2]], labels=np.array([[0, 0.5, 0.5]])) == pytest.approx(1.5 * 5)
    assert_close(gradient(CrossEntropy(), [[0, LN2, LN5]], labels=TARGETS, seed=1).inputs[0], [[-5 / 8, 0, 5 / 8]])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize(
    "loss",
    [
        "",
        "crossentropy",
        "squarederror",
        "cauchyerror",
        "binarycrossentropy positive=2",
        "setcrossentropy size=2",
        "softmax\n[likely] binarycrossentropy of=probabilities",
        "sumsquares gate=class",
    ],
)
def test_losses_of_targets_and_their_gradients_are_those_of_the_reference(loss: str, smoothing: float) -> None:
    text = f"[image] input 5\n[fc] fc outputs=4 init=gaussian(1)\n{f'[loss] {loss}' if loss else ''}\n"
    graph = netspec.loads(f"{text}train label_smoothing={smoothing}").graph
    rng = np.random.default_rng(0)
    images, targets = rng.normal(size=(6, 5)), rng.dirichlet([1] * 4, size=6)
    module = backend.load("pytorch").module(graph).double()
    total = backend.load("pytorch").training_loss(module, torch.from_numpy(images), torch.from_numpy(targets))
    total.backward()

    reference = backend.load("reference")
    weights = {key: tensor.detach().numpy() for key, tensor in module.state_dict().items()}
    smoothed = targets * (1 - smoothing) + smoothing / 4 if "sumsquares" not in loss else targets
    run = reference.run(graph, weights, images, labels=smoothed, training=True)
    assert total.item() == pytest.approx(reference.training_loss(run), rel=1e-12)
    gradients = reference.backward(run, reference.loss_seeds(run))
    assert_close(module.get_parameter("fc.weight").grad, gradients.params["fc.weight"], 1e-12)
