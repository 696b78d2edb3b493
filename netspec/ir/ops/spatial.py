"""Operations over windows of pixels without weights: pooling, and the fixed functions of the 2012 files."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, need_image
from netspec.ir.shape import Shape
from netspec.ir.window import Window


@dataclass(frozen=True, slots=True)
class Pool(Op):
    """What maximum and average pooling share: a window that moves over each channel."""

    window: Window

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "pools")
        rows, columns = self.window.fit(x.height, x.width)
        return Shape(x.channels, rows.output, columns.output)


@dataclass(frozen=True, slots=True)
class MaxPool(Pool):
    """The largest pixel of each window; padding and overhang are ignored. Of equal pixels the first (row by row)
    takes the gradient."""

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (self.window.area - 1)


@dataclass(frozen=True, slots=True)
class AvgPool(Pool):
    """The mean of each window's real pixels: padding and overhang are not counted, whatever the padding."""

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * self.window.area


@dataclass(frozen=True, slots=True)
class Blur(Op):
    """A Gaussian blur of each channel by rows, then by columns, with zeros outside the image.

    The weights exp(-(i - r)^2 / (2 stdev^2)), r = size // 2, are normalised to sum 1, the borders are not renormalised
    (cuda-convnet ``layer.py:454`` of 2012).
    """

    size: int
    stdev: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "blurs")
        if self.size > min(x.height, x.width):
            raise Fault(
                "kernel-too-large",
                "{layer}'s filter is larger than its maps",
                ("size",),
                (f"the filter is {self.size} x {self.size}, the maps are {x.height} x {x.width}",),
            )
        return x

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 4 * self.size * output.units


@dataclass(frozen=True, slots=True)
class Nailbed(Op):
    """Every stride-th pixel of each channel, centred: out(y, x) = in(start + stride y, start + stride x).

    Output size (S + stride - 1) // stride, start (S - stride (output - 1)) // 2, by axis; cuda-convnet
    ``layer.py:421`` of 2012. 224 at stride 4 gives 56 from pixel 2.
    """

    stride: int

    def starts(self, x: Shape) -> tuple[int, int]:
        """The first row and column that is kept."""
        rows, columns = self._sizes(x)
        return (x.height - self.stride * (rows - 1)) // 2, (x.width - self.stride * (columns - 1)) // 2

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "samples")
        return Shape(x.channels, *self._sizes(x))

    def _sizes(self, x: Shape) -> tuple[int, int]:
        return -(-x.height // self.stride), -(-x.width // self.stride)


@dataclass(frozen=True, slots=True)
class Mirror(Op):
    """The image with its columns in reverse order."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "mirrors")
        return x
