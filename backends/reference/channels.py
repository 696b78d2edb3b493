"""Slice, Shuffle, PixelShuffle, PixelUnshuffle, ChannelMax, ChannelMean and ColourSpace: channels that are taken,
rearranged, reduced or mixed."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import ChannelMax, ChannelMean, ColourSpace, Shuffle, Slice
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix

from .call import Array, Call, Gradient, by_groups


def slice_channels(op: Slice, call: Call) -> Array:
    """The channels of each group that are taken: N,C,... is read as N,G,C/G,..."""
    x = by_groups(call.x, op.groups)
    first, count = op.of_group
    return _merged(x[:, :, first : first + count])


def slice_channels_back(op: Slice, call: Call, y: Array, grad: Array) -> Gradient:
    """The channels that are taken get the gradient, the others 0."""
    by_x = np.zeros_like(by_groups(call.x, op.groups))
    first, count = op.of_group
    by_x[:, :, first : first + count] = by_groups(grad, op.groups)
    return Gradient((_merged(by_x),))


def shuffle(op: Shuffle, call: Call) -> Array:
    """Transpose the groups and the channels of a group, within each share."""
    return _transposed(call.x, op.shares, op.groups)


def shuffle_back(op: Shuffle, call: Call, y: Array, grad: Array) -> Gradient:
    """Transpose back: the channels of a share are read as a matrix of C/G rows."""
    return Gradient((_transposed(grad, op.shares, grad.shape[1] // op.shares // op.groups),))


def _transposed(x: Array, shares: int, rows: int) -> Array:
    n, channels, *pixels = x.shape
    matrices = x.reshape(n, shares, rows, channels // shares // rows, *pixels)
    return matrices.swapaxes(2, 3).reshape(x.shape)


def spread(x: Array, r: int) -> Array:
    """Channels to the pixels of squares of side r."""
    n, channels, rows, columns = x.shape
    squares = x.reshape(n, channels // r**2, r, r, rows, columns)
    return squares.transpose(0, 1, 4, 2, 5, 3).reshape(n, channels // r**2, r * rows, r * columns)


def gathered(x: Array, r: int) -> Array:
    """The pixels of squares of side r to channels."""
    n, channels, rows, columns = x.shape
    squares = x.reshape(n, channels, rows // r, r, columns // r, r)
    return squares.transpose(0, 1, 3, 5, 2, 4).reshape(n, channels * r**2, rows // r, columns // r)


def channel_max(op: ChannelMax, call: Call) -> Array:
    """The maximum of each group of channels."""
    y: Array = by_groups(call.x, op.groups).max(axis=2)
    return y


def channel_max_back(op: ChannelMax, call: Call, y: Array, grad: Array) -> Gradient:
    """The largest channel of a group gets the gradient, the first one of equals (argmax returns the first)."""
    x = by_groups(call.x, op.groups)
    places = np.arange(x.shape[2]).reshape(1, 1, -1, *(1,) * (x.ndim - 3))
    return Gradient((_merged(grad[:, :, None] * (places == x.argmax(axis=2)[:, :, None])),))


def channel_mean(op: ChannelMean, call: Call) -> Array:
    """The mean of each group of channels."""
    y: Array = by_groups(call.x, op.groups).mean(axis=2)
    return y


def channel_mean_back(op: ChannelMean, call: Call, y: Array, grad: Array) -> Gradient:
    """Each channel of a group gets an equal part of the gradient."""
    each = call.x.shape[1] // op.groups
    return Gradient((np.repeat(grad, each, axis=1) / each,))


def _merged(x: Array) -> Array:
    n, groups, channels, *pixels = x.shape
    return x.reshape(n, groups * channels, *pixels)


def colourspace(op: ColourSpace, call: Call) -> Array:
    """YUV is a matrix product; L*a*b* is a matrix product, an element-wise function, and a second matrix product."""
    if op.to == "yuv":
        return _mix(YUV, call.x)
    y = _mix(LAB, _cube_root(_mix(XYZ, call.x)))
    y[:, 0] += op.offset
    return y


def colourspace_back(op: ColourSpace, call: Call, y: Array, grad: Array) -> Gradient:
    """The transposed matrices, and between them the derivative of the function."""
    if op.to == "yuv":
        return Gradient((_mix_back(YUV, grad),))
    t = _mix(XYZ, call.x)
    return Gradient((_mix_back(XYZ, _mix_back(LAB, grad) * _slope(t)),))


def _mix(matrix: Matrix, x: Array) -> Array:
    """Multiply the channels of each pixel by a matrix: N,3,H,W to N,3,H,W."""
    y: Array = np.einsum("oc,nchw->nohw", np.array(matrix), x)
    return y


def _mix_back(matrix: Matrix, grad: Array) -> Array:
    by_x: Array = np.einsum("oc,nohw->nchw", np.array(matrix), grad)
    return by_x


def _cube_root(t: Array) -> Array:
    """t^0.3333 above ``CUBE_ROOT_FROM``, else a linear function."""
    return np.where(t > CUBE_ROOT_FROM, np.maximum(t, CUBE_ROOT_FROM) ** EXPONENT, SLOPE * t + INTERCEPT)


def _slope(t: Array) -> Array:
    return np.where(t > CUBE_ROOT_FROM, EXPONENT * np.maximum(t, CUBE_ROOT_FROM) ** (EXPONENT - 1), SLOPE)
