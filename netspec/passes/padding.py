"""Expressing a window's padding for a framework that pads both sides of an axis equally.

netspec's windows may be padded differently on each side and may overhang the image. PyTorch's operations take one
number per axis and round down or, for pooling, optionally up. They are used if that gives the same windows; otherwise a
separate operation pads the image first.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.shape import Shape
from netspec.ir.window import Pad, TransposedWindow, Window


@dataclass(frozen=True, slots=True)
class Padding:
    """The padding of an operation. ``op_pad`` is the operation's own argument (rows, columns), ``ceil_mode`` whether it
    rounds up, and ``image_pad`` the padding to apply to the image beforehand, if any."""

    op_pad: tuple[int, int]
    ceil_mode: bool = False
    image_pad: Pad | None = None


def conv_padding(window: Window, x: Shape) -> Padding:
    """Return the padding of a convolution. Padding by the operation and beforehand are equivalent: both are zeros."""
    op_pad = window.pad.top, window.pad.left
    if _gives_same_windows(window, x, op_pad, ceil_mode=False):
        return Padding(op_pad)
    return Padding((0, 0), image_pad=window.effective_pad(x.height, x.width))


@dataclass(frozen=True, slots=True)
class Trimming:
    """How a framework cuts off the borders of a transposed convolution's output.

    ``op_pad`` is the operation's own argument (rows, columns), the pixels that it cuts off both sides of an axis;
    ``output_pad`` is how many fewer it cuts off the far side. ``rest`` is what must be cut off its output afterwards,
    if anything; negative numbers add pixels, which must get the bias (``adds``).
    """

    op_pad: tuple[int, int]
    output_pad: tuple[int, int] = (0, 0)
    rest: Pad | None = None

    @property
    def adds(self) -> bool:
        return self.rest is not None and min(self.rest) < 0


def deconv_trimming(window: TransposedWindow) -> Trimming:
    """Return how PyTorch cuts off the borders of a transposed convolution: the far side by at most as much as the near
    one, with a difference below the stride or the dilation."""
    axes = []
    for axis in (0, 1):
        before, after = window.pad[2:] if axis == 0 else window.pad[:2]
        fewer = before - after
        if before >= 0 and 0 <= fewer < max(window.stride[axis], window.dilation[axis]):
            axes.append((before, fewer, 0, 0))
        else:
            both = max(0, min(before, after))
            axes.append((both, 0, before - both, after - both))
    rows, columns = axes
    rest = Pad(*columns[2:], *rows[2:])
    return Trimming((rows[0], columns[0]), (rows[1], columns[1]), rest if any(rest) else None)


def pool_padding(window: Window, x: Shape) -> Padding:
    """Return the padding of a pooling that excludes padding and overhang from its windows, as PyTorch's does.

    PyTorch allows padding up to half a kernel. When it rounds up, it drops a last window that would start beyond the
    image and its left padding, as Caffe does.
    """
    op_pad = window.pad.top, window.pad.left
    if all(2 * pad <= side for pad, side in zip(op_pad, window.kernel, strict=True)):
        for ceil_mode in (False, True):
            if _gives_same_windows(window, x, op_pad, ceil_mode):
                return Padding(op_pad, ceil_mode)
    return Padding((0, 0), image_pad=window.effective_pad(x.height, x.width))


def exact_padding(window: Window, x: Shape) -> Pad:
    """Return the padding of an image (negative to crop it) with which the last window ends exactly at its border."""
    rows, columns = window.fit(x.height, x.width)
    pad = window.effective_pad(x.height, x.width)
    return pad._replace(right=pad.right - columns.unread, bottom=pad.bottom - rows.unread)


def _gives_same_windows(window: Window, x: Shape, op_pad: tuple[int, int], ceil_mode: bool) -> bool:
    expected = tuple(axis.output for axis in window.fit(x.height, x.width))
    axes = zip(x[1:], op_pad, window.extent, window.stride, strict=True)
    return tuple(_output_size(size, pad, extent, stride, ceil_mode) for size, pad, extent, stride in axes) == expected


def _output_size(size: int, pad: int, extent: int, stride: int, ceil_mode: bool) -> int:
    """Return PyTorch's output size (``pooling_output_shape`` in ATen's ``Pool.h``)."""
    spare = size + 2 * pad - extent
    if spare < 0:
        return 0
    if not ceil_mode:
        return spare // stride + 1
    outputs = -(-spare // stride) + 1
    return outputs - 1 if (outputs - 1) * stride >= size + pad else outputs
