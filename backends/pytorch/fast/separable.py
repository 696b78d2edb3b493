"""Average and sum pooling of rows, then of columns (``passes.fast.avg_pool``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.ops import AvgPool, SumPool
from netspec.ir.shape import Shape
from netspec.ir.window import Window

from ..ops import emit

AT_A_TIME = 2**19
"""Numbers of maps whose gradient is written together: they stay in the processor's caches (2 MiB of float32)."""

FEWEST = 2**15
"""Numbers of maps, below which the library's pooling is over before a dozen operations have begun."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a pooling.

    ``steps`` are, for each row (or column) of the kernel, the windows that read a real pixel by it, and these pixels.
    ``counts`` says how many pixels each window reads, ``readers`` how many windows read a pixel, at the least and at
    the most.
    """

    dim: int
    size: int
    windows: int
    steps: tuple[tuple[slice, slice], ...]
    counts: tuple[int, ...]
    readers: tuple[int, int]


Axes = tuple[Axis, Axis]
"""The rows' axis and the columns'."""


class SeparablePool(nn.Module):
    """N,C,H,W to N,C,H',W': the sum of each window's real pixels, or their mean; added up in float32 at least.

    Maps that lie otherwise, few numbers, and maps on another device than the CPU are pooled as without the pass.
    """

    def __init__(self, op: AvgPool | SumPool, x: Shape) -> None:
        super().__init__()
        self.plain = emit(op, (x,))
        rows, columns = op.window.fit(x.height, x.width)
        self.axes = _axis(op.window, -2, x.height, rows.output), _axis(op.window, -1, x.width, columns.output)
        self.number = _number(self.axes) if isinstance(op, AvgPool) else 1

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or not x.is_contiguous() or x.numel() < FEWEST:
            pooled: Tensor = self.plain(x)
        else:
            pooled = SeparableFunction.apply(x, self.axes, self.number)  # type: ignore[no-untyped-call]
        return pooled


class SeparableFunction(torch.autograd.Function):
    """The sums over the windows, divided by ``number``, or by how many real pixels each window has where that is
    ``None``. Nothing is kept."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, axes: Axes, number: int | None) -> Tensor:
        ctx.shape, ctx.dtype, ctx.axes, ctx.number = x.shape, x.dtype, axes, number
        rows, columns = axes
        sums = _summed(_summed(_wide(x), rows), columns)
        return _divided(sums, axes, number).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        rows, columns = ctx.axes
        dx = dy.new_empty(ctx.shape, dtype=ctx.dtype)
        parts = max(1, min(len(dx), dx.numel() // AT_A_TIME))
        for some, given in zip(dx.tensor_split(parts), dy.tensor_split(parts), strict=True):
            shares = _divided(_wide(given), ctx.axes, ctx.number)
            between = shares.new_empty(*shares.shape[:3], columns.size)
            _spread(shares, columns, between)
            wide = some if some.dtype == shares.dtype else shares.new_empty(some.shape)
            _spread(between, rows, wide)
            if wide is not some:
                some.copy_(wide)
        return dx, None, None


def _axis(window: Window, dim: int, size: int, windows: int) -> Axis:
    """``dim`` is -2 of rows, -1 of columns."""
    before = window.pad.top if dim == -2 else window.pad.left
    stride, dilation = window.stride[dim], window.dilation[dim]
    steps = []
    for at in range(window.kernel[dim]):
        first = at * dilation - before  # the pixel that the first window would read
        low, high = max(0, -(first // stride)), min(windows - 1, (size - 1 - first) // stride)
        if low <= high:
            steps.append((slice(low, high + 1), slice(first + low * stride, first + high * stride + 1, stride)))
    counts, readers = [0] * windows, [0] * size
    for reading, read in steps:
        for place, pixel in zip(range(windows)[reading], range(size)[read], strict=True):
            counts[place] += 1
            readers[pixel] += 1
    return Axis(dim, size, windows, tuple(steps), tuple(counts), (min(readers), max(readers)))


def _number(axes: Axes) -> int | None:
    """How many real pixels every window has; ``None`` where they differ."""
    rows, columns = (set(axis.counts) for axis in axes)
    return rows.pop() * columns.pop() if len(rows) == len(columns) == 1 else None


def _summed(x: Tensor, axis: Axis) -> Tensor:
    """The sums over the windows along an axis, in new memory."""
    parts = [(windows, _part(x, axis, pixels)) for windows, pixels in axis.steps]
    parts.sort(key=lambda part: part[1].shape[axis.dim], reverse=True)  # those that all windows read first
    if len(parts) > 1 and parts[1][1].shape[axis.dim] == axis.windows:
        sums = parts[0][1] + parts[1][1]
        parts = parts[2:]
    else:
        shape = list(x.shape)
        shape[axis.dim] = axis.windows
        sums = x.new_zeros(shape)
    for windows, part in parts:
        _part(sums, axis, windows).add_(part)
    return sums


def _spread(dy: Tensor, axis: Axis, dx: Tensor) -> None:
    """Write to each pixel the sum of what the windows have that read it."""
    fewest, most = axis.readers
    alone = most == 1
    if not alone or fewest == 0:
        dx.zero_()
    for windows, pixels in axis.steps:
        part, given = _part(dx, axis, pixels), _part(dy, axis, windows)
        part.copy_(given) if alone else part.add_(given)


def _divided(sums: Tensor, axes: Axes, number: int | None) -> Tensor:
    if number is not None:
        return sums / number if number > 1 else sums
    rows, columns = (sums.new_tensor(axis.counts) for axis in axes)
    return sums / (rows[:, None] * columns)


def _part(x: Tensor, axis: Axis, places: slice) -> Tensor:
    return x[..., places, :] if axis.dim == -2 else x[..., places]


def _wide(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
