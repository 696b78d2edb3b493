"""Where a pooling's windows stand, as torch's own pooling takes it."""

from __future__ import annotations

from netspec.ir.window import Window
from netspec.passes.padding import Padding

Places = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int], bool]
"""Kernel, stride, padding, dilation, and whether the last window may overhang."""

ONE: Places = ((1, 1), (1, 1), (0, 0), (1, 1), False)
"""No pooling: windows of one pixel."""


def places_of(window: Window, padding: Padding) -> Places:
    """Those of a window, where what the padding lays around an image is around it already."""
    return window.kernel, window.stride, padding.own, window.dilation, padding.ceil
