"""ColourSpace: convert the RGB channels of each pixel to YUV or L*a*b*."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import ColourSpace
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix

from .call import Array, Call, Gradient


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
