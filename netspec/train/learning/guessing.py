"""Detecting a network that does not learn: its loss starts far above that of guessing, diverges, or stays at it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from netspec.formatting import format_count
from netspec.ir.graph import Graph
from netspec.ir.ops import CrossEntropy

EARLIEST, LATEST = 200, 5000
"""The loss is checked at the end of the first epoch, but no earlier and no later than these steps: a few steps prove
nothing, and a deep network may make no progress for thousands of steps and then learn."""

WINDOW = 100
"""The number of steps over whose mean loss the check is made."""

EPOCHS = 3
"""A run that ends before the check is checked at its end, over its last epoch, from this number of epochs on: a few
photographs seen again and again are a training, and a few steps on a large data set are a trial."""

NEAR = 0.01
"""A mean loss within this relative distance of the loss of guessing counts as guessing."""

FAR = 10
"""A loss of more than this many times that of guessing means that the network is far too confident in wrong answers."""

CAUSES = (
    "a learning rate that is too low or too high (try ten times more, and a tenth); initial weights so "
    "small that nothing arrives at the scores, or so large that units saturate; biases that leave the ReLUs off; "
    "labels that do not belong to the images"
)


@dataclass(slots=True)
class Guessing:
    """Watches the loss of the first step and the mean loss of the ``WINDOW`` steps that end with step ``check_at``, or
    of the last epoch of a shorter run.

    ``chance`` is the loss of a network that gives all classes the same score: ln(classes) for each cross-entropy, times
    its weight. It is 0, which disables the check, if the network has other losses, or if this loss also depends on how
    many images there are of each class (weights of classes with smoothed or mixed labels).
    """

    check_at: int
    classes: int
    chance: float
    total: Tensor | float = 0.0

    def look(self, step: int, loss: Tensor) -> str | None:
        """Record the loss of a step. Return a warning, if there is one, at the first step and at step ``check_at``."""
        if not self.chance:
            return None
        if step == 1:
            return self._overconfident(float(loss))
        if not self.check_at - WINDOW < step <= self.check_at:
            return None
        self.total = self.total + loss
        return self._judge(step, float(self.total) / WINDOW) if step == self.check_at else None

    def look_back(self, step: int, epochs: int, mean: float) -> str | None:
        """Return a warning, if there is one, when a run ends: ``mean`` is the mean loss of its last epoch.

        ``None`` if the run had its check at step ``check_at``, or has not had ``EPOCHS`` epochs.
        """
        if not self.chance or step >= self.check_at or epochs < EPOCHS:
            return None
        return self._judge(step, mean, "too few steps (--epochs continues the run); ")

    def _judge(self, step: int, mean: float, first_cause: str = "") -> str | None:
        if mean > FAR * self.chance:
            return (
                f"after {format_count(step)} steps the loss is {mean:.4g}, and that of guessing among "
                f"{format_count(self.classes)} classes is {self.chance:.4g}: the training diverges; "
                "likely causes: a learning rate that is too high (try a tenth); pixels of 0 to 255 before weights that "
                "are drawn for values of about 1 (range=1, or smaller initial weights)"
            )
        if not abs(mean - self.chance) <= NEAR * self.chance:
            return None
        return (
            f"after {format_count(step)} steps the loss is {mean:.4g}, that of guessing among "
            f"{format_count(self.classes)} classes ({self.chance:.4g}): nothing has been learnt yet; "
            f"likely causes: {first_cause}{CAUSES}"
        )

    def _overconfident(self, loss: float) -> str | None:
        if not loss > FAR * self.chance:
            return None
        return (
            f"the first batch's loss is {loss:.4g}, and that of guessing among {format_count(self.classes)} classes is "
            f"{self.chance:.4g}: the network is sure of its answers before it has learnt anything; likely cause: "
            "initial weights that are too large for what they read (range=1 on the input line, or smaller weights)"
        )


def guessing(graph: Graph, images: int, batch: int) -> Guessing:
    """Return the watcher for training a graph on ``images`` images in batches of ``batch``."""
    classes = graph.scores.output.channels
    check_at = max(EARLIEST, min(LATEST, images // batch))
    losses = [node.op for node in graph.losses]
    weights = [op.weight if isinstance(op, CrossEntropy) and op.weight >= 0 else math.nan for op in losses]
    weight = sum(weights) if weights else 1.0
    if graph.train.class_weights is not None and (graph.train.label_smoothing or graph.augment.mixes):
        weight = math.nan
    return Guessing(check_at, classes, weight * math.log(classes) if math.isfinite(weight) else 0.0)
