"""Separable pooling: which windows read which pixels along an axis, and reducing them slice by slice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from netspec.ir.shape import Shape
from netspec.ir.window import Window


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of a pooling: rows (``dim`` -2) or columns (``dim`` -1), with ``size`` pixels and ``windows`` windows.

    ``steps`` has, for each row (or column) of the kernel, the windows that read an image pixel with it, and these
    pixels. ``counts`` is the number of pixels that each window reads, ``readers`` the smallest and the largest number
    of windows that read the same pixel.
    """

    dim: int
    size: int
    windows: int
    steps: tuple[tuple[slice, slice], ...]
    counts: tuple[int, ...]
    readers: tuple[int, int]


Axes = tuple[Axis, Axis]
"""The axis of rows and that of columns."""


def axes_of(window: Window, x: Shape) -> Axes:
    """Return the axes of a window that slides over maps of a shape."""
    rows, columns = window.fit(x.height, x.width)
    return _axis(window, -2, x.height, rows.output), _axis(window, -1, x.width, columns.output)


def select(x: Tensor, axis: Axis, indices: slice) -> Tensor:
    """Return some of the rows, or columns, of N,C,H,W."""
    return x[..., indices, :] if axis.dim == -2 else x[..., indices]


def reduce_windows(x: Tensor, axis: Axis, combine: Callable[..., Tensor], initial: float) -> Tensor:
    """Reduce the pixels that each window along an axis reads, into a new tensor.

    ``combine`` is an operation such as ``torch.add``. Windows that read no pixel get ``initial``.
    """
    parts = [(windows, select(x, axis, pixels)) for windows, pixels in axis.steps]
    parts.sort(key=lambda part: part[1].shape[axis.dim], reverse=True)  # kernel rows that all windows read come first
    if len(parts) > 1 and parts[1][1].shape[axis.dim] == axis.windows:
        result = combine(parts[0][1], parts[1][1])
        parts = parts[2:]
    else:
        shape = list(x.shape)
        shape[axis.dim] = axis.windows
        result = x.new_full(shape, initial)
    for windows, read in parts:
        target = select(result, axis, windows)
        combine(target, read, out=target)
    return result


def largest(x: Tensor, axes: Axes) -> Tensor:
    """Return the largest pixel of each window, N,C,H',W'. Among zeros of both signs, either may be returned."""
    rows, columns = axes
    return reduce_windows(reduce_windows(x, rows, torch.maximum, -torch.inf), columns, torch.maximum, -torch.inf)


def _axis(window: Window, dim: int, size: int, windows: int) -> Axis:
    before = window.pad.top if dim == -2 else window.pad.left
    stride, dilation = window.stride[dim], window.dilation[dim]
    steps = []
    for tap in range(window.kernel[dim]):
        first = tap * dilation - before  # the pixel that the first window would read
        low, high = max(0, -(first // stride)), min(windows - 1, (size - 1 - first) // stride)
        if low <= high:
            steps.append((slice(low, high + 1), slice(first + low * stride, first + high * stride + 1, stride)))
    counts, readers = [0] * windows, [0] * size
    for windows_read, pixels_read in steps:
        for window_index, pixel in zip(range(windows)[windows_read], range(size)[pixels_read], strict=True):
            counts[window_index] += 1
            readers[pixel] += 1
    return Axis(dim, size, windows, tuple(steps), tuple(counts), (min(readers), max(readers)))
