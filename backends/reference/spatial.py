"""Pooling, Blur, Nailbed, Mirror, Crop, padding, resizing, RandomScale: of pixels, channel by channel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netspec.ir import ops
from netspec.ir.shape import Shape

from .call import Array, Call, Gradient
from .windows import columns, fold, slide, slide_back


def maxpool(op: ops.MaxPool, call: Call) -> Array:
    """The largest pixel of each window; padding and overhang are -infinity."""
    y: Array = columns(call.x, op.window, fill=-np.inf).max(axis=(2, 3))
    return y


def maxpool_back(op: ops.MaxPool, call: Call, y: Array, grad: Array) -> Gradient:
    """The largest pixel of each window gets the gradient, the first one of equals (argmax returns the first)."""
    n, c, height, width = call.x.shape
    patches = columns(call.x, op.window, fill=-np.inf)
    flat = patches.reshape(n, c, op.window.area, *grad.shape[2:])
    selected = np.arange(op.window.area)[:, None, None] == flat.argmax(axis=2, keepdims=True)
    return Gradient((fold((selected * grad[:, :, None]).reshape(patches.shape), op.window, height, width),))


def sumpool(op: ops.AvgPool | ops.SumPool, call: Call) -> Array:
    """The sum of each window's pixels, or the mean of those that are in the image."""
    total: Array = columns(call.x, op.window).sum(axis=(2, 3))
    return total / _divisors(op, call.x)


def sumpool_back(op: ops.AvgPool | ops.SumPool, call: Call, y: Array, grad: Array) -> Gradient:
    """Each pixel of a window gets the whole gradient, or the same share of it."""
    n, c, height, width = call.x.shape
    share = (grad / _divisors(op, call.x))[:, :, None, None]
    patches = np.broadcast_to(share, (n, c, *op.window.kernel, *grad.shape[2:]))
    return Gradient((fold(patches, op.window, height, width),))


def _divisors(op: ops.AvgPool | ops.SumPool, x: Array) -> Array:
    """Return how many pixels of the image each window covers, 1,1,OH,OW, for means, and 1 for sums."""
    if isinstance(op, ops.SumPool):
        return np.ones(1)
    counts: Array = columns(np.ones((1, 1, *x.shape[2:])), op.window).sum(axis=(2, 3))
    return counts


def maxabspool(op: ops.MaxAbsPool, call: Call) -> Array:
    """The pixel of largest magnitude in each window, the last one of equals; padding and overhang do not count."""
    total: Array = (columns(call.x, op.window) * _largest_magnitude(op, call.x)).sum(axis=(2, 3))
    return total


def maxabspool_back(op: ops.MaxAbsPool, call: Call, y: Array, grad: Array) -> Gradient:
    """The selected pixel gets the gradient."""
    height, width = call.x.shape[2:]
    return Gradient((fold(_largest_magnitude(op, call.x) * grad[:, :, None, None], op.window, height, width),))


def _largest_magnitude(op: ops.MaxAbsPool, x: Array) -> Array:
    """Return 1 at the pixel that each window selects and 0 at the others: N,C,KH,KW,OH,OW.

    argmax returns the first of equals, so it runs over the elements in reverse order to find the last.
    """
    magnitudes = columns(np.abs(x), op.window, fill=-1.0)
    flat = magnitudes.reshape(*x.shape[:2], op.window.area, *magnitudes.shape[4:])
    last = op.window.area - 1 - flat[:, :, ::-1].argmax(axis=2, keepdims=True)
    selected: Array = (np.arange(op.window.area)[:, None, None] == last).astype(np.float64)
    return selected.reshape(magnitudes.shape)


def blur(op: ops.Blur, call: Call) -> Array:
    """Convolve with a Gaussian along the axis of rows, then along that of columns."""
    rows = slide(call.x, 2, op.size // 2, _gaussian(op))
    return slide(rows, 3, op.size // 2, _gaussian(op))


def blur_back(op: ops.Blur, call: Call, y: Array, grad: Array) -> Gradient:
    """The two adjoints in reverse order."""
    rows = slide_back(grad, 3, op.size // 2, _gaussian(op))
    return Gradient((slide_back(rows, 2, op.size // 2, _gaussian(op)),))


def _gaussian(op: ops.Blur) -> Array:
    """exp(-(i - r)^2 / (2 stdev^2)) with r = size // 2, scaled to sum 1: (size,)."""
    distance = np.arange(op.size, dtype=np.float64) - op.size // 2
    unscaled = np.exp(-(distance**2) / (2 * op.stdev**2))
    weights: Array = unscaled / unscaled.sum()
    return weights


Picking = ops.Crop | ops.EdgePad | ops.Mirror | ops.Nailbed | ops.ReflectPad


def pick(op: Picking, call: Call) -> Array:
    """Rows and columns of the image: some, in reverse order, or the outer ones several times."""
    rows, cols = _picked(op, call.x)
    return call.x[:, :, rows][..., cols]


def pick_back(op: Picking, call: Call, y: Array, grad: Array) -> Gradient:
    """Each pixel gets the gradients of all its copies."""
    rows, cols = (np.eye(size)[places] for places, size in zip(_picked(op, call.x), call.x.shape[2:], strict=True))
    return Gradient((rows.T @ grad @ cols,))


def _picked(op: Picking, x: Array) -> tuple[list[int], list[int]]:
    """Return which rows and which columns of the image stand in those of the result."""
    height, width = x.shape[2:]
    rows, cols = list(range(height)), list(range(width))
    match op:
        case ops.Crop():
            return rows[op.top : op.top + op.height], cols[op.left : op.left + op.width]
        case ops.Mirror():
            return rows, cols[::-1]
        case ops.Nailbed():
            top, left = op.starts(Shape(*x.shape[1:]))
            return rows[top :: op.stride], cols[left :: op.stride]
        case _:
            left, right, top, bottom = op.pad
            down = [op.source(i, height) for i in range(-top, height + bottom)]
            return down, [op.source(i, width) for i in range(-left, width + right)]


def zero_pad(op: ops.ZeroPad, call: Call) -> Array:
    """Pad with zeros on both axes."""
    left, right, top, bottom = op.pad
    return np.pad(call.x, ((0, 0), (0, 0), (top, bottom), (left, right)))


def zero_pad_back(op: ops.ZeroPad, call: Call, y: Array, grad: Array) -> Gradient:
    """The part of the gradient that belongs to the image."""
    height, width = call.x.shape[2:]
    return Gradient((grad[:, :, op.pad.top : op.pad.top + height, op.pad.left : op.pad.left + width],))


Resampling = ops.BinPool | ops.Interpolate | ops.Resize | ops.Upsample


def resample(op: Resampling, call: Call) -> Array:
    """Interpolation, repetition or means of bins, as R x C^T: R is that of rows, C that of columns."""
    rows, cols = _matrices(op, call.x)
    y: Array = rows @ call.x @ cols.T
    return y


def resample_back(op: Resampling, call: Call, y: Array, grad: Array) -> Gradient:
    """R^T grad C."""
    rows, cols = _matrices(op, call.x)
    return Gradient((rows.T @ grad @ cols,))


def _matrices(op: Resampling, x: Array) -> tuple[Array, Array]:
    height, width = x.shape[2:]
    if isinstance(op, ops.BinPool):
        return _means(op.ranges(0, height), height), _means(op.ranges(1, width), width)
    if isinstance(op, ops.Resize):
        rows, cols = op.sampling_positions(height), op.sampling_positions(width)
    else:
        rows, cols = (tuple(map(float, op.sampling_positions(axis, x.shape[2 + axis]))) for axis in (0, 1))
    return _interpolation_weights(rows, height), _interpolation_weights(cols, width)


def random_scale(op: ops.RandomScale, call: Call) -> Array:
    """A square of the image at a random scale and position, by bilinear interpolation; in evaluation the middle."""
    if not call.training:
        return pick(op.centre_crop(call.x.shape[2]), call)
    rows, cols = _scale_matrices(op, call)
    y: Array = rows @ call.x @ cols.T
    return y


def random_scale_back(op: ops.RandomScale, call: Call, y: Array, grad: Array) -> Gradient:
    """R^T grad C."""
    if not call.training:
        return pick_back(op.centre_crop(call.x.shape[2]), call, y, grad)
    rows, cols = _scale_matrices(op, call)
    return Gradient((rows.T @ grad @ cols,))


def _scale_matrices(op: ops.RandomScale, call: Call) -> tuple[Array, Array]:
    if call.drawn is None:
        raise ValueError(f"{call.name} draws a size in training: it needs four numbers from 0 up to 1")
    side = call.x.shape[2]
    rows, cols = op.sampling_positions(side, call.drawn.tolist())
    return _interpolation_weights(rows, side), _interpolation_weights(cols, side)


def _means(bins: Sequence[range], size: int) -> Array:
    """Return the share of each pixel of an axis in the mean of each bin, (bins, size)."""
    shares = np.zeros((len(bins), size))
    for place, pixels in enumerate(bins):
        shares[place, pixels] = 1 / len(pixels)
    return shares


def _interpolation_weights(positions: Sequence[float], size: int) -> Array:
    """Return the linear interpolation weights of each position for each pixel of an axis, (positions, size)."""
    weights = np.zeros((len(positions), size))
    for output, position in enumerate(positions):
        first = int(position)
        weights[output, first] += 1 - (position - first)
        if position > first:
            weights[output, first + 1] += position - first
    return weights
