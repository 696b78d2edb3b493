"""Sliding windows: the two-dimensional ones of convolutions and pools, and one-dimensional weighted sums.

Each linear map comes with its adjoint, which propagates gradients back through it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netspec.ir.window import Window

from .call import Array

Taps = Iterator[tuple[int, int, slice, slice]]


def columns(x: Array, window: Window, fill: float = 0.0) -> Array:
    """im2col: return the pixels of every window.

    x is N,C,H,W; the result is N,C,KH,KW,OH,OW. Its element [n, c, i, j, y, x] is the pixel under kernel element (i, j)
    of the window of output pixel (y, x). Padding and overhang are filled with ``fill``.
    """
    n, c, height, width = x.shape
    pad = window.effective_pad(height, width)
    padded = np.pad(x, ((0, 0), (0, 0), (pad.top, pad.bottom), (pad.left, pad.right)), constant_values=fill)
    out_height, out_width = _output_size(window, height, width)
    patches = np.empty((n, c, *window.kernel, out_height, out_width))
    for i, j, rows, cols in _taps(window, out_height, out_width):
        patches[:, :, i, j] = padded[:, :, rows, cols]
    return patches


def fold(patches: Array, window: Window, height: int, width: int) -> Array:
    """col2im, the adjoint of ``columns``: N,C,KH,KW,OH,OW to N,C,H,W.

    Each pixel gets the sum over all windows and kernel elements that read it. The sums of the padding are dropped.
    """
    n, c, _, _, out_height, out_width = patches.shape
    pad = window.effective_pad(height, width)
    padded = np.zeros((n, c, pad.top + height + pad.bottom, pad.left + width + pad.right))
    for i, j, rows, cols in _taps(window, out_height, out_width):
        padded[:, :, rows, cols] += patches[:, :, i, j]
    return padded[:, :, pad.top : pad.top + height, pad.left : pad.left + width]


def _output_size(window: Window, height: int, width: int) -> tuple[int, int]:
    rows, cols = window.fit(height, width)
    return rows.output, cols.output


def _taps(window: Window, out_height: int, out_width: int) -> Taps:
    """Yield each element (i, j) of the kernel with the rows and columns of the padded image that it reads."""
    for i in range(window.kernel[0]):
        for j in range(window.kernel[1]):
            yield i, j, _tap_slice(window, 0, i, out_height), _tap_slice(window, 1, j, out_width)


def _tap_slice(window: Window, axis: int, element: int, outputs: int) -> slice:
    start, stride = element * window.dilation[axis], window.stride[axis]
    return slice(start, start + stride * (outputs - 1) + 1, stride)


def slide(x: Array, axis: int, lower: int, weights: Array) -> Array:
    """Return weighted sums along one axis: out[i] = sum_t weights[t] x[i - lower + t], truncated at the borders.

    ``weights`` is (size,); the result is shaped like x.
    """
    x = np.moveaxis(x, axis, 0)
    length, out = len(x), np.zeros_like(x)
    for offset, weight in enumerate(weights, start=-lower):
        first, last = max(0, -offset), min(length, length - offset)
        if first < last:
            out[first:last] += weight * x[first + offset : last + offset]
    return np.moveaxis(out, 0, axis)


def slide_back(grad: Array, axis: int, lower: int, weights: Array) -> Array:
    """The adjoint of ``slide``: the same sum with the weights, and the extents before and after i, reversed."""
    return slide(grad, axis, len(weights) - 1 - lower, weights[::-1])
