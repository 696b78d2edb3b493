"""Pooling."""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import AvgPool, MaxAbsPool, MaxPool, SumPool
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.passes.padding import exact_padding, pool_padding

from .emission import Table


class PaddedPool(nn.Module):
    """Base class of pools that pad the image explicitly first."""

    def __init__(self, window: Window, image_pad: Pad) -> None:
        super().__init__()
        self.image_pad = image_pad
        self.kernel = window.kernel
        self.stride = window.stride
        self.dilation = window.dilation

    def extra_repr(self) -> str:
        return f"kernel={self.kernel}, stride={self.stride}, pad={tuple(self.image_pad)}, dilation={self.dilation}"


class PaddedMaxPool(PaddedPool):
    """The largest pixel of each window, for padding that ``nn.MaxPool2d`` does not support."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.image_pad, value=-math.inf)
        return F.max_pool2d(x, self.kernel, self.stride, dilation=self.dilation)


class SummedPool(PaddedPool):
    """The sum of each window's image pixels."""

    def forward(self, x: Tensor) -> Tensor:
        maps = self.sums(x.flatten(0, 1).unsqueeze(1))
        return maps.view(x.shape[0], x.shape[1], maps.shape[2], maps.shape[3])

    def sums(self, maps: Tensor) -> Tensor:
        """Convolve N,1,H,W with a box of ones."""
        box = maps.new_ones(1, 1, *self.kernel)
        return F.conv2d(F.pad(maps, self.image_pad), box, stride=self.stride, dilation=self.dilation)


class PaddedAvgPool(SummedPool):
    """The mean of each window's image pixels, for padding or dilation that ``nn.AvgPool2d`` does not support."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) / self.sums(x.new_ones(1, 1, x.shape[2], x.shape[3]))


class FarthestPool(PaddedPool):
    """The pixel of largest magnitude in each window, the last one of equals.

    torch finds the first one of equals, so the image is flipped along both axes. It is first padded or cropped so that
    the windows of the flipped image cover the same pixels.
    """

    def forward(self, x: Tensor) -> Tensor:
        magnitudes = F.pad(x.detach().abs(), self.image_pad, value=-1.0).flip(2, 3)
        _, indices = F.max_pool2d(magnitudes, self.kernel, self.stride, dilation=self.dilation, return_indices=True)
        flipped = F.pad(x, self.image_pad).flip(2, 3)
        return flipped.flatten(2).gather(2, indices.flatten(2)).view_as(indices).flip(2, 3)


def _max_pool(op: MaxPool, inputs: tuple[Shape, ...]) -> nn.Module:
    window, padding = op.window, pool_padding(op.window, inputs[0])
    if padding.image_pad is not None:
        return PaddedMaxPool(window, padding.image_pad)
    return nn.MaxPool2d(window.kernel, window.stride, padding.op_pad, window.dilation, ceil_mode=padding.ceil_mode)


def _avg_pool(op: AvgPool, inputs: tuple[Shape, ...]) -> nn.Module:
    window, padding = op.window, pool_padding(op.window, inputs[0])
    if padding.image_pad is not None or window.dilation != (1, 1):
        return PaddedAvgPool(window, window.effective_pad(inputs[0].height, inputs[0].width))
    return nn.AvgPool2d(
        window.kernel, window.stride, padding.op_pad, ceil_mode=padding.ceil_mode, count_include_pad=False
    )


TABLE: Table = {
    MaxPool: _max_pool,
    AvgPool: _avg_pool,
    SumPool: lambda op, inputs: SummedPool(op.window, op.window.effective_pad(inputs[0].height, inputs[0].width)),
    MaxAbsPool: lambda op, inputs: FarthestPool(op.window, exact_padding(op.window, inputs[0])),
}
