"""Evaluating a network on a split: the loss, and top-1 and top-5 accuracy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from netspec.train.learning.objective import Objective

VIEWS = 1
"""The number of views of each image in validation during training, whatever the spec's test line says."""

PROTOCOL = "centre crop"
"""The name of the single view, in validation and in tests."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The mean loss over ``images`` images, and the fractions (0 to 1) with the right class first and among the best
    five.

    With fewer than six classes ``top5`` is 1, unless scores are not finite.
    """

    images: int
    loss: float
    top1: float
    top5: float


def evaluate(objective: Objective, batches: Iterable[tuple[Tensor, Tensor]], seed: int = 0) -> Evaluation | None:
    """Evaluate the network on batches of prepared images (N, channels, height, width) and their class numbers.

    Each image is seen in one view. Random choices outside training depend on the seed and the image's index among
    these. Returns ``None`` if there are no images. The module's training mode is restored afterwards.
    """
    module = objective.module
    was_training = module.training
    module.eval()
    images, loss, first, five = 0, 0.0, 0, 0
    try:
        with torch.no_grad():
            for x, labels in batches:
                objective.set_evaluation_random_state(seed, images, len(labels))
                batch_loss, scores = objective.loss_and_scores(x, labels)
                hits = count_hits(scores, labels)
                images += len(labels)
                loss += float(batch_loss) * len(labels)
                first += int(hits[0])
                five += int(hits[1])
    finally:
        module.train(was_training)
    if images == 0:
        return None
    return Evaluation(images, loss / images, first / images, five / images)


def count_hits(scores: Tensor, labels: Tensor) -> Tensor:
    """Count the images with the right class first, and those with it among the best five: a tensor of two numbers.
    ``scores`` is (N, classes)."""
    return torch.stack([hit.sum() for hit in hits(scores, labels)])


def hits(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each image whether the right class is first, and whether it is among the best five.

    ``scores`` is (N, classes). Ties count against the right class: its rank is the number of other classes that score
    at least as high. A right class whose score is not finite is never a hit.
    """
    right_scores = scores.gather(1, labels[:, None])
    rank = (scores >= right_scores).sum(dim=1) - 1
    valid = right_scores[:, 0].isfinite()
    return (rank < 1) & valid, (rank < 5) & valid


def predicted_classes(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the predicted class of each image. As in ``hits``, the other class wins a tie with the right one.

    Scores must be finite or minus infinity.
    """
    first, _ = hits(scores, labels)
    others = scores.clone()
    others.scatter_(1, labels[:, None], -torch.inf)
    # With a single class there is no other to predict.
    return torch.where(first | (scores.shape[1] == 1), labels, others.argmax(dim=1))
