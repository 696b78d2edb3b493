"""Losses of N,C scores and N class numbers (some of any value), averaged over the images, without the loss's weight.

Dense networks have N,C,H,W scores, and the N,H,W classes of masks as labels, in bytes. The cross-entropy of these is
averaged over the labelled pixels.

In place of class numbers there may be targets t, N,C, for images that have been mixed. In training mode targets are
smoothed with a share s: (1 - s) t + s / C (Szegedy et al., Rethinking the Inception architecture, 2016, section 7). It
makes no difference whether targets are mixed before or after, since the shares of a mixture add up to 1. Under
autocast, scores are converted to float32 first.

In training mode the cross-entropy may have weights of the classes, as PyTorch's ``CrossEntropyLoss(weight=...)``: each
term -t log p is multiplied with the weight of its class, and the mean over the labels is divided by the sum of their
weights, not by their number; that over targets, by the number of images.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir import ops
from netspec.ir.settings import Train
from netspec.passes.label_grid import Slices
from netspec.passes.score_grid import UNLABELLED
from netspec.passes.torch_names import CLASS_WEIGHTS

from .emission import OperationModule, Table
from .norms import window_sums
from .precision import widened


class LossLayer(OperationModule):
    """Base class of the losses. ``label_smoothing`` is the share s."""

    def __init__(self, op: ops.Loss) -> None:
        super().__init__(op)
        self.label_smoothing = 0.0

    @property
    def smoothing(self) -> float:
        """The share s in the current mode: 0 in evaluation."""
        return self.label_smoothing * self.training

    def targets(self, x: Tensor, labels: Tensor) -> Tensor:
        """Return the targets, N,C, smoothed in training."""
        targets = targets_of(x, labels)
        return targets * (1 - self.smoothing) + self.smoothing / x.shape[1] if self.smoothing else targets


class CrossEntropyLoss(LossLayer):
    """-sum over the classes of t log p, p = softmax(x)."""

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(x, labels, self.smoothing, class_weights(self))


def keep_class_weights(module: nn.Module, train: Train) -> None:
    """Make a module keep the weights of classes of a train line, if it has numbers, on its device."""
    if isinstance(train.class_weights, tuple):
        module.register_buffer(CLASS_WEIGHTS, torch.tensor(train.class_weights), persistent=False)


def class_weights(module: nn.Module) -> Tensor | None:
    """Return the weights of classes that a module keeps, (C,); ``None`` in evaluation, and if it keeps none."""
    weights: Tensor | None = getattr(module, CLASS_WEIGHTS, None)
    return weights if module.training else None


def cross_entropy(scores: Tensor, labels: Tensor, smoothing: float, weights: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of N,C scores and N class numbers or N,C targets, or of N,C,H,W scores and N,H,W masks,
    in float32 or higher precision, with ``weights`` of the classes. That of labels without weight is 0."""
    x = widened(scores)
    weights = weights.to(x.dtype) if weights is not None else None
    if labels.dim() == 3:
        total = pixel_losses(x, labels, smoothing, weights).sum()
        return total / amount_of(labels, weights).to(total.dtype)
    if labels.dim() == 2:
        return F.cross_entropy(x, targets_of(x, labels), weights, label_smoothing=smoothing)
    if weights is None:
        return F.cross_entropy(x, labels, label_smoothing=smoothing)
    total = F.cross_entropy(x, labels, weights, reduction="sum", label_smoothing=smoothing)
    return total / amount_of(labels, weights).to(total.dtype)


def pixel_losses(scores: Tensor, labels: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of each pixel, N,H,W, in float32 or higher precision: 0 if it is unlabelled. With
    ``weights`` of the classes, it is not divided by these.

    A mean that PyTorch computed on a GPU would be summed in a random order.
    """
    return F.cross_entropy(
        widened(scores), labels.long(), weights, ignore_index=UNLABELLED, reduction="none", label_smoothing=smoothing
    )


def amount_of(labels: Tensor, weights: Tensor | None) -> Tensor:
    """Return what the sum of the losses of class numbers or masks is divided by: how many of them are labelled or,
    with ``weights``, the sum of the weights of their classes; 1 if that is 0. In float64, on their device."""
    if weights is None:
        return (labels != UNLABELLED).sum().clamp(min=1).double()
    by_number = F.pad(weights, (0, UNLABELLED + 1 - len(weights))) if labels.dim() == 3 else weights
    total = by_number.take(labels.long()).sum(dtype=torch.float64)
    return total + (total == 0)


def share_of_labels(part: Tensor, labels: Tensor, weights: Tensor | None) -> float | Tensor:
    """Return how much the mean loss of some of a batch's labels counts in that of all: their share of the images or, of
    masks and with ``weights`` of the classes, of what the losses are divided by, in float64 on their device."""
    if labels.dim() == 2 or (labels.dim() == 1 and weights is None):
        return len(part) / len(labels)
    return amount_of(part, weights) / amount_of(labels, weights)


def on_grid(labels: Tensor, grid: Slices | None) -> Tensor:
    """Return those of the labels of pixels, N,H,W, that stand on a loss's grid (``label_grid``); ``None``: all."""
    return labels if grid is None else labels[:, grid[0], grid[1]]


def share_of_loss(
    part: Tensor, labels: Tensor, grid: Slices | None, weights: Tensor | None, *, labelled: bool
) -> float | Tensor:
    """Return the share of one of a dense network's losses of some of a batch's masks in that of all: like
    ``share_of_labels`` on its ``grid`` or, unless it is a loss of ``labelled`` pixels, their share of the images."""
    if not labelled:
        return len(part) / len(labels)
    return share_of_labels(on_grid(part, grid), on_grid(labels, grid), weights)


def targets_of(x: Tensor, labels: Tensor) -> Tensor:
    """Return the targets, N,C, of N,C scores: one-hot ones of class numbers, or the given ones."""
    return (F.one_hot(labels, x.shape[1]) if labels.dim() == 1 else labels).to(x.dtype)


class SetCrossEntropyLoss(LossLayer):
    """-sum over the classes of t log P, P being the probability to be in a random set of ``size`` classes."""

    op: ops.SetCrossEntropy

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        return -(self.targets(x, labels) * log_inclusion_probabilities(x, self.op.size)).sum(1).mean()


def log_inclusion_probabilities(x: Tensor, size: int) -> Tensor:
    """Return log P for each class (N,C): the probability that a random set of ``size`` classes contains it.

    A set has a probability proportional to e^(sum of its classes' scores). A run of neighbouring classes is represented
    by a polynomial: the log of its coefficient of degree s, row s here, is that of the sum of these weights over the
    run's sets of s classes. A binary tree multiplies the polynomials of neighbouring runs up to that of all classes. On
    the way down, it computes for each run the polynomial of all classes outside it.
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
    """Return the product of two polynomials, given by rows of log coefficients, truncated to degree ``most``."""
    p, q = len(a) - 1, len(b) - 1
    sums = []
    for s in range(min(p + q, most) + 1):
        low, high = max(0, s - q), min(s, p)
        sums.append((a[low : high + 1] + b[s - high : s - low + 1].flip(0)).logsumexp(0))
    return torch.stack(sums)


class BinaryCrossEntropyLoss(LossLayer):
    """-sum over the classes of w t log p + (1 - t) log(1 - p), with p = logistic(x) and w = ``positive``."""

    op: ops.BinaryCrossEntropy

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x = widened(x)
        weight = x.new_full((), self.op.positive) if self.op.positive != 1 else None
        targets = self.targets(x, labels)
        return F.binary_cross_entropy_with_logits(x, targets, pos_weight=weight, reduction="none").sum(1).mean()


class ProbabilityCrossEntropyLoss(LossLayer):
    """Like ``BinaryCrossEntropyLoss``, with p = x; p and 1 - p are clamped to at least ``smallest``."""

    op: ops.BinaryCrossEntropy

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        x, smallest = widened(x), self.op.smallest
        targets = self.targets(x, labels)
        log_p, log_not_p = x.clamp(min=smallest).log(), (1 - x).clamp(min=smallest).log()
        return -(self.op.positive * targets * log_p + (1 - targets) * log_not_p).sum(1).mean()


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
    """The sum of x^2 over all units, times the class number if ``gate`` is "class", mixed as the targets are."""

    op: ops.SumSquares

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        sums = widened(x).square().flatten(1).sum(1)
        return (sums * class_numbers(labels) if self.op.gate == "class" else sums).mean()


def class_numbers(labels: Tensor) -> Tensor:
    """Return the N class numbers of labels; of N,C targets, their means."""
    if labels.dim() == 1:
        return labels
    return (labels * torch.arange(labels.shape[1], device=labels.device)).sum(1)


class GatedSumSquaresLoss(LossLayer):
    """The sum of g x^2 over all units. Labels are ignored."""

    def forward(self, gate: Tensor, x: Tensor, labels: Tensor) -> Tensor:
        return (widened(gate).flatten() * widened(x).square().flatten(1).sum(1)).mean()


class TopographicSparsityLoss(LossLayer):
    """The sum of sqrt(S) - e log(1 + sqrt(S) / e), S being the sum of squares around each pixel. Labels are ignored."""

    op: ops.Topographic

    def forward(self, x: Tensor, labels: Tensor) -> Tensor:
        return topographic_sparsity(widened(x), self.op.size, self.op.smallest)


def topographic_sparsity(x: Tensor, size: int, smallest: float) -> Tensor:
    """See ``TopographicSparsityLoss``.

    The derivative by S, 1 / (2 (e + sqrt(S))), is written explicitly, since that of sqrt(S) is infinite at 0.
    """
    sums = window_sums(x.square(), size)
    roots = sums.detach().sqrt()
    values = roots - smallest * (roots / smallest).log1p()
    values = values + (sums - sums.detach()) * (0.5 / (smallest + roots))
    return values.flatten(1).sum(1).mean()


def _binary_cross_entropy(op: ops.BinaryCrossEntropy) -> LossLayer:
    return ProbabilityCrossEntropyLoss(op) if op.of == "probabilities" else BinaryCrossEntropyLoss(op)


TABLE: Table = {
    ops.CrossEntropy: lambda op, inputs: CrossEntropyLoss(op),
    ops.SetCrossEntropy: lambda op, inputs: SetCrossEntropyLoss(op),
    ops.BinaryCrossEntropy: lambda op, inputs: _binary_cross_entropy(op),
    ops.SquaredError: lambda op, inputs: SquaredErrorLoss(op),
    ops.CauchyError: lambda op, inputs: CauchyErrorLoss(op),
    ops.SumSquares: lambda op, inputs: SumSquaresLoss(op),
    ops.GatedSumSquares: lambda op, inputs: GatedSumSquaresLoss(op),
    ops.Topographic: lambda op, inputs: TopographicSparsityLoss(op),
}
