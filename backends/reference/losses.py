"""The losses: scores (N, classes) and class numbers (N,) to one number; SumSquares any value (N, ...).

Each is the mean over the images, without the loss's weight in the sum of all losses. The value has shape ().
"""

from __future__ import annotations

import numpy as np

from netspec.ir.ops import BinaryCrossEntropy, CauchyError, CrossEntropy, SquaredError, SumSquares

from .call import Array, Call, Gradient
from .joins import softmax_of
from .neurons import sigmoid


def cross_entropy(op: CrossEntropy, call: Call) -> Array:
    """log sum e^x - x[class]."""
    largest = call.x.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(call.x - largest).sum(axis=1, keepdims=True)) + largest
    return _mean((log_sum - call.x) * _targets(call))


def cross_entropy_back(op: CrossEntropy, call: Call, y: Array, grad: Array) -> Gradient:
    """softmax(x) - t for each image."""
    return _shared(call, grad, softmax_of(call.x) - _targets(call))


def binary_cross_entropy(op: BinaryCrossEntropy, call: Call) -> Array:
    """-log p is log(1 + e^-x), -log(1 - p) is log(1 + e^x); w weighs the first."""
    t = _targets(call)
    return _mean(op.positive * t * np.logaddexp(0.0, -call.x) + (1 - t) * np.logaddexp(0.0, call.x))


def binary_cross_entropy_back(op: BinaryCrossEntropy, call: Call, y: Array, grad: Array) -> Gradient:
    """(1 - t) p - w t (1 - p) for each image."""
    t, p = _targets(call), sigmoid(call.x)
    return _shared(call, grad, (1 - t) * p - op.positive * t * (1 - p))


def squared_error(op: SquaredError, call: Call) -> Array:
    """The sum of (x - t)^2."""
    return _mean((call.x - _targets(call)) ** 2)


def squared_error_back(op: SquaredError, call: Call, y: Array, grad: Array) -> Gradient:
    """2 (x - t) for each image."""
    return _shared(call, grad, 2 * (call.x - _targets(call)))


def cauchy_error(op: CauchyError, call: Call) -> Array:
    """The sum of log(1 + (x - t)^2)."""
    return _mean(np.log1p((call.x - _targets(call)) ** 2))


def cauchy_error_back(op: CauchyError, call: Call, y: Array, grad: Array) -> Gradient:
    """2 d / (1 + d^2), d = x - t, for each image."""
    d = call.x - _targets(call)
    return _shared(call, grad, 2 * d / (1 + d**2))


def sum_squares(op: SumSquares, call: Call) -> Array:
    """The sum of x^2."""
    return _mean(call.x**2)


def sum_squares_back(op: SumSquares, call: Call, y: Array, grad: Array) -> Gradient:
    """2 x for each image."""
    return _shared(call, grad, 2 * call.x)


def _targets(call: Call) -> Array:
    """t: 1 for the image's class, else 0; shaped like the scores.

    Raises
    ------
    ValueError
        There are no labels, or they are not one class number per image.
    """
    images, classes = call.x.shape
    if call.labels is None:
        raise ValueError(f"{call.name} is a loss: it needs labels")
    if call.labels.shape != (images,):
        raise ValueError(f"{call.name} needs {images} labels, and has {call.labels.shape}")
    if not np.isin(call.labels, np.arange(classes)).all():
        raise ValueError(f"{call.name} has {classes} classes: labels run from 0 to {classes - 1}")
    targets: Array = np.eye(classes)[call.labels]
    return targets


def _mean(terms: Array) -> Array:
    """Summed over the classes or units, averaged over the images: (N, ...) to ()."""
    return np.asarray(terms.sum() / len(terms))


def _shared(call: Call, grad: Array, by_x: Array) -> Gradient:
    """Each image has 1/N of the mean."""
    return Gradient((grad * by_x / len(call.x),))
