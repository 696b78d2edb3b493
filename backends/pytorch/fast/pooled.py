"""Max pooling on a channels-last copy of the maps, which is faster on the CPU (``passes.fast.max_pool``)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.ops import MaxPool
from netspec.ir.shape import Shape
from netspec.passes.fast.max_pool import MIN_CHANNELS
from netspec.passes.padding import pool_padding

from .axes import axes_of, largest
from .pool_args import PoolArgs, pool_args

WITHOUT_COPY = 2**14
"""Maps with fewer elements use torch's pooling in inference, which is faster than a dozen small operations."""

_CACHE_ALIAS_BYTES = 2048
"""Channels whose distance in bytes is a multiple of this compete for the same lines of the L1 cache."""

_CHANNEL_PADDING = 16
"""Elements of padding inserted between such channels."""


class ChannelsLastMaxPool(nn.Module):
    """Max pooling of N,C,H,W to N,C,H',W', in the memory format of the input.

    Without gradients, it takes the maximum over rows and then over columns, without a copy. torch's pooling is used
    for few elements without gradients, for channels-last maps, and on other devices than the CPU.
    """

    def __init__(self, op: MaxPool, x: Shape) -> None:
        super().__init__()
        padding = pool_padding(op.window, x)
        self.image_pad = padding.image_pad
        self.pool = pool_args(op.window, padding)
        self.axes = axes_of(op.window, x)

    def forward(self, x: Tensor) -> Tensor:
        needs_grad = torch.is_grad_enabled() and x.requires_grad
        if not needs_grad and _copy_pays_off(x) and x.numel() >= WITHOUT_COPY:
            return largest(x, self.axes)
        x = x if self.image_pad is None else F.pad(x, self.image_pad, value=-torch.inf)
        if not needs_grad or not _copy_pays_off(x):
            return F.max_pool2d(x, *self.pool)
        pooled: Tensor = MaxPoolFunction.apply(x, self.pool)  # type: ignore[no-untyped-call]
        return pooled

    def extra_repr(self) -> str:
        pad = f", pad={tuple(self.image_pad)}" if self.image_pad is not None else ""
        return f"pool={self.pool}{pad}"


class MaxPoolFunction(torch.autograd.Function):
    """torch's pooling on the copy, with torch's gradient for the original layout.

    It saves only the indices of the largest pixels, not the maps.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, pool: PoolArgs) -> Tensor:
        pooled, indices = largest_pixels(x, pool)
        ctx.shape, ctx.pool = x.shape, pool
        ctx.save_for_backward(indices)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        (indices,) = ctx.saved_tensors
        like = dy.new_empty(()).expand(ctx.shape)  # only its shape matters
        return torch.ops.aten.max_pool2d_with_indices_backward(dy, like, *ctx.pool, indices), None


def largest_pixels(x: Tensor, pool: PoolArgs) -> tuple[Tensor, Tensor]:
    """Return the pooled maps and the indices of the largest pixels, both in the memory format of x."""
    if not _copy_pays_off(x):
        pooled, indices = F.max_pool2d(x, *pool, return_indices=True)
        return pooled, indices
    pooled, indices = F.max_pool2d(channels_last(x), *pool, return_indices=True)
    return channels_first(pooled), channels_first(indices)


def _copy_pays_off(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.is_contiguous() and x.shape[1] >= MIN_CHANNELS


def channels_last(x: Tensor) -> Tensor:
    """Return a channels-last copy of N,C,H,W."""
    n, c, h, w = x.shape
    if h * w * x.element_size() % _CACHE_ALIAS_BYTES == 0:
        # A pixel's channels would evict each other from the cache. Copying twice is faster.
        x = x.new_empty(n, c, h * w + _CHANNEL_PADDING)[..., : h * w].view(x.shape).copy_(x)
    return x.contiguous(memory_format=torch.channels_last)


def channels_first(x: Tensor) -> Tensor:
    """Return a contiguous copy of N,C,H,W. (``contiguous`` would not change the strides of one-pixel maps.)"""
    return x.clone(memory_format=torch.contiguous_format)
