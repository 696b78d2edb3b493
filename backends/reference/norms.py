"""Lrn, MapNorm and ContrastNorm: y = x D^-beta, where D = k + alpha S and S is the sum of u^2 in each unit's window.

They differ in u and in the window: Lrn sums over neighbouring channels of the same group, the other two over the size x
size pixels around each. u is x, and for ContrastNorm x minus the mean of the image pixels in the window.
"""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import ContrastNorm, Lrn, MapNorm

from .call import Array, Call, Gradient, by_groups
from .windows import slide, slide_back


def response_norm(op: Lrn | MapNorm, call: Call) -> Array:
    """See the module's docstring."""
    return call.x * _base(op, _centred(op, call.x)) ** -op.beta


def response_norm_back(op: Lrn | MapNorm, call: Call, y: Array, grad: Array) -> Gradient:
    """grad D^-beta, and the gradient through D: with q = dL/dD = -beta grad x D^(-beta-1), dL/du = 2 alpha u times the
    sum of q over the windows that contain u, which is the adjoint of the window sum.

    u = x - mean passes its gradient to x, and through the mean to all pixels in the window.
    """
    x, u = call.x, _centred(op, call.x)
    d = _base(op, u)
    q = -op.beta * grad * x * d ** (-op.beta - 1)
    by_u = 2 * op.alpha * u * _sums_back(op, q)
    by_x = grad * d**-op.beta + by_u
    if isinstance(op, ContrastNorm):
        by_x -= window_sums_back(op.size, by_u / window_sums(op.size, np.ones_like(x)))
    return Gradient((by_x,))


def _centred(op: Lrn | MapNorm, x: Array) -> Array:
    """Return u."""
    return x - window_sums(op.size, x) / window_sums(op.size, np.ones_like(x)) if isinstance(op, ContrastNorm) else x


def _base(op: Lrn | MapNorm, u: Array) -> Array:
    """Return D."""
    if isinstance(op, MapNorm):
        return op.k + op.alpha * window_sums(op.size, u**2)
    sums = slide(by_groups(u**2, op.groups), 2, op.size // 2, np.ones(op.size))
    return op.k + op.alpha * sums.reshape(u.shape)


def _sums_back(op: Lrn | MapNorm, q: Array) -> Array:
    """The adjoint of the window sum."""
    if isinstance(op, MapNorm):
        return window_sums_back(op.size, q)
    return slide_back(by_groups(q, op.groups), 2, op.size // 2, np.ones(op.size)).reshape(q.shape)


def window_sums(size: int, x: Array) -> Array:
    """Return the sum over the size x size window around each pixel, without pixels outside the image."""
    ones = np.ones(size)
    return slide(slide(x, 2, size // 2, ones), 3, size // 2, ones)


def window_sums_back(size: int, grad: Array) -> Array:
    """The adjoint of ``window_sums``."""
    ones = np.ones(size)
    return slide_back(slide_back(grad, 3, size // 2, ones), 2, size // 2, ones)
