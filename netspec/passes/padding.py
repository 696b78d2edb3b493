"""How a window is said to a framework that pads both sides of an axis alike.

netspec's windows may be padded on one side and may overhang their image; PyTorch's operations take one number per axis
and round down, or, in pooling, up. Where those reach the same places they are used, and otherwise the image is padded
by an operation of its own first.
"""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window


@dataclass(frozen=True, slots=True)
class Padding:
    """``own`` is the operation's own padding (rows, columns), ``ceil`` whether it rounds up, and ``before`` what is
    laid around the image first (``None``: nothing)."""

    own: tuple[int, int]
    ceil: bool = False
    before: Pad | None = None


def conv_padding(window: Window, x: Shape) -> Padding:
    """Of a convolution: zeros stand in the padding either way."""
    own = window.pad.top, window.pad.left
    if _reaches(window, x, own, ceil=False):
        return Padding(own)
    return Padding((0, 0), before=window.effective_pad(x.height, x.width))


def pool_padding(window: Window, x: Shape) -> Padding:
    """Of a pooling that leaves padding and overhang out of its windows, as PyTorch's do.

    PyTorch pads by half a kernel at most. Its upward rounding drops a last window that would start outside the image
    and its left padding, as Caffe's does.
    """
    own = window.pad.top, window.pad.left
    if all(2 * pad <= side for pad, side in zip(own, window.kernel, strict=True)):
        for ceil in (False, True):
            if _reaches(window, x, own, ceil):
                return Padding(own, ceil)
    return Padding((0, 0), before=window.effective_pad(x.height, x.width))


def exact_padding(window: Window, x: Shape) -> Pad:
    """What is laid around an image, or cut off it where negative, for the last window to end where the image does."""
    rows, columns = window.fit(x.height, x.width)
    pad = window.effective_pad(x.height, x.width)
    return pad._replace(right=pad.right - columns.unread, bottom=pad.bottom - rows.unread)


def _reaches(window: Window, x: Shape, own: tuple[int, int], ceil: bool) -> bool:
    wanted = tuple(axis.output for axis in window.fit(x.height, x.width))
    axes = zip(x[1:], own, window.extent, window.stride, strict=True)
    return tuple(_places(size, pad, extent, stride, ceil) for size, pad, extent, stride in axes) == wanted


def _places(size: int, pad: int, extent: int, stride: int, ceil: bool) -> int:
    """PyTorch's output size (``pooling_output_shape`` of ATen's ``Pool.h``)."""
    spare = size + 2 * pad - extent
    if spare < 0:
        return 0
    if not ceil:
        return spare // stride + 1
    places = -(-spare // stride) + 1
    return places - 1 if (places - 1) * stride >= size + pad else places
