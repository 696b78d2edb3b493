"""How well a network does on a split: the loss, and how often the right class is first or among the first five."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from netspec.train.learning.objective import Objective

VIEWS = 1
"""Views of each image that a validation takes during training, whatever the spec's test line says."""

PROTOCOL = "centre crop"
"""Which view the only one is, in a validation and in a test."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Of ``images`` images: the mean loss, and the shares (0 to 1) with the right class first and among the five best.

    With fewer than five classes ``top5`` is 1.
    """

    images: int
    loss: float
    top1: float
    top5: float


def evaluate(objective: Objective, batches: Iterable[tuple[Tensor, Tensor]], seed: int = 0) -> Evaluation | None:
    """Run the network, outside training, over prepared images (N, channels, height, width) with their class numbers.

    One view of each image. What is drawn by chance outside training too is drawn by the seed and the image's place
    among these. ``None`` if there is no image. The module is in training mode again afterwards if it was.
    """
    module = objective.module
    was_training = module.training
    module.eval()
    images, loss, first, five = 0, 0.0, 0, 0
    try:
        with torch.no_grad():
            for x, labels in batches:
                objective.draw_tested(seed, images, len(labels))
                batch_loss, scores = objective.measured(x, labels)
                hits = right(scores, labels)
                images += len(labels)
                loss += float(batch_loss) * len(labels)
                first += int(hits[0])
                five += int(hits[1])
    finally:
        module.train(was_training)
    if images == 0:
        return None
    return Evaluation(images, loss / images, first / images, five / images)


def right(scores: Tensor, labels: Tensor) -> Tensor:
    """How many images have their class first, and how many among the five best: two numbers. Scores: (N, classes)."""
    return torch.stack([hit.sum() for hit in hits(scores, labels)])


def hits(scores: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each image's class is first, and whether it is among the five best. Scores: (N, classes).

    The place of a class is the number of classes that score higher or as high, so that a tie is never in its favour;
    a score that is no number is never right.
    """
    own = scores.gather(1, labels[:, None])
    before = (scores >= own).sum(dim=1) - 1
    valid = own[:, 0].isfinite()
    return (before < 1) & valid, (before < 5) & valid


def answered(scores: Tensor, labels: Tensor) -> Tensor:
    """The class that each image is taken for, by the rule of ``hits``: of a tie with the right class, the other one.

    Scores are finite or minus infinity.
    """
    first, _ = hits(scores, labels)
    others = scores.clone()
    others.scatter_(1, labels[:, None], -torch.inf)
    # With a single class there is no other one.
    return torch.where(first | (scores.shape[1] == 1), labels, others.argmax(dim=1))
