"""LayerNorm and GroupNorm: normalisation by the mean and variance of a group of one image's channels.

N,C,H,W is read as N,G,C/G,H,W. LayerNorm has a mean for each group and position, GroupNorm one for each group.
"""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import GroupNorm, LayerNorm

from .call import Array, Call, Gradient, by_groups, per_channel


def groupnorm(op: GroupNorm, call: Call) -> Array:
    """(x - mean) / sqrt(variance + eps) with the biased variance, then scaled and shifted if affine."""
    y, _ = _normalised(op, call.x)
    if op.affine:
        weight, bias = (per_channel(p, call.x) for p in call.params)
        y = y * weight + bias
    return y


def groupnorm_back(op: GroupNorm, call: Call, y: Array, grad: Array) -> Gradient:
    """Through the mean and the variance as well.

    With z the normalised value and g = dL/dz, dL/dx = (g - mean(g) - z mean(g z)) / sqrt(variance + eps), where the
    means are over the numbers that are normalised together.
    """
    z, deviation = _normalised(op, call.x)
    others = (0, *range(2, call.x.ndim))
    by_params = ((grad * z).sum(axis=others), grad.sum(axis=others)) if op.affine else ()
    by_z = grad * per_channel(call.params[0], call.x) if op.affine else grad
    grouped_z, grouped, axes = by_groups(z, op.groups), by_groups(by_z, op.groups), _axes(op, call.x)
    means = grouped.mean(axis=axes, keepdims=True), (grouped * grouped_z).mean(axis=axes, keepdims=True)
    by_x = (grouped - means[0] - grouped_z * means[1]) / deviation
    return Gradient((by_x.reshape(call.x.shape),), by_params)


def _normalised(op: GroupNorm, x: Array) -> tuple[Array, Array]:
    """Return the normalised value, shaped like x, and sqrt(variance + eps), which broadcasts to the groups of x."""
    grouped, axes = by_groups(x, op.groups), _axes(op, x)
    deviation = np.sqrt(grouped.var(axis=axes, keepdims=True) + op.eps)
    z: Array = (grouped - grouped.mean(axis=axes, keepdims=True)) / deviation
    return z.reshape(x.shape), deviation


def _axes(op: GroupNorm, x: Array) -> tuple[int, ...]:
    """The axes of N,G,C/G,H,W over which means are taken."""
    return (2,) if isinstance(op, LayerNorm) else tuple(range(2, x.ndim + 1))
