"""Window arithmetic: how many positions a kernel has on its padded input, under each of the four roundings.

Sources of the rules: cuda-convnet rounds up, in convolutions and in pooling (``layer.py:1004`` and ``layer.py:1164`` of
the 2012 release); Caffe rounds convolutions down and pooling up, and drops a last window that would start outside the
image (``pooling_layer.cpp``); PyTorch rounds both down.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, NamedTuple, get_args

from netspec.formatting import format_number
from netspec.ir.fault import Fault

Rounding = Literal["exact", "down", "up", "caffe"]
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
WindowKind = Literal["conv", "pool"]
AxisName = Literal["height", "width"]
AXES: tuple[AxisName, ...] = get_args(AxisName)


class Pad(NamedTuple):
    """Pixels of padding on each side."""

    left: int
    right: int
    top: int
    bottom: int


class Axis(NamedTuple):
    """The output size along one axis, and how the last window ends at the far edge of the image.

    ``overhang`` is the number of zeros that the last window reads beyond that edge, including the stated padding as far
    as it is read. ``unread`` is the number of pixels at that edge that no window reads.
    """

    output: int
    overhang: int
    unread: int


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel that slides over an image. Pairs are (height, width). ``outside``: windows may cover padding alone."""

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pad: Pad = Pad(0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    rounding: Rounding = "exact"
    kind: WindowKind = "conv"
    outside: bool = False

    @property
    def area(self) -> int:
        """The number of kernel elements."""
        return self.kernel[0] * self.kernel[1]

    @property
    def extent(self) -> tuple[int, int]:
        """The height and width that the dilated kernel spans."""
        return (
            (self.kernel[0] - 1) * self.dilation[0] + 1,
            (self.kernel[1] - 1) * self.dilation[1] + 1,
        )

    def fit(self, height: int, width: int) -> tuple[Axis, Axis]:
        """Return the axes (rows, columns) of the output for an image of this height and width.

        Raises
        ------
        Fault
            ``kernel-too-large``, ``window-does-not-tile`` or ``window-outside-image``, with the arithmetic.
        """
        return _fit(self, height, width)

    def effective_pad(self, height: int, width: int) -> Pad:
        """Return the number of zeros that are really read on each side.

        Rounding up may read more than ``pad``, rounding down less. Padding by these and rounding down gives the same
        windows.
        """
        rows, columns = self.fit(height, width)
        return Pad(self.pad.left, columns.overhang, self.pad.top, rows.overhang)

    def with_rounding(self, rounding: Rounding) -> Window:
        return replace(self, rounding=rounding)

    def needed_size(self, axis: AxisName, positions: int) -> int | None:
        """Return the input size at which the window has exactly this many positions, or ``None`` if there is none."""
        extent, stride, before, after = self.terms(axis)
        return stride * (positions - 1) + extent - before - after

    def needed_pad(self, axis: AxisName, size: int, positions: int) -> int:
        """Return the total padding of both sides at which the window has exactly this many positions."""
        extent, stride, _, _ = self.terms(axis)
        return stride * (positions - 1) + extent - size

    def terms(self, axis: AxisName) -> tuple[int, int, int, int]:
        """Return (extent, stride, padding before, padding after) of one axis."""
        i = 0 if axis == "height" else 1
        before, after = self.pad[2:] if i == 0 else self.pad[:2]
        return self.extent[i], self.stride[i], before, after

    def unrounded_output(self, axis: AxisName, size: int) -> Fraction:
        """Return (size + padding - extent) / stride + 1, the number of windows before rounding."""
        extent, stride, before, after = self.terms(axis)
        return Fraction(size + before + after - extent, stride) + 1

    def arithmetic(self, axis: AxisName, size: int) -> str:
        """Return the formula with its numbers: ``(224 + 0 + 0 - 11) / 4 + 1 = 54.25``."""
        extent, stride, before, after = self.terms(axis)
        return (
            f"({size} + {before} + {after} - {extent}) / {stride} + 1 = "
            f"{format_number(self.unrounded_output(axis, size))}"
        )

    def axis(self, axis: AxisName, size: int) -> Axis:
        """Return one of the axes that ``fit`` returns, or raise its fault."""
        extent, stride, before, after = self.terms(axis)
        spare = size + before + after - extent
        if spare < 0:
            raise Fault(
                "kernel-too-large",
                "{layer}'s kernel is larger than its padded input",
                ("kernel", "dilation", "pad"),
                (f"{axis}: the kernel spans {extent}, the input has {size} + {before} + {after} = {extent + spare}",),
            )
        output = self._rounded(axis, size, spare, stride, before)
        last = (output - 1) * stride - before
        if not self.outside and (before >= extent or last >= size or size < max(self.dilation)):
            self._check_inside(axis, size, output, last)
        reach = last + extent
        return Axis(output, max(0, reach - size), max(0, size - reach))

    def _check_inside(self, axis: AxisName, size: int, output: int, last: int) -> None:
        """Raise ``window-outside-image`` if one of ``output`` windows covers no pixel of the image.

        ``last`` is the pixel at which the last window begins.
        """
        extent, stride, before, _ = self.terms(axis)
        if before >= extent or last >= size:
            which = "first" if before >= extent else "last"
            start = -before if before >= extent else last
            raise Fault(
                "window-outside-image",
                f"{{layer}}'s {which} window lies wholly outside the image",
                ("pad", "stride", "kernel", "rounding"),
                (
                    f"{axis}: {self.arithmetic(axis, size)}, {output} places",
                    f"the {which} one covers pixels {start} to {start + extent - 1} of an image with 0 to {size - 1}",
                ),
            )
        dilation = self.dilation[0 if axis == "height" else 1]
        # A window that starts at a pixel below 0 first reads the image at pixel start % dilation, which may be past the
        # end of a small image.
        starts = range(-before, min(0, last + 1), stride) if dilation > size else ()
        for start in starts:
            if start % dilation >= size:
                raise Fault(
                    "window-outside-image",
                    "{layer} has a window whose dilation steps over the whole image",
                    ("dilation", "pad", "stride"),
                    (f"{axis}: from pixel {start} in steps of {dilation}, over an image with 0 to {size - 1}",),
                )

    def _rounded(self, axis: AxisName, size: int, spare: int, stride: int, before: int) -> int:
        down, up = spare // stride + 1, -(-spare // stride) + 1
        if self.rounding == "exact":
            if down != up:
                raise Fault(
                    "window-does-not-tile",
                    "{layer}'s window does not tile its input",
                    ("kernel", "stride", "pad", "dilation"),
                    (f"{axis}: {self.arithmetic(axis, size)}, not a whole number",),
                )
            return down
        if self.rounding == "down" or (self.rounding == "caffe" and self.kind == "conv"):
            return down
        if self.rounding == "caffe" and (up - 1) * stride >= size + before:
            return up - 1
        return up


@dataclass(frozen=True, slots=True)
class TransposedWindow(Window):
    """The window of a transposed convolution: each pixel of the input adds a multiple of the kernel to a window of the
    output, ``stride`` pixels from that of its neighbour.

    ``pad`` is what is cut off the output's sides; a negative number adds pixels that no window reaches. So this is the
    window, over the output and with this padding, of the convolution whose adjoint the operation is (Dumoulin & Visin:
    A guide to convolution arithmetic for deep learning, 2016, chapter 4). ``rounding`` has no meaning.
    """

    def full_size(self, axis: AxisName, size: int) -> int:
        """Return the output size before anything is cut off: (size - 1) * stride + extent."""
        extent, stride, _, _ = self.terms(axis)
        return (size - 1) * stride + extent

    def unrounded_output(self, axis: AxisName, size: int) -> Fraction:
        """Return (size - 1) * stride + extent - pad - pad, which is always whole."""
        _, _, before, after = self.terms(axis)
        return Fraction(self.full_size(axis, size) - before - after)

    def arithmetic(self, axis: AxisName, size: int) -> str:
        """Return the formula with its numbers: ``(16 - 1) * 2 + 4 - 1 - 1 = 32``."""
        extent, stride, before, after = self.terms(axis)
        cut = "".join(f" {'-' if side >= 0 else '+'} {abs(side)}" for side in (before, after))
        return f"({size} - 1) * {stride} + {extent}{cut} = {self.unrounded_output(axis, size)}"

    def effective_pad(self, height: int, width: int) -> Pad:
        """Return the pixels that are cut off each side, which are those of ``pad``."""
        return self.pad

    def with_same_pad(self) -> TransposedWindow:
        """Return the window whose output is ``stride`` times as large as the input, cut as Keras and TensorFlow do with
        ``padding="same"``: the smaller half of the pixels before, and if there are too few, all the missing ones after.
        """
        height, width = (extent - stride for extent, stride in zip(self.extent, self.stride, strict=True))
        before = max(0, width) // 2, max(0, height) // 2
        return replace(self, pad=Pad(before[0], width - before[0], before[1], height - before[1]))

    def axis(self, axis: AxisName, size: int) -> Axis:
        """Return the output size along one axis. Raises ``Fault`` with ``nothing-left`` if no window is left of it."""
        _, _, before, after = self.terms(axis)
        output = int(self.unrounded_output(axis, size))
        if self.full_size(axis, size) <= max(0, before) + max(0, after):
            raise Fault(
                "nothing-left",
                "{layer}'s pad cuts off all of its output",
                ("pad",),
                (f"{axis}: {self.arithmetic(axis, size)}",),
            )
        return Axis(output, 0, 0)

    def needed_size(self, axis: AxisName, positions: int) -> int | None:
        """Return the input size at which the output has exactly this size, or ``None`` if there is none."""
        extent, stride, before, after = self.terms(axis)
        steps, rest = divmod(positions - extent + before + after, stride)
        return steps + 1 if rest == 0 else None

    def needed_pad(self, axis: AxisName, size: int, positions: int) -> int:
        """Return the pixels to cut off both sides together for the output to have exactly this size."""
        return self.full_size(axis, size) - positions


@functools.lru_cache(maxsize=4096)  # a network has many equal windows, and a graph is verified after it is made
def _fit(window: Window, height: int, width: int) -> tuple[Axis, Axis]:
    columns = window.axis("width", width)
    return window.axis("height", height), columns
