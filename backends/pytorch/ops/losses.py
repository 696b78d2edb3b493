"""Losses of N,C scores and N class numbers: the mean over the images, unweighted."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy, SquaredError

from .emission import Table


class BinaryCrossEntropyLoss(nn.Module):
    """-sum over the classes of t log p + (1 - t) log(1 - p), p = logistic(x)."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        targets = F.one_hot(labels, x.shape[1]).to(x.dtype)
        return F.binary_cross_entropy_with_logits(x, targets, reduction="none").sum(1).mean()


class SquaredErrorLoss(nn.Module):
    """The sum over the classes of (x - t)^2."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        targets = F.one_hot(labels, x.shape[1]).to(x.dtype)
        return (x - targets).square().sum(1).mean()


TABLE: Table = {
    CrossEntropy: lambda op, inputs: nn.CrossEntropyLoss(),
    BinaryCrossEntropy: lambda op, inputs: BinaryCrossEntropyLoss(),
    SquaredError: lambda op, inputs: SquaredErrorLoss(),
}
