"""Operations on pixels without weights: pooling, and the fixed functions of cuda-convnet of 2012."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_image
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window


@dataclass(frozen=True, slots=True)
class Pool(Op):
    """The base class of pooling: a window that moves over each channel."""

    window: Window

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "pools")
        rows, columns = self.window.fit(x.height, x.width)
        return Shape(x.channels, rows.output, columns.output)


class MaxPool(Pool):
    """The largest pixel of each window, ignoring padding and overhang. If several are largest, the first (row by row)
    gets the gradient."""

    __slots__ = ()

    flops_rule: ClassVar[str] = "kernel area - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (self.window.area - 1)


class AvgPool(Pool):
    """The mean of each window's real pixels. Padding and overhang are never counted."""

    __slots__ = ()

    flops_rule: ClassVar[str] = "kernel area a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * self.window.area


class SumPool(Pool):
    """The sum of each window's real pixels."""

    __slots__ = ()

    flops_rule: ClassVar[str] = "kernel area - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (self.window.area - 1)


class MaxAbsPool(Pool):
    """The pixel of each window with the largest absolute value, with its sign, ignoring padding and overhang.

    If several have the largest absolute value, the last (row by row) is taken and gets the gradient (cuda-convnet
    ``conv_util.cuh`` of version 2).
    """

    __slots__ = ()

    flops_rule: ClassVar[str] = "2 kernel area - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units * (2 * self.window.area - 1)


@dataclass(frozen=True, slots=True)
class Blur(Op):
    """A Gaussian blur of each channel by rows, then by columns, with zeros outside the image.

    The weights exp(-(i - r)^2 / (2 stdev^2)), r = size // 2, are normalised to sum 1. They are not renormalised at the
    borders (cuda-convnet ``layer.py:454`` of 2012).
    """

    size: int
    stdev: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "blurs")
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

    On each axis of S pixels the output size is (S + stride - 1) // stride and the start (S - stride (output - 1)) // 2
    (cuda-convnet ``layer.py:421`` of 2012). 224 pixels with stride 4 give 56, from pixel 2 on.
    """

    stride: int

    def starts(self, x: Shape) -> tuple[int, int]:
        """Return the first row and the first column that are kept."""
        rows, columns = self._sizes(x)
        return (x.height - self.stride * (rows - 1)) // 2, (x.width - self.stride * (columns - 1)) // 2

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "samples")
        return Shape(x.channels, *self._sizes(x))

    def _sizes(self, x: Shape) -> tuple[int, int]:
        return -(-x.height // self.stride), -(-x.width // self.stride)


class Mirror(Op):
    """The image with its columns in reverse order."""

    __slots__ = ()

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "mirrors")
        return x


@dataclass(frozen=True, slots=True)
class Crop(Op):
    """A rectangle of each channel, from row ``top`` and column ``left`` on."""

    top: int
    left: int
    height: int
    width: int

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "crops")
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
        require_image(x, "pads")
        left, right, top, bottom = self.pad
        return Shape(x.channels, x.height + top + bottom, x.width + left + right)


@dataclass(frozen=True, slots=True)
class Resize(Op):
    """Bilinear sampling of each channel around its middle, with ``step`` input pixels from one output to the next.

    On each axis of S pixels the output size is floor(S / step). Output t is interpolated at position
    s = t step + (S - step floor(S / step)) / 2, limited to 0..S - 1.01, between the pixels floor(s) and floor(s) + 1
    (cuda-convnet ``conv_util.cu`` of version 2).
    """

    step: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "resizes")
        if self.step > min(x.height, x.width):
            raise Fault(
                "bad-value",
                "{layer}'s step is larger than its image",
                ("step",),
                (f"the step is {self.step:g} pixels, the image is {x.height} x {x.width}",),
            )
        return Shape(x.channels, math.floor(x.height / self.step), math.floor(x.width / self.step))

    def sampling_positions(self, size: int) -> tuple[float, ...]:
        """Return the positions of the outputs on an axis of ``size`` pixels."""
        outputs = math.floor(size / self.step)
        begin = (size - outputs * self.step) / 2
        return tuple(min(max(t * self.step + begin, 0.0), max(size - 1.01, 0.0)) for t in range(outputs))

    flops_rule: ClassVar[str] = "7 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 7 * output.units
