"""Loss and gradients of a step with the train line's options: accumulation, precision, label smoothing, layout."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

import netspec
from netspec.ir.graph import Graph
from netspec.train.errors import TrainError
from netspec.train.learning.objective import Objective, build, parts

NET = """
[image] input 3x8x8
[conv] conv filters=8 kernel=3 init=gaussian(0.1) neuron=relu
[norm] lrn size=3 k=2 alpha=0.1 beta=0.75
[pool] maxpool kernel=2 stride=2
[drop] dropout rate=0.3
[fc] fc outputs=4 init=gaussian(0.1)
"""
LOSSES = "[one] crossentropy\n[two] squarederror inputs=fc loss_weight=0.5\n[three] binarycrossentropy inputs=fc\n"


def objective(text: str = NET, **train: Any) -> Objective:
    graph: Graph = netspec.loads(text).graph
    built = build(replace(graph, train=replace(graph.train, **train)), 3, "cpu")
    built.module.train()
    return built


def batch(count: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, 8, 8, generator=generator), torch.randint(4, (count,), generator=generator)


def gradients(objective: Objective, count: int = 12) -> tuple[float, Tensor]:
    loss = objective.gradients(*batch(count), seed=5, step=7)
    assert not loss.requires_grad
    return loss.item(), torch.cat([p.grad.flatten() for p in objective.module.parameters() if p.grad is not None])


@pytest.mark.parametrize("text", [NET, NET + LOSSES], ids=["no-loss", "three-losses"])
@pytest.mark.parametrize("accumulate", [2, 3, 12])
def test_accumulated_gradients_are_those_of_the_whole_batch(text: str, accumulate: int) -> None:
    """Up to rounding in float32. Dropout is the same, since it depends on the image's place in the whole batch."""
    loss, whole = gradients(objective(text))
    loss_of_parts, accumulated = gradients(objective(text, accumulate=accumulate))
    assert loss_of_parts == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(accumulated, whole, rtol=1e-4, atol=1e-6)
    assert whole.abs().max() > 0.01


def test_unequal_parts_are_weighted_by_their_images() -> None:
    assert [len(labels) for _, labels in parts(*batch(11), 3)] == [4, 4, 3]
    assert [len(labels) for _, labels in parts(*batch(2), 3)] == [1, 1]
    whole, accumulated = gradients(objective(), 11), gradients(objective(accumulate=3), 11)
    torch.testing.assert_close(accumulated[1], whole[1], rtol=1e-4, atol=1e-6)


def test_batch_normalisation_is_over_one_part() -> None:
    text = NET.replace("lrn size=3 k=2 alpha=0.1 beta=0.75", "batchnorm")
    found = objective(text, accumulate=3)
    gradients(found)
    assert dict(found.module.named_buffers())["norm.num_batches_tracked"].item() == 3
    assert abs(gradients(objective(text))[0] - gradients(objective(text, accumulate=3))[0]) > 1e-4


def test_bf16_is_close_to_fp32_and_keeps_float32_weights() -> None:
    """bfloat16 has 8 bits of mantissa, a relative error of 2^-9 per operation, and there are a few in sequence."""
    (loss, gradient), bf16 = gradients(objective()), objective(precision="bf16")
    bf16_loss, bf16_gradients = gradients(bf16)
    assert bf16_loss == pytest.approx(loss, rel=0.02)
    assert bf16_loss != loss
    assert (bf16_gradients - gradient).norm() / gradient.norm() < 0.03
    assert {p.dtype for p in bf16.module.parameters()} == {torch.float32}
    assert bf16_gradients.dtype == torch.float32
    scores = bf16.scores(batch()[0])
    assert scores.dtype == torch.float32
    assert torch.is_autocast_enabled("cpu") is False


def test_channels_last_changes_only_the_memory_layout() -> None:
    found = objective(channels_last=True)
    weight = dict(found.module.named_parameters())["conv.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert not weight.is_contiguous()
    (loss, whole), (channels_last_loss, channels_last_gradients) = gradients(objective()), gradients(found)
    assert channels_last_loss == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(channels_last_gradients, whole, rtol=1e-4, atol=1e-6)


def test_label_smoothing_by_hand() -> None:
    """Scores (0, ln 2, 0, 0) of class 1 with s = 0.2: p = (1, 2, 1, 1)/5, t = (0.05, 0.85, 0.05, 0.05).

    cross-entropy        0.85 ln(5/2) + 0.15 ln 5
    squared error        0.05^2 * 3 + (ln 2 - 0.85)^2
    binary cross-entropy 3 ln 2 + 0.85 ln(3/2) + 0.15 ln 3, since logistic(ln 2) = 2/3 and logistic(0) = 1/2
    """
    net = "[image] input 4\n[fc] fc outputs=4\n"
    labels = torch.tensor([1])
    smoothed = {
        "": 0.85 * math.log(2.5) + 0.15 * math.log(5),
        "[l] crossentropy": 0.85 * math.log(2.5) + 0.15 * math.log(5),
        "[l] squarederror": 3 * 0.05**2 + (math.log(2) - 0.85) ** 2,
        "[l] binarycrossentropy": 3 * math.log(2) + 0.85 * math.log(1.5) + 0.15 * math.log(3),
    }
    plain = {
        "": math.log(2.5),
        "[l] crossentropy": math.log(2.5),
        "[l] squarederror": (math.log(2) - 1) ** 2,
        "[l] binarycrossentropy": 3 * math.log(2) + math.log(1.5),
    }
    for loss, expected in smoothed.items():
        found = objective(net + loss, label_smoothing=0.2)
        with torch.no_grad():
            dict(found.module.named_parameters())["fc.weight"].copy_(torch.eye(4))
        images = torch.tensor([[0.0, math.log(2), 0.0, 0.0]])
        assert found.loss(images, labels).item() == pytest.approx(expected, rel=1e-6), loss
        found.module.eval()
        assert found.loss_and_scores(images, labels)[0].item() == pytest.approx(plain[loss], rel=1e-6), loss


def test_loss_without_weights_is_an_error() -> None:
    text = "[image] input 3x8x8\n[unread] fc outputs=3\n[mean] avgpool kernel=8 inputs=image\n[prob] softmax\n"
    with pytest.raises(TrainError, match="the loss depends on no weights"):
        objective(text).gradients(batch()[0], torch.zeros(12, dtype=torch.int64), seed=5, step=7)
