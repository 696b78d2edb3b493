"""Dense networks: their loss against PyTorch's, accuracy and IoU by hand, and masks without a label."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from tapes import Tapes
from torch import Tensor

import netspec
from netspec import backend
from netspec.passes.fast import Forms
from netspec.passes.score_grid import UNLABELLED
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.pixels import PixelTotals, confusion_of, pixel_evaluation
from netspec.train.learning.recorded import recorded
from netspec.train.learning.validation import evaluate

NET = """
[image] input 3x6x8
[conv] conv filters=8 kernel=3 init=gaussian(0.3) neuron=relu
[drop] dropout rate=0.3
[scores] conv filters=4 kernel=1 init=gaussian(0.3)
"""
SHAPE = (4, 6)
"""The rows and columns of the scores."""

X = UNLABELLED


def objective(text: str = NET, **train: Any) -> Objective:
    graph = netspec.loads(text).graph
    built = build(replace(graph, train=replace(graph.train, **train)), 3, "cpu")
    built.module.train()
    return built


def batch(count: int = 12) -> tuple[Tensor, Tensor]:
    """Return images and masks. The share of unlabelled pixels grows from image to image, and the last has no others."""
    generator = torch.Generator().manual_seed(1)
    labels = torch.randint(4, (count, *SHAPE), generator=generator).byte()
    labels[torch.rand(labels.shape, generator=generator) < torch.linspace(0, 1, count)[:, None, None]] = UNLABELLED
    labels[-1] = UNLABELLED
    return torch.randn(count, 3, 6, 8, generator=generator), labels


def gradients(found: Objective, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    found.module.zero_grad()
    loss = found.gradients(images, labels, seed=5, step=7)
    return float(loss), torch.cat([p.grad.flatten() for p in found.module.parameters() if p.grad is not None])


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_that_of_pytorch(smoothing: float) -> None:
    text = NET.replace("[drop] dropout rate=0.3\n", "")
    found, (images, labels) = objective(text, label_smoothing=smoothing), batch()
    loss, gradient = gradients(found, images, labels)
    found.module.zero_grad()
    expected = F.cross_entropy(found.scores(images), labels.long(), ignore_index=X, label_smoothing=smoothing)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    torch.testing.assert_close(
        gradient, torch.cat([p.grad.flatten() for p in found.module.parameters() if p.grad is not None])
    )


def test_loss_by_hand() -> None:
    """Scores (0, ln 3) and (ln 3, 0) of classes 1 and 1, and an unlabelled pixel: (ln(4/3) + ln 4) / 2."""
    scores = torch.tensor([[0, math.log(3), 9], [math.log(3), 0, 0]]).reshape(1, 2, 1, 3)
    labels = torch.tensor([[[1, 1, X]]], dtype=torch.uint8)
    loss = backend.load("pytorch").cross_entropy(scores, labels, 0.0)
    assert loss.item() == pytest.approx((math.log(4 / 3) + math.log(4)) / 2, rel=1e-6)


@pytest.mark.parametrize("accumulate", [2, 3, 12])
def test_parts_count_by_their_labelled_pixels(accumulate: int) -> None:
    """The loss of the whole batch, whatever its parts: the last one, or its last image, has no labelled pixel."""
    loss, whole = gradients(objective(), *batch())
    loss_of_parts, accumulated = gradients(objective(accumulate=accumulate), *batch())
    assert loss_of_parts == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(accumulated, whole, rtol=1e-4, atol=1e-6)
    assert whole.abs().max() > 0.01


def test_batch_without_labelled_pixels_has_no_loss() -> None:
    images, labels = batch()
    loss, gradient = gradients(objective(accumulate=2), images, torch.full_like(labels, UNLABELLED))
    assert loss == 0
    assert gradient.shape and not gradient.any()


def test_bf16_computes_the_loss_in_float32() -> None:
    found = objective(precision="bf16")
    assert found.scores(batch()[0]).dtype == torch.float32
    assert gradients(found, *batch())[0] == pytest.approx(gradients(objective(), *batch())[0], rel=0.02)


def test_replays_of_a_recorded_step_count_the_pixels_of_their_own_batch() -> None:
    """Nothing of a step depends on numbers that Python has read from an earlier batch."""
    graph = netspec.loads(NET).graph
    graph = replace(graph, train=replace(graph.train, accumulate=3))
    tapes, (images, labels) = Tapes(), batch()
    replayed = recorded(build(graph, 3, "cpu", Forms(("cuda-graph",), recorded=True)), tapes)
    plain = build(graph, 3, "cpu")
    for step in range(5):
        losses, gradients = [], []
        for found in (replayed, plain):
            found.module.train()
            found.module.zero_grad()
            losses.append(found.gradients(images, labels.roll(step, 0) if step < 4 else labels | UNLABELLED, 5, step))
            gradients.append([p.grad for p in found.module.parameters()])
        assert torch.equal(*losses) and (losses[0] == 0) == (step == 4)
        assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))
    assert tapes.replays > 0 and replayed.form_notes == ()


MASK = torch.tensor([[[0, 0, 1], [1, 1, X]]], dtype=torch.uint8)
GOT = torch.tensor([[[0, 2, 1], [1, 0, 2]]])


def test_iou_by_hand() -> None:
    """Class 0: one pixel of both, of two that have it and two that get it: 1 / 3. Class 1: two of both, of three and
    two: 2 / 3. Class 2 is got once, and in vain: 0. Class 3 does not occur. Three of five pixels are right."""
    confusion = confusion_of(GOT, MASK, 4)
    assert confusion.tolist() == [[1, 0, 1, 0], [1, 2, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    found = pixel_evaluation(confusion.numpy(), 2.5, 1, ("a", "b", "c", "d"))
    assert found is not None
    assert (found.images, found.pixels, found.loss, found.pixels_right) == (1, 5, 0.5, 0.6)
    assert found.iou == {"a": pytest.approx(1 / 3), "b": pytest.approx(2 / 3), "c": 0, "d": None}
    assert found.mean_iou == pytest.approx(1 / 3)
    assert found.error == pytest.approx(0.4)
    assert found.accuracies == ("pixels right 60.0 %", "mean IoU 33.3 %")


def test_pixels_whose_scores_are_no_numbers_are_wrong() -> None:
    """Of 24 pixels, 6 have a score that is NaN, and 3 more have only scores of minus infinity; the others get class
    0."""
    known = objective()
    scores = torch.zeros(1, 4, *SHAPE)
    scores[:, 0] = 1
    scores[:, 2, 0] = math.nan
    scores[:, :, 1, :3] = -math.inf

    class Scored(Objective):
        def scores(self, images: Tensor) -> Tensor:
            return scores

    for number, right in ((0, 15 / 24), (1, 0.0)):
        totals = PixelTotals("abcd")
        totals.add(Scored(known.graph, known.module), scores, torch.full((1, *SHAPE), number, dtype=torch.uint8))
        result = totals.result(known)
        assert result is not None and result.pixels == 24
        assert result.pixels_right == result.iou["abcd"[number]] == right
        assert result.iou["a"] == right and result.iou["c"] is None


def test_no_labelled_pixel_is_no_evaluation() -> None:
    assert pixel_evaluation(np.zeros((2, 2), np.int64), 0.0, 3, ("a", "b")) is None
    images, labels = batch(2)
    nothing = [(images, torch.full_like(labels, UNLABELLED))]
    assert evaluate(objective(), nothing, 0, lambda: PixelTotals("abcd")) is None
    assert evaluate(objective(), [], 0, lambda: PixelTotals("abcd")) is None


def test_evaluation_is_over_all_pixels_of_all_batches() -> None:
    """Not a mean of means: batches of different sizes give what one gives."""
    found, (images, labels) = objective(), batch()
    at_once = evaluate(found, [(images, labels)], 0, lambda: PixelTotals("abcd"))
    parts = [(images[:1], labels[:1]), (images[1:10], labels[1:10]), (images[10:], labels[10:])]
    divided = evaluate(found, parts, 0, lambda: PixelTotals("abcd"))
    assert at_once is not None and divided is not None
    assert divided == replace(at_once, loss=pytest.approx(at_once.loss, rel=1e-6))
    found.module.eval()
    with torch.no_grad():
        scores = found.scores(images)
    expected = F.cross_entropy(scores.double(), labels.long(), ignore_index=X)
    assert at_once.loss == pytest.approx(expected.item(), rel=1e-5)
    right = (scores.argmax(1) == labels).sum().item() / (labels != X).sum().item()
    assert at_once.metrics["pixels_right"] == pytest.approx(right)
