"""Losses of N,C scores and N class numbers (some of any value): the mean over the images, unweighted.

In training mode targets are smoothed: a share s of each is spread evenly over the classes, (1 - s) t + s / C (Szegedy
et al., Rethinking the Inception architecture, 2016, section 7). Scores of less than float32 are widened first.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import (
    BinaryCrossEntropy,
    CauchyError,
    CrossEntropy,
    GatedSumSquares,
    SetCrossEntropy,
    SquaredError,
    SumSquares,
    Topographic,
)

from .emission import Table
from .norms import window_sums
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


class SetCrossEntropyLoss(LossLayer):
    """-sum over the classes of t log P, P the chance to be in a set of ``size`` classes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        return -(self.targets(x, labels) * log_chances(x, self.size)).sum(1).mean()


def log_chances(x: Tensor, size: int) -> Tensor:
    """log P for each class, N,C, that it is in a set of so many, each as likely as e^(the sum of its scores).

    A run of classes is the polynomial whose coefficient of degree s, row s here, is the sum over its sets of s classes.
    Runs are joined by twos up to that of all; on the way down, each is given the polynomial of all classes outside it.
    """
    depth = (x.shape[1] - 1).bit_length()
    padded = F.pad(x, (0, (1 << depth) - x.shape[1]), value=-1e30)  # classes that are in no set
    runs = [torch.stack([torch.zeros_like(padded), padded])]
    for _ in range(depth):
        runs.append(log_product(runs[-1][:, :, ::2], runs[-1][:, :, 1::2], size))
    outside = torch.zeros_like(runs[-1][:1])
    for run in reversed(runs[:-1]):
        beside = (log_product(outside, run[:, :, other::2], size - 1) for other in (1, 0))
        outside = torch.stack([*beside], 3).flatten(2)
    return x + outside[size - 1, :, : x.shape[1]] - runs[-1][size]


def log_product(a: Tensor, b: Tensor, most: int) -> Tensor:
    """The product of polynomials, whose coefficients' logarithms are rows, up to the degree ``most``."""
    p, q = len(a) - 1, len(b) - 1
    sums = []
    for s in range(min(p + q, most) + 1):
        low, high = max(0, s - q), min(s, p)
        sums.append((a[low : high + 1] + b[s - high : s - low + 1].flip(0)).logsumexp(0))
    return torch.stack(sums)


class BinaryCrossEntropyLoss(LossLayer):
    """-sum over the classes of w t log p + (1 - t) log(1 - p), p = logistic(x), w the weight of what should be 1."""

    def __init__(self, positive: float) -> None:
        super().__init__()
        self.positive = positive

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        weight = x.new_full((), self.positive) if self.positive != 1 else None
        targets = self.targets(x, labels)
        return F.binary_cross_entropy_with_logits(x, targets, pos_weight=weight, reduction="none").sum(1).mean()


class ProbabilityCrossEntropyLoss(LossLayer):
    """The same of probabilities x, none of which is less than ``smallest``."""

    def __init__(self, positive: float, smallest: float) -> None:
        super().__init__()
        self.positive, self.smallest = positive, smallest

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        targets = self.targets(x, labels)
        yes, no = x.clamp(min=self.smallest).log(), (1 - x).clamp(min=self.smallest).log()
        return -(self.positive * targets * yes + (1 - targets) * no).sum(1).mean()


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
    """The sum of x^2 over all units, times the label where that is the ``gate``."""

    def __init__(self, gate: str) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        sums = widened(x).square().flatten(1).sum(1)
        return (sums * labels if self.gate == "class" else sums).mean()


class GatedSumSquaresLoss(LossLayer):
    """The sum of g x^2 over all units, whatever the labels."""

    def forward(self, gate: Tensor, x: Tensor, labels: Tensor) -> Tensor:
        return (widened(gate).flatten() * widened(x).square().flatten(1).sum(1)).mean()


class TopographicSparsityLoss(LossLayer):
    """The sum of sqrt(S) - e log(1 + sqrt(S) / e), S the sums of squares around each pixel, whatever the labels."""

    def __init__(self, size: int, smallest: float) -> None:
        super().__init__()
        self.size, self.smallest = size, smallest

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return topographic_sparsity(widened(x), self.size, self.smallest)


def topographic_sparsity(x: Tensor, size: int, smallest: float) -> Tensor:
    """Its derivative by S is 1 / (2 (e + sqrt(S))), written out: that of the root alone is not finite at 0."""
    sums = window_sums(x.square(), size)
    roots = sums.detach().sqrt()
    values = roots - smallest * (roots / smallest).log1p()
    values = values + (sums - sums.detach()) * (0.5 / (smallest + roots))
    return values.flatten(1).sum(1).mean()


def _binary_cross_entropy(op: BinaryCrossEntropy) -> LossLayer:
    if op.of == "probabilities":
        return ProbabilityCrossEntropyLoss(op.positive, op.smallest)
    return BinaryCrossEntropyLoss(op.positive)


TABLE: Table = {
    CrossEntropy: lambda op, inputs: CrossEntropyLoss(),
    SetCrossEntropy: lambda op, inputs: SetCrossEntropyLoss(op.size),
    BinaryCrossEntropy: lambda op, inputs: _binary_cross_entropy(op),
    SquaredError: lambda op, inputs: SquaredErrorLoss(),
    CauchyError: lambda op, inputs: CauchyErrorLoss(),
    SumSquares: lambda op, inputs: SumSquaresLoss(op.gate),
    GatedSumSquares: lambda op, inputs: GatedSumSquaresLoss(),
    Topographic: lambda op, inputs: TopographicSparsityLoss(op.size, op.smallest),
}
