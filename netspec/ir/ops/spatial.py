"""Operations over windows of pixels without weights: pooling, and the fixed functions of the 2012 files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, need_image
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window


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

    flops_rule: ClassVar[str] = "kernel area - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (self.window.area - 1)


@dataclass(frozen=True, slots=True)
class AvgPool(Pool):
    """The mean of each window's real pixels: padding and overhang are not counted, whatever the padding."""

    flops_rule: ClassVar[str] = "kernel area a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * self.window.area


@dataclass(frozen=True, slots=True)
class SumPool(Pool):
    """The sum of each window's real pixels."""

    flops_rule: ClassVar[str] = "kernel area - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (self.window.area - 1)


@dataclass(frozen=True, slots=True)
class MaxAbsPool(Pool):
    """The pixel of each window that is farthest from 0, with its sign; padding and overhang are ignored.

    Of pixels equally far the last (row by row) is taken, and takes the gradient (cuda-convnet ``conv_util.cuh`` of
    version 2).
    """

    flops_rule: ClassVar[str] = "2 kernel area - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (2 * self.window.area - 1)


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

    flops_rule: ClassVar[str] = "4 size a unit"

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


@dataclass(frozen=True, slots=True)
class Crop(Op):
    """A rectangle of pixels out of each channel, from row ``top`` and column ``left`` on."""

    top: int
    left: int
    height: int
    width: int

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "crops")
        for axis, start, length, size in (
            ("height", self.top, self.height, x.height),
            ("width", self.left, self.width, x.width),
        ):
            if start + length > size:
                raise Fault(
                    "crop-outside-image",
                    "{layer} crops more than there is",
                    ("size", "top", "left"),
                    (f"{axis}: {start} + {length} = {start + length}, the image has {size}",),
                )
        return Shape(x.channels, self.height, self.width)


@dataclass(frozen=True, slots=True)
class ZeroPad(Op):
    """Zeros around each channel."""

    pad: Pad

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "pads")
        left, right, top, bottom = self.pad
        return Shape(x.channels, x.height + top + bottom, x.width + left + right)


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """Bilinear sampling of each channel, ``step`` pixels of the image from pixel to pixel, around its middle.

    Output size floor(S / step) by axis. Output t lies at s = t step + (S - step floor(S / step)) / 2, at least 0 and at
    most S - 1.01, between the pixels floor(s) and floor(s) + 1 (cuda-convnet ``conv_util.cu`` of version 2).
    """

    step: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "resizes")
        if self.step > min(x.height, x.width):
            raise Fault(
                "bad-value",
                "{layer} steps over its whole image",
                ("step",),
                (f"from pixel to pixel it goes {self.step:g}, the image is {x.height} x {x.width}",),
            )
        return Shape(x.channels, math.floor(x.height / self.step), math.floor(x.width / self.step))

    def places(self, size: int) -> tuple[float, ...]:
        """Where on an axis of so many pixels the outputs lie."""
        outputs = math.floor(size / self.step)
        begin = (size - outputs * self.step) / 2
        return tuple(min(max(t * self.step + begin, 0.0), max(size - 1.01, 0.0)) for t in range(outputs))

    flops_rule: ClassVar[str] = "7 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 7 * output.units
