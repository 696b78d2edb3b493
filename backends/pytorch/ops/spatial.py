"""Fixed image operations: those of cuda-convnet, such as blur and mirror, and cropping, padding and resizing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, cast

import torch
import torch.fx
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir import ops
from netspec.ir.shape import Shape

from .counter_rng import RandomLayer
from .emission import OperationModule, Table
from .fixed import Fixed
from .precision import is_narrowed, widened


class GaussianBlur(OperationModule):
    """Blurs each channel along rows and columns, with weights exp(-(i - r)^2 / (2 stdev^2)) normalised to sum 1."""

    op: ops.Blur

    def __init__(self, op: ops.Blur) -> None:
        super().__init__(op)
        weights = [math.exp(-((i - op.size // 2) ** 2) / (2 * op.stdev**2)) for i in range(op.size)]
        self.line = Fixed([w / sum(weights) for w in weights])

    def forward(self, x: Tensor) -> Tensor:
        before = self.op.size // 2
        after = self.op.size - 1 - before
        line = self.line(x)
        maps = F.pad(x.flatten(0, 1).unsqueeze(1), (before, after, before, after))
        maps = F.conv2d(F.conv2d(maps, line.view(1, 1, 1, -1)), line.view(1, 1, -1, 1))
        return maps.view(x.shape)


class Sample(nn.Module):
    """Selects every stride-th pixel, from row ``top`` and column ``left`` on."""

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
    """Reverses the order of the columns."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flip(3)


class Rectangle(OperationModule):
    """Crops a rectangle."""

    op: ops.Crop

    def forward(self, x: Tensor) -> Tensor:
        op = self.op
        return x[:, :, op.top : op.top + op.height, op.left : op.left + op.width]


def interpolation_weights(positions: Sequence[float], size: int) -> Tensor:
    """Return the linear interpolation weights of each sampling position for each pixel of an axis.

    The result is (positions, size) in float64, on the CPU even within ``with torch.device(...)``: 1 minus the distance
    between position and pixel, or 0 if that is negative.
    """
    distances = torch.tensor(positions, dtype=torch.float64, device="cpu")[:, None] - torch.arange(size, device="cpu")
    return (1 - distances.abs()).clamp(min=0)


class Bilinear(OperationModule):
    """Bilinear interpolation as R x C^T: R interpolates between rows, C between columns."""

    def __init__(self, op: ops.Resize, x: Shape) -> None:
        super().__init__(op)
        self.rows = Fixed(interpolation_weights(op.sampling_positions(x.height), x.height).tolist())
        self.columns = Fixed(interpolation_weights(op.sampling_positions(x.width), x.width).tolist())

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.rows(x) @ x @ self.columns(x).T)


class RandomlyScaled(RandomLayer):
    """In training a square of the image at a random scale, in evaluation its middle: N,C,S,S to N,C,size,size."""

    op: ops.RandomScale

    def __init__(self, op: ops.RandomScale, x: Shape) -> None:
        super().__init__(op)
        self.centre = Rectangle(op.centre_crop(x.height))

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return cast(Tensor, self.centre(x))
        side = x.shape[2]
        rows, columns = (
            interpolation_weights(positions, side).to(x)
            for positions in self.op.sampling_positions(side, self.uniforms())
        )
        return rows @ x @ columns.T


class RepeatedPixels(nn.Upsample):
    """Repeats pixels, in the type that they have: on a GPU, autocast would make them float32, in twice the memory."""

    def forward(self, x: Tensor) -> Tensor:
        return _repeated(x, self.size, self.scale_factor)


@torch.fx.wrap  # keep the call in symbolic traces, whose proxies have no type to branch on
def _repeated(x: Tensor, size: Any, factor: Any) -> Tensor:
    with torch.autocast(x.device.type, enabled=False) if is_narrowed(x) else nullcontext():
        return F.interpolate(x, size, factor)


class InterpolatedPixels(nn.Upsample):
    """Interpolates between pixels, in float32 under autocast, as a GPU does: in bfloat16 it would add up the gradients
    of all pixels that one takes part in, in random order and with rounding after each (pytorch/pytorch, issue 121072).
    """

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(widened(x))


def _upsampling(method: str, **size: Any) -> nn.Module:
    """Return the module that brings maps to a ``size``, or enlarges them by a ``scale_factor``."""
    if method == "nearest":
        return RepeatedPixels(**size, mode="nearest")
    return InterpolatedPixels(**size, mode="bilinear", align_corners=method == "corners")


TABLE: Table = {
    ops.Blur: lambda op, inputs: GaussianBlur(op),
    ops.Nailbed: lambda op, inputs: Sample(*cast(ops.Nailbed, op).starts(inputs[0]), op.stride),
    ops.Mirror: lambda op, inputs: Reverse(),
    ops.Crop: lambda op, inputs: Rectangle(op),
    ops.ZeroPad: lambda op, inputs: nn.ZeroPad2d(cast(ops.ZeroPad, op).pad),
    ops.EdgePad: lambda op, inputs: nn.ReplicationPad2d(cast(ops.EdgePad, op).pad),
    ops.ReflectPad: lambda op, inputs: nn.ReflectionPad2d(cast(ops.ReflectPad, op).pad),
    ops.BinPool: lambda op, inputs: nn.AdaptiveAvgPool2d(cast(ops.BinPool, op).bins),
    ops.Interpolate: lambda op, inputs: _upsampling(op.method, size=cast(ops.Interpolate, op).size),
    ops.Resize: lambda op, inputs: Bilinear(op, inputs[0]),
    ops.Upsample: lambda op, inputs: _upsampling(op.method, scale_factor=cast(ops.Upsample, op).factor),
    ops.RandomScale: lambda op, inputs: RandomlyScaled(op, inputs[0]),
}
