"""Operations on pixels without weights: pooling, and the fixed functions of cuda-convnet of 2012."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from netspec.formatting import plural
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
class BinPool(Op):
    """The mean of each of ``bins`` (rows, columns) parts of a channel, as PyTorch's ``adaptive_avg_pool2d``.

    On an axis of S pixels, bin i of n is over the pixels from floor(i S / n) up to, without, ceil((i + 1) S / n): bins
    differ in size and overlap by a pixel where n does not divide S. With n above S, pixels are repeated.
    """

    bins: tuple[int, int]

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "pools")
        return Shape(x.channels, *self.bins)

    def ranges(self, axis: int, size: int) -> tuple[range, ...]:
        """Return the pixels of each bin on an axis (0: rows) of ``size`` pixels."""
        return bins_of(size, self.bins[axis])

    def window(self, x: Shape) -> Window | None:
        """Return the window of an average pooling that does the same, if all bins are alike and equally far apart."""
        found = [even(self.ranges(axis, size)) for axis, size in enumerate(x[1:])]
        if None in found:
            return None
        (height, down), (width, across) = (sides for sides in found if sides is not None)
        return Window((height, width), (down, across), kind="pool")

    flops_rule: ClassVar[str] = "pixels of its bin a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        (x,) = inputs
        rows, columns = (sum(map(len, self.ranges(axis, size))) for axis, size in enumerate(x[1:]))
        return x.channels * rows * columns


def bins_of(size: int, count: int) -> tuple[range, ...]:
    """Return the pixels of each of so many bins on an axis of ``size`` pixels; see ``BinPool``."""
    return tuple(range(i * size // count, -(-(i + 1) * size // count)) for i in range(count))


def even(bins: tuple[range, ...]) -> tuple[int, int] | None:
    """Return the length of the bins and the distance between their first pixels, ``None`` if they are not the same."""
    lengths = {len(pixels) for pixels in bins}
    steps = {after.start - before.start for before, after in pairwise(bins)} or {*lengths}
    return (lengths.pop(), steps.pop()) if len(lengths) == len(steps) == 1 and 0 not in steps else None


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
class BorderPad(Op):
    """The base class of padding: pixels around each channel."""

    pad: Pad

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "pads")
        left, right, top, bottom = self.pad
        return Shape(x.channels, x.height + top + bottom, x.width + left + right)


class ZeroPad(BorderPad):
    """Zeros around each channel."""

    __slots__ = ()


class EdgePad(BorderPad):
    """Copies of each channel's outermost pixels around it: pixel i of S pixels is pixel min(max(i, 0), S - 1)."""

    __slots__ = ()

    def source(self, i: int, size: int) -> int:
        """Return the pixel, on an axis of ``size``, that stands at place i, which may be outside."""
        return min(max(i, 0), size - 1)


class ReflectPad(BorderPad):
    """Each channel mirrored at its outermost pixels, which are not repeated: pixel -i is pixel i.

    There are as many pixels to mirror as the side has, less the outermost one.
    """

    __slots__ = ()

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        padded = BorderPad.shape(self, inputs)
        for axis, sides, size in (("height", self.pad[2:], x.height), ("width", self.pad[:2], x.width)):
            if max(sides) >= size:
                wanted = plural(max(sides), "pixel")
                note = f"{axis}: it mirrors {wanted}, and the maps have {size}, of which one is the mirror"
                raise Fault("bad-value", "{layer} mirrors more pixels than there are", ("pad",), (note,))
        return padded

    def source(self, i: int, size: int) -> int:
        """Return the pixel, on an axis of ``size``, that stands at place i, which may be outside."""
        return size - 1 - abs(size - 1 - abs(i))


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
