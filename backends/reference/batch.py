"""BatchNorm and Dropout, which behave differently in training and in evaluation."""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import BatchNorm, Dropout

from .call import Array, Call, Gradient, Statistics, per_channel


def batchnorm(op: BatchNorm, call: Call) -> Array:
    """(x - mean) / sqrt(variance + eps) per channel, scaled and shifted by the parameters, (C,) each, if affine."""
    normal = _normalised(op, call)
    if not op.affine:
        return normal
    weight, bias = call.params
    return normal * per_channel(weight, call.x) + per_channel(bias, call.x)


def batchnorm_back(op: BatchNorm, call: Call, y: Array, grad: Array) -> Gradient:
    """Return the gradients; in training they include those through the batch's mean and variance.

    With z the normalised value and g = dL/dz, dL/dx = (g - mean(g) - z mean(g z)) / sqrt(variance + eps), where the
    means are over the batch and its pixels (Ioffe & Szegedy, section 3). In evaluation the statistics are constants.
    """
    z, axes = _normalised(op, call), _reduced_axes(call.x)
    by_params = ((grad * z).sum(axis=axes), grad.sum(axis=axes)) if op.affine else ()
    by_z = grad * per_channel(call.params[0], call.x) if op.affine else grad
    if call.training:
        by_z = by_z - by_z.mean(axis=axes, keepdims=True) - z * (by_z * z).mean(axis=axes, keepdims=True)
    deviation = np.sqrt(_statistics(call).variance + op.eps)
    return Gradient((by_z / per_channel(deviation, call.x),), by_params)


def updated_statistics(op: BatchNorm, call: Call) -> Statistics:
    """Return the running statistics after a training step: (1 - momentum) old + momentum batch.

    The batch variance used here is unbiased: with n numbers per channel, n / (n - 1) times the biased one.

    Raises
    ------
    ValueError
        The batch has a single number per channel, whose variance is undefined.
    """
    count = call.x.size // call.x.shape[1]
    if count < 2:
        raise ValueError(f"{call.name} normalises over the batch: it needs more than one number per channel")
    batch, old = _statistics(call), _running_statistics(call)
    return Statistics(
        (1 - op.momentum) * old.mean + op.momentum * batch.mean,
        (1 - op.momentum) * old.variance + op.momentum * batch.variance * count / (count - 1),
    )


def _statistics(call: Call) -> Statistics:
    """Return what normalises x: the batch's mean and biased variance in training, else the running statistics."""
    if not call.training:
        return _running_statistics(call)
    axes = _reduced_axes(call.x)
    return Statistics(call.x.mean(axis=axes), call.x.var(axis=axes))


def _running_statistics(call: Call) -> Statistics:
    if call.statistics is None:
        raise ValueError(f"{call.name} needs running statistics")
    return call.statistics


def _normalised(op: BatchNorm, call: Call) -> Array:
    mean, variance = _statistics(call)
    z: Array = (call.x - per_channel(mean, call.x)) / np.sqrt(per_channel(variance, call.x) + op.eps)
    return z


def _reduced_axes(x: Array) -> tuple[int, ...]:
    """Return all axes except that of the channels."""
    return (0, *range(2, x.ndim))


def dropout(op: Dropout, call: Call) -> Array:
    """x times the mask given in training. With ``scaling="test"``, x times 1 - rate in evaluation."""
    return call.x * _factor(op, call)


def dropout_back(op: Dropout, call: Call, y: Array, grad: Array) -> Gradient:
    """The gradient times the same factor."""
    return Gradient((grad * _factor(op, call),))


def _factor(op: Dropout, call: Call) -> Array | float:
    if not call.training:
        return 1 - op.rate if op.scaling == "test" else 1.0
    if call.drawn is None:
        raise ValueError(f"{call.name} drops units in training: it needs a mask")
    return call.drawn / (1 - op.rate) if op.scaling == "train" else call.drawn
