"""Average and sum pooling along rows, then along columns (``passes.fast.avg_pool``)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.ops import AvgPool, SumPool
from netspec.ir.shape import Shape
from netspec.passes.fast.avg_pool import MIN_ELEMENTS

from ..ops import emit
from ..ops.precision import wide
from .axes import Axes, Axis, axes_of, reduce_windows, select

AT_A_TIME = 2**19
"""Elements whose gradient is written at a time, so that they stay in the CPU's caches (2 MiB of float32)."""


class SeparablePool(nn.Module):
    """Sum or average pooling of N,C,H,W to N,C,H',W', summed in float32 or higher precision.

    Non-contiguous maps, averages of few elements, and maps on other devices than the CPU are pooled as without the
    pass. Averages count only image pixels.
    """

    def __init__(self, op: AvgPool | SumPool, x: Shape) -> None:
        super().__init__()
        self.plain = emit(op, (x,))
        self.axes = axes_of(op.window, x)
        self.number = _common_count(self.axes) if isinstance(op, AvgPool) else 1
        self.min_elements = MIN_ELEMENTS if isinstance(self.plain, nn.AvgPool2d) else 0

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not x.is_contiguous() or x.numel() < self.min_elements:
            pooled: Tensor = self.plain(x)
        else:
            pooled = SeparableFunction.apply(x, self.axes, self.number)  # type: ignore[no-untyped-call]
        return pooled


class SeparableFunction(torch.autograd.Function):
    """The sum over each window, divided by ``number`` or, if that is ``None``, by the window's number of image pixels.

    It saves no tensors.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: Axes, number: int | None) -> Tensor:
        ctx.shape, ctx.dtype, ctx.axes, ctx.number = x.shape, x.dtype, axes, number
        rows, columns = axes
        sums = reduce_windows(reduce_windows(wide(x), rows, torch.add, 0), columns, torch.add, 0)
        return _divided(sums, axes, number).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        rows, columns = ctx.axes
        dx = dy.new_empty(ctx.shape, dtype=ctx.dtype)
        parts = max(1, min(len(dx), dx.numel() // AT_A_TIME))
        for target, source in zip(dx.tensor_split(parts), dy.tensor_split(parts), strict=True):
            shares = _divided(wide(source), ctx.axes, ctx.number)
            between = shares.new_empty(*shares.shape[:3], columns.size)
            _scatter(shares, columns, between)
            summed = target if target.dtype == shares.dtype else shares.new_empty(target.shape)
            _scatter(between, rows, summed)
            if summed is not target:
                target.copy_(summed)
        return dx, None, None


def _common_count(axes: Axes) -> int | None:
    """Return the number of image pixels that every window covers, or ``None`` if windows differ."""
    rows, columns = (set(axis.counts) for axis in axes)
    return rows.pop() * columns.pop() if len(rows) == len(columns) == 1 else None


def _scatter(dy: Tensor, axis: Axis, dx: Tensor) -> None:
    """Write to each pixel of ``dx`` the sum of ``dy`` over the windows along an axis that read it."""
    fewest, most = axis.readers
    disjoint = most == 1
    if not disjoint or fewest == 0:
        dx.zero_()
    for windows, pixels in axis.steps:
        target, source = select(dx, axis, pixels), select(dy, axis, windows)
        target.copy_(source) if disjoint else target.add_(source)


def _divided(sums: Tensor, axes: Axes, number: int | None) -> Tensor:
    if number is not None:
        return sums / number if number > 1 else sums
    rows, columns = (sums.new_tensor(axis.counts) for axis in axes)
    return sums / (rows[:, None] * columns)
