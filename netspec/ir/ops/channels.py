"""Operations that take, rearrange or reduce channels of an image (or features of a vector)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_divisible, require_image
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Shuffle(Op):
    """The channels of ``groups`` equal groups in turn: the first of each group, then the second of each, and so on.

    With C channels, output channel j groups + i is input channel i C / groups + j: the channels are read as a matrix of
    groups rows, which is transposed. Each of ``shares`` equal shares of the channels is rearranged by itself. Zhang,
    Zhou, Lin & Sun, ShuffleNet (2018), section 3.1.
    """

    groups: int
    shares: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_divisible(x.channels, self.groups * self.shares, "input channels", "inputs")
        return x


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """The ``channels`` channels from number ``first`` on, counted from 0.

    With ``groups``, it takes an equal part of each group of the input's channels: those from ``first`` / groups on,
    counted in the group, ``channels`` / groups of them.
    """

    first: int
    channels: int
    groups: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        end = self.first + self.channels
        if end > x.channels:
            raise Fault(
                "slice-outside-value",
                "{layer} takes more channels than there are",
                ("channels", "first"),
                (f"{self.first} + {self.channels} = {end}, its input has {plural(x.channels, 'channel')}",),
            )
        for number, what in ((x.channels, "input channels"), (self.channels, "channels"), (self.first, "first")):
            if number % self.groups:
                raise Fault(
                    "groups-do-not-divide",
                    f"{{layer}}: {self.groups} GPU groups do not divide its {what}",
                    ("channels", "first"),
                    (
                        f"{number} / {self.groups} = {number / self.groups:.6g}: each group takes an equal part of its "
                        "own share",
                    ),
                )
        return Shape(self.channels, *x[1:])

    @property
    def of_group(self) -> tuple[int, int]:
        """Of each group's channels: the first that is taken, and how many are."""
        return self.first // self.groups, self.channels // self.groups


@dataclass(frozen=True, slots=True)
class PixelShuffle(Op):
    """Squares of ``factor`` x ``factor`` pixels of one channel from as many channels of one pixel.

    With r = factor, out(c, r y + i, r x + j) = in(c r^2 + r i + j, y, x). Shi et al., Real-time single image and video
    super-resolution using an efficient sub-pixel convolutional neural network (2016), section 3.2, in the order of
    channels of PyTorch's ``pixel_shuffle``.
    """

    factor: int

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "rearranges")
        area = self.factor**2
        if x.channels % area:
            raise Fault(
                "groups-do-not-divide",
                f"{{layer}}: {area} channels, one for each pixel of a square, do not divide its input",
                ("factor", "inputs"),
                (f"{x.channels} channels / {self.factor}^2 = {x.channels / area:.6g}, not a whole number",),
            )
        return Shape(x.channels // area, x.height * self.factor, x.width * self.factor)


@dataclass(frozen=True, slots=True)
class PixelUnshuffle(Op):
    """The pixels of each square of ``factor`` x ``factor`` as channels of one pixel, which undoes ``PixelShuffle``.

    With r = factor, out(c r^2 + r i + j, y, x) = in(c, r y + i, r x + j), as PyTorch's ``pixel_unshuffle``.
    """

    factor: int

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "rearranges")
        for size, side in ((x.height, "height"), (x.width, "width")):
            if size % self.factor:
                raise Fault(
                    "groups-do-not-divide",
                    f"{{layer}}: squares of {self.factor} x {self.factor} pixels do not divide its input",
                    ("factor", "inputs"),
                    (f"{side}: {size} / {self.factor} = {size / self.factor:.6g}, not a whole number",),
                )
        return Shape(x.channels * self.factor**2, x.height // self.factor, x.width // self.factor)


@dataclass(frozen=True, slots=True)
class ChannelReduction(Op):
    """The base class of operations that make one channel (or feature) of each of ``groups`` equal groups."""

    groups: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_divisible(x.channels, self.groups, "input channels", "inputs")
        return Shape(self.groups, *x[1:])


class ChannelMax(ChannelReduction):
    """At each position, the largest number of each group of channels. If several are largest, the first gets the
    gradient.

    Goodfellow et al., Maxout networks (2013), section 3; of all channels, Woo et al., CBAM (2018), section 3.
    """

    __slots__ = ()

    flops_rule: ClassVar[str] = "channels of a group - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return inputs[0].units - output.units


class ChannelMean(ChannelReduction):
    """At each position, the mean of each group of channels. Of all channels: Woo et al., CBAM (2018), section 3."""

    __slots__ = ()

    flops_rule: ClassVar[str] = "channels of a group a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return inputs[0].units
