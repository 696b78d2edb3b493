"""Normalisations and dropout."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.fx
import torch.nn.functional as F
from torch import Tensor

from netspec.ir.ops import RUNNING_STATISTICS, BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm, Op

from .dropout import DropoutLayer
from .emission import OperationModule, Table
from .lrn import ResponseNorm
from .precision import widened


class MapResponseNorm(OperationModule):
    """Normalisation within each map: x (k + alpha sum x^2)^-beta over the size x size window around each pixel."""

    op: MapNorm

    def forward(self, x: Tensor) -> Tensor:
        x, op = widened(x), self.op
        return x * (op.k + op.alpha * window_sums(x.square(), op.size)) ** -op.beta


class ContrastResponseNorm(MapResponseNorm):
    """Like ``MapResponseNorm``, but with the squares of x minus the mean of the image pixels in the window."""

    def forward(self, x: Tensor) -> Tensor:
        x, op = widened(x), self.op
        count = window_sums(x.new_ones(1, 1, x.shape[2], x.shape[3]), op.size)
        contrast = x - window_sums(x, op.size) / count
        return x * (op.k + op.alpha * window_sums(contrast.square(), op.size)) ** -op.beta


def window_sums(x: Tensor, size: int) -> Tensor:
    """Return the sum over the size x size window around each pixel, with zero padding: N,C,H,W to N,C,H,W."""
    before, after = size // 2, size - 1 - size // 2
    return F.avg_pool2d(F.pad(x, (before, after, before, after)), size, 1, divisor_override=1)


class BatchNormalise(OperationModule):
    """Batch normalisation. ``forward`` takes weight and bias if affine, then the buffers of ``_running``."""

    op: BatchNorm

    def forward(self, x: Tensor, *tensors: Tensor) -> Tensor:
        weight, bias = tensors[:2] if self.op.affine else (None, None)
        mean, variance, batches = tensors[-3:]
        if self.training:
            batches.add_(1)
        return F.batch_norm(x, mean, variance, weight, bias, self.training, self.op.momentum, self.op.eps)


class GroupNormalise(OperationModule):
    """Group normalisation of N,...: ``nn.GroupNorm``. ``forward`` takes weight and bias if affine.

    The input is made contiguous, as PyTorch does on a GPU. On the CPU, it would compute the variance of an input with
    channels last as E[x^2] - E[x]^2, which is wrong by a hundredth if the mean is a hundred standard deviations.
    """

    op: GroupNorm

    def forward(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        # F.group_norm would reject a single number, as in the last batch of a test, which is normalised to 0.
        return torch.group_norm(widened(x).contiguous(), self.op.groups, weight, bias, self.op.eps)


class LayerNormalise(GroupNormalise):
    """Layer normalisation of the channels at each position of N,C,H,W, or of the units of N,C: ``nn.LayerNorm``."""

    def forward(self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        return _normalise_positions(widened(x), self.op.groups, weight, bias, self.op.eps)


@torch.fx.wrap  # keep the call in symbolic traces, whose proxies have no memory layout to branch on
def _normalise_positions(x: Tensor, groups: int, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """Normalise each position's channels, which are laid side by side for that. The result has the layout of x."""
    moved = x.movedim(1, -1)
    channels_last, pixels = moved.is_contiguous(), moved.contiguous()
    if groups == 1:
        normal = F.layer_norm(pixels, pixels.shape[-1:], weight, bias, eps)
    else:
        normal = torch.group_norm(pixels.flatten(0, -2), groups, weight, bias, eps).view(pixels.shape)
    y = normal.movedim(-1, 1)
    return y if channels_last else y.contiguous()


def _running(channels: int) -> dict[str, Tensor]:
    statistics = {word: torch.full((channels,), first) for word, first in RUNNING_STATISTICS.items()}
    return {**statistics, "num_batches_tracked": torch.tensor(0)}


TABLE: Table = {
    Lrn: lambda op, inputs: ResponseNorm(op),
    MapNorm: lambda op, inputs: MapResponseNorm(op),
    ContrastNorm: lambda op, inputs: ContrastResponseNorm(op),
    BatchNorm: lambda op, inputs: BatchNormalise(op),
    LayerNorm: lambda op, inputs: LayerNormalise(op),
    GroupNorm: lambda op, inputs: GroupNormalise(op),
    Dropout: lambda op, inputs: DropoutLayer(op, *inputs),
}

BUFFERS: dict[type[Op], Callable[[int], dict[str, Tensor]]] = {BatchNorm: _running}
"""Functions from the number of channels to the initial buffers, for operations that have buffers."""
