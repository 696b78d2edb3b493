"""The arguments of torch's pooling functions that describe a window."""

from __future__ import annotations

from netspec.ir.window import Window
from netspec.passes.padding import Padding

PoolArgs = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int], bool]
"""Kernel, stride, padding, dilation, and whether the last window may overhang (``ceil_mode``)."""

NO_POOLING: PoolArgs = ((1, 1), (1, 1), (0, 0), (1, 1), False)
"""Windows of one pixel: no pooling."""


def pool_args(window: Window, padding: Padding) -> PoolArgs:
    """Return the arguments for a window, given an image to which ``padding.image_pad`` has already been applied."""
    return window.kernel, window.stride, padding.op_pad, window.dilation, padding.ceil_mode
