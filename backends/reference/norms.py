"""Lrn, MapNorm and ContrastNorm: y = x D^-beta, where D = k + alpha S and S is the sum of u^2 in each unit's window.

They differ in u and in the window: Lrn sums over neighbouring channels, the other two over neighbouring pixels. In all
three, dL/dx has the term grad D^-beta, and the gradient through D. With q = dL/dD = -beta grad x D^(-beta-1),
dL/du = 2 alpha u times the sum of q over the windows that contain u, which is the adjoint of the window sum.
"""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import ContrastNorm, Lrn, MapNorm

from .call import Array, Call, Gradient
from .windows import slide, slide_back


def lrn(op: Lrn, call: Call) -> Array:
    """u = x, and windows are channels of the same group: N,C,H,W is read as N,G,C/G,H,W."""
    x = _by_groups(op, call.x)
    return (x * _channel_base(op, x) ** -op.beta).reshape(call.x.shape)


def lrn_back(op: Lrn, call: Call, y: Array, grad: Array) -> Gradient:
    """See the module's docstring, with u = x."""
    x, grad = _by_groups(op, call.x), _by_groups(op, grad)
    d = _channel_base(op, x)
    q = -op.beta * grad * x * d ** (-op.beta - 1)
    by_x = grad * d**-op.beta + 2 * op.alpha * x * slide_back(q, 2, op.size // 2, np.ones(op.size))
    return Gradient((by_x.reshape(call.x.shape),))


def _by_groups(op: Lrn, x: Array) -> Array:
    n, c, height, width = x.shape
    return x.reshape(n, op.groups, c // op.groups, height, width)


def _channel_base(op: Lrn, x: Array) -> Array:
    return op.k + op.alpha * slide(x**2, 2, op.size // 2, np.ones(op.size))


def mapnorm(op: MapNorm, call: Call) -> Array:
    """u = x, and windows are size x size pixels of the same channel."""
    return call.x * _pixel_base(op, call.x) ** -op.beta


def mapnorm_back(op: MapNorm, call: Call, y: Array, grad: Array) -> Gradient:
    """See the module's docstring, with u = x."""
    x, d = call.x, _pixel_base(op, call.x)
    q = -op.beta * grad * x * d ** (-op.beta - 1)
    return Gradient((grad * d**-op.beta + 2 * op.alpha * x * window_sums_back(op.size, q),))


def contrastnorm(op: ContrastNorm, call: Call) -> Array:
    """Like MapNorm, with u = x minus the mean of the image pixels in the window."""
    return call.x * _pixel_base(op, _contrast(op, call.x)) ** -op.beta


def contrastnorm_back(op: ContrastNorm, call: Call, y: Array, grad: Array) -> Gradient:
    """The exact gradient: u = x - mean passes its gradient to x, and through the mean to all pixels in the window."""
    x, u = call.x, _contrast(op, call.x)
    d = _pixel_base(op, u)
    q = -op.beta * grad * x * d ** (-op.beta - 1)
    by_u = 2 * op.alpha * u * window_sums_back(op.size, q)
    through_mean = window_sums_back(op.size, by_u / window_sums(op.size, np.ones_like(x)))
    return Gradient((grad * d**-op.beta + by_u - through_mean,))


def _contrast(op: ContrastNorm, x: Array) -> Array:
    """Return x minus the mean of the image pixels in each window."""
    return x - window_sums(op.size, x) / window_sums(op.size, np.ones_like(x))


def _pixel_base(op: MapNorm, u: Array) -> Array:
    return op.k + op.alpha * window_sums(op.size, u**2)


def window_sums(size: int, x: Array) -> Array:
    """Return the sum over the size x size window around each pixel, without pixels outside the image."""
    ones = np.ones(size)
    return slide(slide(x, 2, size // 2, ones), 3, size // 2, ones)


def window_sums_back(size: int, grad: Array) -> Array:
    """The adjoint of ``window_sums``."""
    ones = np.ones(size)
    return slide_back(slide_back(grad, 3, size // 2, ones), 2, size // 2, ones)
