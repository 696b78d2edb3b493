"""Operations that take, rearrange, reduce or mix channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netspec.ir.ops import ChannelMax, ChannelMean, ColourSpace, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix
from netspec.ir.shape import Shape

from .emission import OperationModule, Table
from .precision import widened


class ChannelSlice(nn.Module):
    """Takes ``count`` channels (or features) from number ``first`` on. The result is a view."""

    def __init__(self, first: int, count: int) -> None:
        super().__init__()
        self.first = first
        self.count = count

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.first : self.first + self.count]

    def extra_repr(self) -> str:
        return f"first={self.first}, channels={self.count}"


class GroupedSlice(ChannelSlice):
    """Takes ``count`` channels (or features) of each group, from number ``first`` of the group on."""

    def __init__(self, first: int, count: int, groups: int) -> None:
        super().__init__(first, count)
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        shares = torch.unflatten(x, 1, (self.groups, -1))
        return shares[:, :, self.first : self.first + self.count].flatten(1, 2)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, groups={self.groups}"


class ChannelShuffle(OperationModule):
    """Transposes the groups of the channels (or features) and the channels of a group, in each of ``shares`` shares."""

    op: Shuffle

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (self.op.shares, self.op.groups, -1)).transpose(2, 3).flatten(1, 3)


class LargestChannel(OperationModule):
    """The largest channel (or feature) of each group; one of equals gets the whole gradient, which ``torch.amax`` would
    divide."""

    op: ChannelMax

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (self.op.groups, -1)).max(2).values


class MeanChannel(OperationModule):
    """The mean of the channels (or features) of each group."""

    op: ChannelMean

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (self.op.groups, -1)).mean(2)


class Yuv(nn.Module):
    """Converts RGB to YUV."""

    def forward(self, x: Tensor) -> Tensor:
        return mix_channels(widened(x), YUV)


class Lab(OperationModule):
    """Converts RGB from 0 to 1 to L*a*b*."""

    op: ColourSpace

    def forward(self, x: Tensor) -> Tensor:
        t = mix_channels(widened(x), XYZ)
        roots = torch.where(t > CUBE_ROOT_FROM, t.clamp(min=CUBE_ROOT_FROM) ** EXPONENT, SLOPE * t + INTERCEPT)
        light, a, b = mix_channels(roots, LAB).unbind(1)
        return torch.stack([light + self.op.offset, a, b], 1)


def mix_channels(x: Tensor, matrix: Matrix) -> Tensor:
    """Multiply the channels of each pixel by a matrix: N,3,H,W to N,3,H,W."""
    red, green, blue = x.unbind(1)
    return torch.stack([red * r + green * g + blue * b for r, g, b in matrix], 1)


def _slice(op: Slice, inputs: tuple[Shape, ...]) -> nn.Module:
    first, count = op.of_group
    return ChannelSlice(first, count) if op.groups == 1 else GroupedSlice(first, count, op.groups)


TABLE: Table = {
    Slice: _slice,
    Shuffle: lambda op, inputs: ChannelShuffle(op),
    PixelShuffle: lambda op, inputs: nn.PixelShuffle(op.factor),
    PixelUnshuffle: lambda op, inputs: nn.PixelUnshuffle(op.factor),
    ChannelMax: lambda op, inputs: LargestChannel(op),
    ChannelMean: lambda op, inputs: MeanChannel(op),
    ColourSpace: lambda op, inputs: Yuv() if op.to == "yuv" else Lab(op),
}
