"""Neurons: element-wise functions, each with its slope."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from netspec.ir import ops

from .call import Array, Call, Gradient


def sigmoid(x: Array) -> Array:
    """1 / (1 + e^-x), computed without overflow."""
    e: Array = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, e) / (1 + e)


def normal_cdf(x: Array) -> Array:
    """(1 + erf(x / sqrt 2)) / 2: the probability that a standard normal number is at most x."""
    erf: Array = np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))
    return (1 + erf) / 2


class Function(NamedTuple):
    """A function of each number x: ``value(op, x)`` is y, and ``slope(op, x, y)`` its derivative at x."""

    value: Callable[[Any, Array], Any]
    slope: Callable[[Any, Array, Array], Any]

    def forward(self, op: ops.Op, call: Call) -> Array:
        """Return the values of the input's numbers."""
        y: Array = self.value(op, call.x)
        return y

    def backward(self, op: ops.Op, call: Call, y: Array, grad: Array) -> Gradient:
        """Return the gradient times the slopes."""
        return Gradient((grad * self.slope(op, call.x, y),))


def _silu_slope(op: ops.Silu, x: Array, y: Array) -> Array:
    s = sigmoid(x)
    return s + x * s * (1 - s)


def _mish_slope(op: ops.Mish, x: Array, y: Array) -> Array:
    t = np.tanh(np.logaddexp(0, x))
    slope: Array = t + x * (1 - t**2) * sigmoid(x)
    return slope


def _gelu_slope(op: ops.Gelu, x: Array, y: Array) -> Array:
    """P(X <= x) + x p(x), with the density p of the standard normal distribution."""
    return normal_cdf(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


FUNCTIONS: Mapping[type[ops.Op], Function] = {
    ops.Relu: Function(lambda op, x: np.maximum(x, 0.0), lambda op, x, y: x > 0),
    ops.Relu6: Function(lambda op, x: np.clip(x, 0.0, op.top), lambda op, x, y: (x > 0) & (x < op.top)),
    ops.LeakyRelu: Function(
        lambda op, x: np.where(x > 0, x, op.slope * x),
        lambda op, x, y: np.where(x > 0, 1.0, op.slope),
    ),
    ops.Elu: Function(
        lambda op, x: np.where(x > 0, x, op.alpha * np.expm1(np.minimum(x, 0.0))),
        lambda op, x, y: np.where(x > 0, 1.0, op.alpha * np.exp(np.minimum(x, 0.0))),
    ),
    ops.Silu: Function(lambda op, x: x * sigmoid(x), _silu_slope),
    ops.Mish: Function(lambda op, x: x * np.tanh(np.logaddexp(0, x)), _mish_slope),
    ops.Gelu: Function(lambda op, x: x * normal_cdf(x), _gelu_slope),
    ops.HardSigmoid: Function(
        lambda op, x: np.clip(x + 3, 0.0, 6.0) / 6,
        lambda op, x, y: (np.abs(x) < 3) / 6,
    ),
    ops.HardSwish: Function(
        lambda op, x: x * np.clip(x + 3, 0.0, 6.0) / 6,
        lambda op, x, y: np.where(x <= -3, 0.0, np.where(x < 3, x / 3 + 0.5, 1.0)),
    ),
    ops.Tanh: Function(
        lambda op, x: op.a * np.tanh(op.b * x),
        lambda op, x, y: op.a * op.b * (1 - np.tanh(op.b * x) ** 2),
    ),
    ops.Logistic: Function(lambda op, x: sigmoid(x), lambda op, x, y: y * (1 - y)),
    ops.SoftRelu: Function(
        lambda op, x: np.where(x > op.linear_above, x, np.logaddexp(0.0, x)),
        lambda op, x, y: np.where(x > op.linear_above, 1.0, sigmoid(x)),
    ),
    ops.Abs: Function(lambda op, x: np.abs(x), lambda op, x, y: np.sign(x)),
    ops.Square: Function(lambda op, x: x**2, lambda op, x, y: 2 * x),
    ops.Sqrt: Function(lambda op, x: np.sqrt(x), lambda op, x, y: 1 / (2 * y)),
    ops.Log: Function(lambda op, x: np.log(op.a + x), lambda op, x, y: 1 / (op.a + x)),
    ops.LinearNeuron: Function(lambda op, x: op.a * x + op.b, lambda op, x, y: op.a),
}
"""All neurons but ``NoisyRelu``, which also reads random numbers."""


def noisy_relu(op: ops.NoisyRelu, call: Call) -> Array:
    """max(0, r + std r z) with r = max(0, x) and the noise z of the call."""
    if call.drawn is None:
        raise ValueError(f"{call.name} adds noise: it needs some")
    r = np.maximum(call.x, 0.0)
    return np.maximum(r + op.std * r * call.drawn, 0.0)


def noisy_relu_back(op: ops.NoisyRelu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 where y > 0, else 0.

    This is not the exact derivative: the noise, which grows with x, is treated as an added constant.
    """
    return Gradient((grad * (y > 0),))
