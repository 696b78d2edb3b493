"""Slice and Shuffle: channels that are taken or rearranged."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import Shuffle, Slice
from netspec.ir.shape import Shape

from .call import Array, Call, Gradient


def slice_channels(op: Slice, call: Call) -> Array:
    """The channels of each group that are taken: N,C,... is read as N,G,C/G,..."""
    x = _by_groups(call.x, op.groups)
    first, count, _ = op.of_group(Shape(*call.x.shape[1:]))
    return _merged(x[:, :, first : first + count])


def slice_channels_back(op: Slice, call: Call, y: Array, grad: Array) -> Gradient:
    """The channels that are taken get the gradient, the others 0."""
    by_x = np.zeros_like(_by_groups(call.x, op.groups))
    first, count, _ = op.of_group(Shape(*call.x.shape[1:]))
    by_x[:, :, first : first + count] = _by_groups(grad, op.groups)
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


def _by_groups(x: Array, groups: int) -> Array:
    return x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])


def _merged(x: Array) -> Array:
    n, groups, channels, *pixels = x.shape
    return x.reshape(n, groups * channels, *pixels)
