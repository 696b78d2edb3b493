"""Layer and group normalisation, in float32 if layers compute in less."""

from __future__ import annotations

import torch
import torch.fx
import torch.nn.functional as F
from torch import Tensor

from netspec.ir.ops import GroupNorm

from .emission import OperationModule
from .precision import widened


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
