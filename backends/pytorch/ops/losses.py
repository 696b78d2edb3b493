"""Losses of N,C scores and N class numbers (one of any value): the mean over the images, unweighted.

In training mode targets are smoothed: a share s of each is spread evenly over the classes, (1 - s) t + s / C (Szegedy
et al., Rethinking the Inception architecture, 2016, section 7). Scores of less than float32 are widened first.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import BinaryCrossEntropy, CauchyError, CrossEntropy, SquaredError, SumSquares

from .emission import Table
from .precision import widened


class LossLayer(nn.Module):
    """What the losses share. ``label_smoothing`` is the share s."""

    def __init__(self) -> None:
        super().__init__()
        self.label_smoothing = 0.0

    @property
    def smoothing(self) -> float:
        """The share that holds now: 0 outside training."""
        return self.label_smoothing * self.training

    def targets(self, x: Tensor, labels: Tensor) -> Tensor:
        """One row of N,C for each image: 1 in its class and 0 elsewhere, smoothed in training."""
        targets = F.one_hot(labels, x.shape[1]).to(x.dtype)
        return targets * (1 - self.smoothing) + self.smoothing / x.shape[1] if self.smoothing else targets


class CrossEntropyLoss(LossLayer):
    """-sum over the classes of t log p, p = softmax(x)."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(widened(x), labels, label_smoothing=self.smoothing)


class BinaryCrossEntropyLoss(LossLayer):
    """-sum over the classes of w t log p + (1 - t) log(1 - p), p = logistic(x), w the weight of what should be 1."""

    def __init__(self, positive: float) -> None:
        super().__init__()
        self.positive = positive

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        weight = x.new_tensor(self.positive) if self.positive != 1 else None
        targets = self.targets(x, labels)
        return F.binary_cross_entropy_with_logits(x, targets, pos_weight=weight, reduction="none").sum(1).mean()


class SquaredErrorLoss(LossLayer):
    """The sum over the classes of (x - t)^2."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        return (x - self.targets(x, labels)).square().sum(1).mean()


class CauchyErrorLoss(LossLayer):
    """The sum over the classes of log(1 + (x - t)^2)."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        return (x - self.targets(x, labels)).square().log1p().sum(1).mean()


class SumSquaresLoss(LossLayer):
    """The sum of x^2 over all units, whatever the labels."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return widened(x).square().flatten(1).sum(1).mean()


TABLE: Table = {
    CrossEntropy: lambda op, inputs: CrossEntropyLoss(),
    BinaryCrossEntropy: lambda op, inputs: BinaryCrossEntropyLoss(op.positive),
    SquaredError: lambda op, inputs: SquaredErrorLoss(),
    CauchyError: lambda op, inputs: CauchyErrorLoss(),
    SumSquares: lambda op, inputs: SumSquaresLoss(),
}
