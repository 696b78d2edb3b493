"""Operations that take, rearrange or reduce channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netspec.ir.ops import ChannelMax, ChannelMean, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.shape import Shape

from .emission import Table


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


class ChannelShuffle(nn.Module):
    """Transposes the groups of the channels (or features) and the channels of a group, in each of ``shares`` shares."""

    def __init__(self, groups: int, shares: int) -> None:
        super().__init__()
        self.groups = groups
        self.shares = shares

    def forward(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (self.shares, self.groups, -1)).transpose(2, 3).flatten(1, 3)

    def extra_repr(self) -> str:
        return f"groups={self.groups}" + (f", shares={self.shares}" if self.shares > 1 else "")


class Reduced(nn.Module):
    """The base class of what makes one channel (or feature) of each of ``groups`` equal groups."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def by_groups(self, x: Tensor) -> Tensor:
        return torch.unflatten(x, 1, (self.groups, -1))

    def extra_repr(self) -> str:
        return f"groups={self.groups}" if self.groups > 1 else ""


class LargestChannel(Reduced):
    """The largest channel of each group; one of equals gets the whole gradient, which ``torch.amax`` would divide."""

    def forward(self, x: Tensor) -> Tensor:
        return self.by_groups(x).max(2).values


class MeanChannel(Reduced):
    """The mean of the channels of each group."""

    def forward(self, x: Tensor) -> Tensor:
        return self.by_groups(x).mean(2)


def _slice(op: Slice, inputs: tuple[Shape, ...]) -> nn.Module:
    first, count = op.of_group
    return ChannelSlice(first, count) if op.groups == 1 else GroupedSlice(first, count, op.groups)


TABLE: Table = {
    Slice: _slice,
    Shuffle: lambda op, inputs: ChannelShuffle(op.groups, op.shares),
    PixelShuffle: lambda op, inputs: nn.PixelShuffle(op.factor),
    PixelUnshuffle: lambda op, inputs: nn.PixelUnshuffle(op.factor),
    ChannelMax: lambda op, inputs: LargestChannel(op.groups),
    ChannelMean: lambda op, inputs: MeanChannel(op.groups),
}
