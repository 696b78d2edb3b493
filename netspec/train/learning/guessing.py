"""Noticing a network that learns nothing: its loss begins far beyond that of guessing, stays there, or grows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor

from netspec.ir.graph import Graph
from netspec.ir.ops import CrossEntropy, Loss
from netspec.units import count

EARLIEST, LATEST = 200, 5000
"""The step at which one looks is the end of the first epoch, within these bounds: a deep network may stand still for
thousands of steps and then learn, and of a few steps nothing can be said."""

WINDOW = 100
"""The mean loss of so many steps is compared."""

NEAR = 0.01
"""It counts as that of guessing within this share of it."""

FAR = 10
"""A loss this many times that of guessing is one that has grown: a network that is far too sure of wrong answers."""

CAUSES = (
    "likely causes: a learning rate that is too low or too high (try ten times more, and a tenth); initial weights so "
    "small that nothing arrives at the scores, or so large that units saturate; biases that leave the ReLUs off; "
    "labels that do not belong to the images"
)


@dataclass(slots=True)
class Guessing:
    """Adds up the losses of the ``WINDOW`` steps that end with step ``at``.

    ``chance`` is the loss of a network that gives every class the same score, ln(classes) for each cross-entropy
    times its weight; 0 where the network has other losses, and then nothing is noticed.
    """

    at: int
    classes: int
    chance: float
    total: Tensor | float = 0.0

    def look(self, step: int, loss: Tensor) -> str | None:
        """Take in the loss of a step; at the first step and at step ``at``, the warning if there is one."""
        if not self.chance:
            return None
        if step == 1:
            return self._too_sure(float(loss))
        if not self.at - WINDOW < step <= self.at:
            return None
        self.total = self.total + loss
        if step < self.at:
            return None
        mean = float(self.total) / WINDOW
        if mean > FAR * self.chance:
            return (
                f"after {count(step)} steps the loss is {mean:.4g}, and that of guessing among {count(self.classes)} "
                f"classes is {self.chance:.4g}: the training diverges; likely causes: a learning rate that is too high "
                "(try a tenth); pixels of 0 to 255 before weights that are drawn for values of about 1 "
                "(range=1, or smaller initial weights)"
            )
        if not abs(mean - self.chance) <= NEAR * self.chance:
            return None
        return (
            f"after {count(step)} steps the loss is {mean:.4g}, that of guessing among {count(self.classes)} classes "
            f"({self.chance:.4g}): nothing has been learnt yet; {CAUSES}"
        )

    def _too_sure(self, loss: float) -> str | None:
        if not loss > FAR * self.chance:
            return None
        return (
            f"the first batch's loss is {loss:.4g}, and that of guessing among {count(self.classes)} classes is "
            f"{self.chance:.4g}: the network is sure of its answers before it has learnt anything; likely cause: "
            "initial weights that are too large for what they read (range=1 on the input line, or smaller weights)"
        )


def guessing(graph: Graph, images: int, batch: int) -> Guessing:
    """What the loss of a network that guesses is, and when to look, in a training on so many images."""
    classes = graph.scores.output.units
    at = max(EARLIEST, min(LATEST, images // batch))
    weights = [op.weight if isinstance(op, CrossEntropy) and op.weight >= 0 else math.nan for op in losses(graph)]
    weight = sum(weights) if weights else 1.0
    return Guessing(at, classes, weight * math.log(classes) if math.isfinite(weight) else 0.0)


def losses(graph: Graph) -> list[Loss]:
    """The network's losses."""
    return [node.op for node in graph.losses if isinstance(node.op, Loss)]
