"""A maximum pooling of a copy of the maps with their channels side by side (``passes.fast.max_pool``)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.ops import MaxPool
from netspec.ir.shape import Shape
from netspec.passes.fast.max_pool import FEWEST
from netspec.passes.padding import pool_padding

from .axes import axes_of, largest
from .places import Places, places_of

WITHOUT_COPY = 2**14
"""Numbers of maps, below which the library's pooling is over before a dozen operations have begun."""

_COLLIDING = 2048
"""Bytes: channels that lie a multiple of this apart share a few places of the processor's first cache."""

_APART = 16
"""Numbers that are left between such channels."""


class ChannelsLastMaxPool(nn.Module):
    """N,C,H,W to N,C,H',W', which lie as what it is given.

    Where no gradient is wanted the largest pixels are found without a copy, of rows and then of columns. Few numbers
    then, maps whose channels lie side by side already, and maps on another device than the CPU, are pooled where they
    are.
    """

    def __init__(self, op: MaxPool, x: Shape) -> None:
        super().__init__()
        padding = pool_padding(op.window, x)
        self.before = padding.before
        self.places = places_of(op.window, padding)
        self.axes = axes_of(op.window, x)

    def forward(self, x: Tensor) -> Tensor:
        learns = torch.is_grad_enabled() and x.requires_grad
        if not learns and _pays(x) and x.numel() >= WITHOUT_COPY:
            return largest(x, self.axes)
        x = x if self.before is None else F.pad(x, self.before, value=-torch.inf)
        if not learns or not _pays(x):
            return F.max_pool2d(x, *self.places)
        pooled: Tensor = MaxPoolFunction.apply(x, self.places)  # type: ignore[no-untyped-call]
        return pooled

    def extra_repr(self) -> str:
        before = f", before={tuple(self.before)}" if self.before is not None else ""
        return f"places={self.places}{before}"


class MaxPoolFunction(torch.autograd.Function):
    """The library's pooling of the copy, and its own gradient for maps as they were given. Kept are the places of the
    largest pixels alone: not the maps."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Places) -> Tensor:
        pooled, taken = largest_pixels(x, places)
        ctx.shape, ctx.places = x.shape, places
        ctx.save_for_backward(taken)
        return pooled

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        (taken,) = ctx.saved_tensors
        like = dy.new_empty(()).expand(ctx.shape)  # only its shape is read
        return torch.ops.aten.max_pool2d_with_indices_backward(dy, like, *ctx.places, taken), None


def largest_pixels(x: Tensor, places: Places) -> tuple[Tensor, Tensor]:
    """The pooled maps, and the places of the largest pixels, both as N,C,H,W lie."""
    if not _pays(x):
        pooled, taken = F.max_pool2d(x, *places, return_indices=True)
        return pooled, taken
    pooled, taken = F.max_pool2d(channels_last(x), *places, return_indices=True)
    return channels_first(pooled), channels_first(taken)


def _pays(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.is_contiguous() and x.shape[1] >= FEWEST


def channels_last(x: Tensor) -> Tensor:
    """A copy of N,C,H,W with channels side by side."""
    n, c, h, w = x.shape
    if h * w * x.element_size() % _COLLIDING == 0:
        # As they are, a pixel's channels would push each other out of the cache; copied twice they are there sooner.
        x = x.new_empty(n, c, h * w + _APART)[..., : h * w].view(x.shape).copy_(x)
    return x.contiguous(memory_format=torch.channels_last)


def channels_first(x: Tensor) -> Tensor:
    """A copy of N,C,H,W with one map after the other. (``contiguous`` would leave maps of one pixel as they are.)"""
    return x.clone(memory_format=torch.contiguous_format)
