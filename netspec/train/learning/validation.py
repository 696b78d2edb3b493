"""Evaluating a network on a split: the loss, and how often it is right; of images, top-1 and top-5 accuracy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from netspec.train.learning.objective import Objective

VIEWS = 1
"""The number of views of each image in validation during training, whatever the spec's test line says."""

PROTOCOL = "centre crop"
"""The name of the single view, in validation and in tests."""


class Accuracy(NamedTuple):
    """A result from 0 to 1, the higher the better: its name as an attribute of an evaluation and in ``metrics.jsonl``,
    its name for people, and that of what it lacks to 1."""

    key: str
    name: str
    error: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of an evaluation on ``images`` images, with their mean loss."""

    measures: ClassVar[tuple[Accuracy, ...]]
    """What is measured, the most important one first."""

    images: int
    loss: float

    @property
    def error(self) -> float:
        """The fraction (0 to 1) that is wrong, by which a schedule judges progress."""
        return 1 - self._value(self.measures[0])

    @property
    def metrics(self) -> dict[str, Any]:
        """The results, by their names in ``metrics.jsonl``: numbers, or dictionaries of numbers."""
        return {accuracy.key: self._value(accuracy) for accuracy in self.measures} | self.details

    @property
    def details(self) -> dict[str, Any]:
        """What ``metrics`` have beside the accuracies."""
        return {}

    @property
    def accuracies(self) -> tuple[str, ...]:
        """The results in words, the most important one first."""
        return tuple(f"{accuracy.name} {100 * self._value(accuracy):.1f} %" for accuracy in self.measures)

    def _value(self, accuracy: Accuracy) -> float:
        value: float = getattr(self, accuracy.key)
        return value


@dataclass(frozen=True, slots=True)
class ImageEvaluation(Evaluation):
    """The fractions (0 to 1) of the images with the right class first, and among the best five.

    With fewer than six classes ``top5`` is 1, unless scores are not finite.
    """

    measures = Accuracy("top1", "top-1", "top-1"), Accuracy("top5", "top-5", "top-5")

    top1: float
    top5: float


class Totals(Protocol):
    """Counts of an evaluation so far."""

    images: int

    def add(self, objective: Objective, x: Tensor, labels: Tensor) -> None:
        """Count a batch. ``x`` are the prepared images that this process evaluates, ``labels`` those of the whole
        batch."""
        ...

    def result(self, objective: Objective) -> Evaluation | None:
        """Return the evaluation; ``None`` if there was nothing to count. Processes that share the evaluation call it
        together, and each gets the same."""
        ...


class ImageTotals:
    """Counts of images with the right class first, and among the best five, and the sum of the losses."""

    def __init__(self) -> None:
        self.images, self.loss, self.first, self.five = 0, 0.0, 0, 0

    def add(self, objective: Objective, x: Tensor, labels: Tensor) -> None:
        batch_loss, scores = objective.loss_and_scores(x, labels)
        hits = count_hits(scores, labels)
        self.images += len(labels)
        self.loss += float(batch_loss) * len(labels)
        self.first += int(hits[0])
        self.five += int(hits[1])

    def result(self, objective: Objective) -> ImageEvaluation | None:
        n = self.images
        return ImageEvaluation(n, self.loss / n, self.first / n, self.five / n) if n else None


def evaluate(
    objective: Objective,
    batches: Iterable[tuple[Tensor, Tensor]],
    seed: int = 0,
    totals_of: Callable[[], Totals] = ImageTotals,
) -> Evaluation | None:
    """Evaluate the network on batches of prepared images (N, channels, height, width) and their labels.

    Each image is seen in one view. Random choices outside training depend on the seed and the image's index among
    these. Returns ``None`` if there is nothing to count. The module's training mode is restored afterwards.
    """
    module = objective.module
    was_training = module.training
    module.eval()
    totals = totals_of()
    try:
        with torch.no_grad():
            for x, labels in batches:
                objective.set_evaluation_random_state(seed, totals.images, len(labels))
                totals.add(objective, x, labels)
            return totals.result(objective)
    finally:
        module.train(was_training)


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
