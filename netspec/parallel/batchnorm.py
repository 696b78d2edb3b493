"""Batch normalisation over a whole batch that is divided among devices."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netspec import backend
from netspec.ir.ops import BatchNorm
from netspec.parallel.collectives import Group
from netspec.parallel.crossing import AllReduce


class SharedBatchNorm(nn.Module):
    """A drop-in replacement for ``BatchNormalise`` whose mean and variance are over the images of all group members.

    Ioffe & Szegedy (2015), algorithm 1. torch's ``SyncBatchNorm`` does the same, but only on GPUs. As in torch, the
    running variance is the sample variance (divided by n - 1), and under autocast the statistics of bfloat16 values
    are float32 while the output is bfloat16 again.
    """

    def __init__(self, op: BatchNorm, group: Group) -> None:
        super().__init__()
        self.op = op
        self.group = group

    def forward(self, x: Tensor, *tensors: Tensor) -> Tensor:
        weight, bias = tensors[:2] if self.op.affine else (None, None)
        running_mean, running_var, batches = tensors[-3:]
        if not self.training:
            return torch.nn.functional.batch_norm(x, running_mean, running_var, weight, bias, False, 0.0, self.op.eps)
        axes = (0, *range(2, x.dim()))
        wide = backend.load("pytorch").widened(x)
        count = AllReduce.apply(wide.new_full((), x.numel() // x.shape[1]), self.group)  # type: ignore[no-untyped-call]
        mean = AllReduce.apply(wide.sum(axes), self.group) / count  # type: ignore[no-untyped-call]
        centred = wide - _by_channel(mean, x)
        variance = AllReduce.apply(centred.square().sum(axes), self.group) / count  # type: ignore[no-untyped-call]
        with torch.no_grad():
            batches.add_(1)
            running_mean.lerp_(mean.to(running_mean.dtype), self.op.momentum)
            running_var.lerp_((variance * count / (count - 1)).to(running_var.dtype), self.op.momentum)
        y = centred * _by_channel((variance + self.op.eps).rsqrt(), x)
        if weight is not None and bias is not None:
            y = y * _by_channel(weight, x) + _by_channel(bias, x)
        normalised: Tensor = y.to(x.dtype)
        return normalised


def _by_channel(numbers: Tensor, x: Tensor) -> Tensor:
    return numbers.view(-1, *(1,) * (x.dim() - 2))
