"""Pooling, and the fixed functions of the 2012 files."""

from __future__ import annotations

import math
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import AvgPool, Blur, MaxPool, Mirror, Nailbed
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.passes.padding import pool_padding

from .emission import Table


class PaddedMaxPool(nn.Module):
    """The largest pixel of each window, for padding that ``nn.MaxPool2d`` does not have."""

    def __init__(self, window: Window, before: Pad) -> None:
        super().__init__()
        self.before = before
        self.kernel = window.kernel
        self.stride = window.stride
        self.dilation = window.dilation

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.before, value=-math.inf)
        return F.max_pool2d(x, self.kernel, self.stride, dilation=self.dilation)

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}, before={tuple(self.before)}, dilation={self.dilation}"


class PaddedAvgPool(nn.Module):
    """The mean of each window's real pixels, for padding or dilation that ``nn.AvgPool2d`` does not have.

    The windows' sums, and the numbers of their real pixels, by convolving with a box of ones.
    """

    def __init__(self, window: Window, before: Pad) -> None:
        super().__init__()
        self.before = before
        self.kernel = window.kernel
        self.stride = window.stride
        self.dilation = window.dilation

    def forward(self, x: Tensor) -> Tensor:
        box = x.new_ones(1, 1, *self.kernel)
        maps = F.pad(x.flatten(0, 1).unsqueeze(1), self.before)
        real = F.pad(x.new_ones(1, 1, *x.shape[2:]), self.before)
        total = F.conv2d(maps, box, stride=self.stride, dilation=self.dilation)
        count = F.conv2d(real, box, stride=self.stride, dilation=self.dilation)
        return (total / count).view(*x.shape[:2], *total.shape[2:])

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}, before={tuple(self.before)}, dilation={self.dilation}"


class GaussianBlur(nn.Module):
    """Each channel by rows, then by columns, with weights exp(-(i - r)^2 / (2 stdev^2)) that sum to 1."""

    def __init__(self, size: int, stdev: float) -> None:
        super().__init__()
        self.size = size
        self.stdev = stdev

    def forward(self, x: Tensor) -> Tensor:
        before = self.size // 2
        after = self.size - 1 - before
        weights = [math.exp(-((i - before) ** 2) / (2 * self.stdev**2)) for i in range(self.size)]
        line = x.new_tensor([w / sum(weights) for w in weights])
        maps = F.pad(x.flatten(0, 1).unsqueeze(1), (before, after, before, after))
        maps = F.conv2d(F.conv2d(maps, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))
        return maps.view(x.shape)

    def extra_repr(self) -> str:
        return f"size={self.size}, stdev={self.stdev}"


class Sample(nn.Module):
    """Every stride-th pixel from the first row and column that are kept."""

    def __init__(self, top: int, left: int, stride: int) -> None:
        super().__init__()
        self.top = top
        self.left = left
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, self.top :: self.stride, self.left :: self.stride]

    def extra_repr(self) -> str:
        return f"top={self.top}, left={self.left}, stride={self.stride}"


class Reverse(nn.Module):
    """The image with its columns in reverse order."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(3)


def _max_pool(op: MaxPool, inputs: tuple[Shape, ...]) -> nn.Module:
    window, padding = op.window, pool_padding(op.window, inputs[0])
    if padding.before is not None:
        return PaddedMaxPool(window, padding.before)
    return nn.MaxPool2d(window.kernel, window.stride, padding.own, window.dilation, ceil_mode=padding.ceil)


def _avg_pool(op: AvgPool, inputs: tuple[Shape, ...]) -> nn.Module:
    window, padding = op.window, pool_padding(op.window, inputs[0])
    if padding.before is not None or window.dilation != (1, 1):
        return PaddedAvgPool(window, window.effective_pad(inputs[0].height, inputs[0].width))
    return nn.AvgPool2d(window.kernel, window.stride, padding.own, ceil_mode=padding.ceil, count_include_pad=False)


TABLE: Table = {
    MaxPool: _max_pool,
    AvgPool: _avg_pool,
    Blur: lambda op, inputs: GaussianBlur(op.size, op.stdev),
    Nailbed: lambda op, inputs: Sample(*cast(Nailbed, op).starts(inputs[0]), op.stride),
    Mirror: lambda op, inputs: Reverse(),
}
