"""Weights of classes in the loss: by hand, against PyTorch's, and the same however a batch is divided."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from tapes import Tapes
from torch import Tensor

import netspec
from netspec import backend
from netspec.passes.fast import Forms
from netspec.passes.score_grid import UNLABELLED
from netspec.train.learning.guessing import guessing
from netspec.train.learning.objective import Objective, build
from netspec.train.learning.recorded import recorded
from netspec.train.learning.validation import evaluate

IMAGES = "[image] input 3x4x6\n[fc] fc outputs=4 init=gaussian(0.3)\n"
LAYER = f"{IMAGES}[loss] crossentropy\n"
TWO = f"{IMAGES}[a] crossentropy loss_weight=0.3\n[b] fc outputs=4 inputs=image init=gaussian(0.3)\n[c] crossentropy\n"
MAPS = "[image] input 3x4x6\n[conv] conv filters=4 kernel=1 init=gaussian(0.3)\n"
TEXTS = {"images": IMAGES, "a loss layer": LAYER, "two losses": TWO, "maps": MAPS}

WEIGHTS = (0.1, 3.0, 0.0, 7.5)


def objective(text: str, seed: int = 3, **train: Any) -> Objective:
    graph = netspec.loads(text).graph
    built = build(replace(graph, train=replace(graph.train, **({"class_weights": WEIGHTS} | train))), seed, "cpu")
    built.module.train()
    return built


def batch(text: str, count: int = 12) -> tuple[Tensor, Tensor]:
    """Return images and labels. The first three are of class 2, whose weight is 0; of masks, some are unlabelled."""
    generator = torch.Generator().manual_seed(1)
    shape = (count, 4, 6) if text == MAPS else (count,)
    labels = torch.randint(4, shape, generator=generator)
    labels[:3] = 2
    if text == MAPS:
        labels[torch.rand(shape, generator=generator) < 0.3] = UNLABELLED
        labels = labels.byte()
    return torch.randn(count, 3, 4, 6, generator=generator), labels


def targets(count: int = 12) -> Tensor:
    return torch.rand(count, 4, generator=torch.Generator().manual_seed(2)).softmax(1)


def gradients(found: Objective, images: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    found.module.zero_grad()
    loss = found.gradients(images, labels, seed=5, step=7)
    return float(loss), torch.cat([p.grad.flatten() for p in found.module.parameters() if p.grad is not None])


def loss_of_pytorch(scores: Tensor, labels: Tensor, smoothing: float) -> Tensor:
    masks = {"ignore_index": UNLABELLED} if labels.dim() == 3 else {}
    criterion = torch.nn.CrossEntropyLoss(torch.tensor(WEIGHTS), label_smoothing=smoothing, **masks)
    loss: Tensor = criterion(scores, labels.long() if masks else labels)
    return loss


@pytest.mark.parametrize("text", [IMAGES, LAYER], ids=["images", "a loss layer"])
def test_loss_by_hand(text: str) -> None:
    """Scores of ln 3 and 0: p = 3/4 and 1/4. An image of class 0, which weighs 0.1, and one of class 1, which weighs 3:
    (0.1 ln(4/3) + 3 ln 4) / 3.1. Outside training, the mean of the two losses."""
    found = objective(text)
    with torch.no_grad():
        found.module.get_parameter("fc.weight").zero_()
        found.module.get_parameter("fc.bias").copy_(torch.tensor([math.log(3), 0, -1e4, -1e4]))
    images, labels = torch.zeros(2, 3, 4, 6), torch.tensor([0, 1])
    weighted = (0.1 * math.log(4 / 3) + 3 * math.log(4)) / 3.1
    assert found.loss(images, labels).item() == pytest.approx(weighted, rel=1e-6)
    found.module.eval()
    plain = (math.log(4) + math.log(4 / 3)) / 2
    assert found.loss(images, labels).item() == pytest.approx(plain, rel=1e-6)
    evaluation = evaluate(found, [(images, labels)])
    assert evaluation is not None and evaluation.loss == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("text", [IMAGES, LAYER, MAPS], ids=["images", "a loss layer", "maps"])
def test_loss_is_that_of_pytorch(text: str, smoothing: float) -> None:
    found, (images, labels) = objective(text, label_smoothing=smoothing), batch(text)
    for wanted in (labels,) if text == MAPS else (labels, targets()):
        loss, gradient = gradients(found, images, wanted)
        found.module.zero_grad()
        expected = loss_of_pytorch(found.scores(images), wanted, smoothing)
        expected.backward()
        assert loss == pytest.approx(expected.item(), rel=1e-6)
        direct = torch.cat([p.grad.flatten() for p in found.module.parameters() if p.grad is not None])
        torch.testing.assert_close(gradient, direct, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("accumulate", [2, 4, 5])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("name", TEXTS)
def test_parts_count_by_the_weights_of_their_classes(name: str, smoothing: float, accumulate: int) -> None:
    """The loss of the whole batch, whatever its parts: the images of the first of four have no weight."""
    text = TEXTS[name]
    loss, whole = gradients(objective(text, label_smoothing=smoothing), *batch(text))
    parts, accumulated = gradients(objective(text, label_smoothing=smoothing, accumulate=accumulate), *batch(text))
    assert parts == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(accumulated, whole, rtol=1e-4, atol=1e-6)
    assert whole.abs().max() > 0.01


@pytest.mark.parametrize("accumulate", [1, 5])
def test_parts_of_targets_count_by_their_images(accumulate: int) -> None:
    images = batch(IMAGES)[0]
    loss, gradient = gradients(objective(IMAGES, accumulate=accumulate), images, targets())
    found = objective(IMAGES)
    expected = loss_of_pytorch(found.scores(images), targets(), 0)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    direct = torch.cat([p.grad.flatten() for p in found.module.parameters() if p.grad is not None])
    torch.testing.assert_close(gradient, direct, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("text", [IMAGES, LAYER, MAPS], ids=["images", "a loss layer", "maps"])
def test_batch_without_weight_has_no_loss(text: str) -> None:
    """PyTorch's loss is NaN."""
    images, labels = batch(text)
    loss, gradient = gradients(objective(text, accumulate=2), images, torch.full_like(labels, 2))
    assert loss == 0
    assert gradient.shape and not gradient.any()


@pytest.mark.parametrize("text", [IMAGES, MAPS], ids=["images", "maps"])
def test_equal_weights_change_nothing(text: str) -> None:
    images, labels = batch(text)
    loss, gradient = gradients(objective(text, class_weights=None), images, labels)
    weighted, weighted_gradient = gradients(objective(text, class_weights=(2.5,) * 4), images, labels)
    assert weighted == pytest.approx(loss, rel=1e-6)
    torch.testing.assert_close(weighted_gradient, gradient, rtol=1e-5, atol=1e-7)


def test_bf16_computes_the_loss_in_float32() -> None:
    for text in (LAYER, MAPS):
        low, full = (gradients(objective(text, precision=precision), *batch(text))[0] for precision in ("bf16", "fp32"))
        assert low == pytest.approx(full, rel=0.02)


def test_weights_are_no_part_of_the_state() -> None:
    """A run's checkpoints and weights are those of the network; a module on another device takes the weights along."""
    for text in (IMAGES, LAYER):
        found = objective(text)
        assert set(found.module.state_dict()) == {"fc.weight", "fc.bias"}
        assert found.module.double().to("meta").get_buffer("_class_weights").device.type == "meta"


@pytest.mark.parametrize("name", TEXTS)
def test_replays_of_a_recorded_step_weigh_the_labels_of_their_own_batch(name: str) -> None:
    """Nothing of a step depends on numbers that Python has read from an earlier batch."""
    text, tapes = TEXTS[name], Tapes()
    graph = netspec.loads(text).graph
    graph = replace(graph, train=replace(graph.train, class_weights=WEIGHTS, accumulate=3))
    replayed = recorded(build(graph, 3, "cpu", Forms(("cuda-graph",), recorded=True)), tapes)
    plain, (images, labels) = build(graph, 3, "cpu"), batch(text)
    for step in range(5):
        losses, found_gradients = [], []
        for found in (replayed, plain):
            found.module.train()
            found.module.zero_grad()
            wanted = labels.roll(step, 0) if step < 4 else torch.full_like(labels, 2)
            losses.append(found.gradients(images, wanted, 5, step))
            found_gradients.append([p.grad for p in found.module.parameters()])
        assert torch.equal(*losses) and (losses[0] == 0) == (step == 4)
        assert all(torch.equal(a, b) for a, b in zip(*found_gradients, strict=True))
    assert tapes.replays > 0 and replayed.form_notes == ()


def test_loss_of_guessing() -> None:
    """It is ln(classes) whatever the weights are, but not with smoothed labels, of which those without weight count."""
    scores, labels = torch.zeros(12, 4), batch(IMAGES)[1]
    for smoothing in (0.0, 0.1):
        loss = backend.load("pytorch").cross_entropy(scores, labels, smoothing, torch.tensor(WEIGHTS))
        found = objective(IMAGES, label_smoothing=smoothing)
        chance = guessing(found.graph, 1000, 10).chance
        assert (chance == pytest.approx(loss.item())) == (smoothing == 0)
        assert chance == (0 if smoothing else math.log(4))
    mixed = netspec.loads(f"{IMAGES}train class_weights=1,2,3,4\naugment mixup=0.2").graph
    assert guessing(mixed, 1000, 10).chance == 0
