"""Neurons: element-wise functions, each followed by its gradient."""

from __future__ import annotations

import math

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


def relu(op: ops.Relu, call: Call) -> Array:
    """max(0, x)."""
    return np.maximum(call.x, 0.0)


def relu_back(op: ops.Relu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 above 0, else 0."""
    return Gradient((grad * (call.x > 0),))


def relu6(op: ops.Relu6, call: Call) -> Array:
    """min(max(0, x), 6)."""
    return np.clip(call.x, 0.0, op.top)


def relu6_back(op: ops.Relu6, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 between 0 and 6, else 0."""
    return Gradient((grad * ((call.x > 0) & (call.x < op.top)),))


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


def leaky_relu(op: ops.LeakyRelu, call: Call) -> Array:
    """x above 0, else ``op.slope`` x."""
    return np.where(call.x > 0, call.x, op.slope * call.x)


def leaky_relu_back(op: ops.LeakyRelu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 above 0, else ``op.slope``."""
    return Gradient((grad * np.where(call.x > 0, 1.0, op.slope),))


def elu(op: ops.Elu, call: Call) -> Array:
    """x above 0, else alpha (e^x - 1)."""
    return np.where(call.x > 0, call.x, op.alpha * np.expm1(np.minimum(call.x, 0.0)))


def elu_back(op: ops.Elu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 above 0, else alpha e^x."""
    return Gradient((grad * np.where(call.x > 0, 1.0, op.alpha * np.exp(np.minimum(call.x, 0.0))),))


def silu(op: ops.Silu, call: Call) -> Array:
    """x / (1 + e^-x)."""
    return call.x * sigmoid(call.x)


def silu_back(op: ops.Silu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope s + x s (1 - s) with s = 1 / (1 + e^-x)."""
    s = sigmoid(call.x)
    return Gradient((grad * (s + call.x * s * (1 - s)),))


def mish(op: ops.Mish, call: Call) -> Array:
    """x tanh(log(1 + e^x))."""
    y: Array = call.x * np.tanh(np.logaddexp(0, call.x))
    return y


def mish_back(op: ops.Mish, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope t + x (1 - t^2) / (1 + e^-x) with t = tanh(log(1 + e^x))."""
    t = np.tanh(np.logaddexp(0, call.x))
    return Gradient((grad * (t + call.x * (1 - t**2) * sigmoid(call.x)),))


def gelu(op: ops.Gelu, call: Call) -> Array:
    """x times the probability that a standard normal number is at most x."""
    return call.x * normal_cdf(call.x)


def gelu_back(op: ops.Gelu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope P(X <= x) + x p(x), with the density p of the standard normal distribution."""
    density = np.exp(-(call.x**2) / 2) / math.sqrt(2 * math.pi)
    return Gradient((grad * (normal_cdf(call.x) + call.x * density),))


def hard_sigmoid(op: ops.HardSigmoid, call: Call) -> Array:
    """min(max(0, x + 3), 6) / 6."""
    return np.clip(call.x + 3, 0.0, 6.0) / 6


def hard_sigmoid_back(op: ops.HardSigmoid, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1/6 between -3 and 3, else 0."""
    return Gradient((grad * (np.abs(call.x) < 3) / 6,))


def hard_swish(op: ops.HardSwish, call: Call) -> Array:
    """x min(max(0, x + 3), 6) / 6."""
    return call.x * np.clip(call.x + 3, 0.0, 6.0) / 6


def hard_swish_back(op: ops.HardSwish, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 0 up to -3, x / 3 + 1/2 between -3 and 3, and 1 from 3 on."""
    return Gradient((grad * np.where(call.x <= -3, 0.0, np.where(call.x < 3, call.x / 3 + 0.5, 1.0)),))


def tanh(op: ops.Tanh, call: Call) -> Array:
    """a tanh(b x)."""
    return op.a * np.tanh(op.b * call.x)


def tanh_back(op: ops.Tanh, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope a b (1 - tanh(b x)^2)."""
    return Gradient((grad * op.a * op.b * (1 - np.tanh(op.b * call.x) ** 2),))


def logistic(op: ops.Logistic, call: Call) -> Array:
    """1 / (1 + e^-x)."""
    return sigmoid(call.x)


def logistic_back(op: ops.Logistic, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope y (1 - y)."""
    return Gradient((grad * y * (1 - y),))


def softrelu(op: ops.SoftRelu, call: Call) -> Array:
    """log(1 + e^x), or x above ``op.linear_above``."""
    return np.where(call.x > op.linear_above, call.x, np.logaddexp(0.0, call.x))


def softrelu_back(op: ops.SoftRelu, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 / (1 + e^-x), or 1 above ``op.linear_above``."""
    return Gradient((grad * np.where(call.x > op.linear_above, 1.0, sigmoid(call.x)),))


def absolute(op: ops.Abs, call: Call) -> Array:
    """|x|."""
    return np.abs(call.x)


def absolute_back(op: ops.Abs, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope -1, 0 or 1."""
    return Gradient((grad * np.sign(call.x),))


def square(op: ops.Square, call: Call) -> Array:
    """x^2."""
    return call.x**2


def square_back(op: ops.Square, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 2 x."""
    return Gradient((grad * 2 * call.x,))


def root(op: ops.Sqrt, call: Call) -> Array:
    """The square root of x."""
    y: Array = np.sqrt(call.x)
    return y


def root_back(op: ops.Sqrt, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 / (2 sqrt x)."""
    return Gradient((grad / (2 * y),))


def log(op: ops.Log, call: Call) -> Array:
    """log(a + x)."""
    y: Array = np.log(op.a + call.x)
    return y


def log_back(op: ops.Log, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope 1 / (a + x)."""
    return Gradient((grad / (op.a + call.x),))


def linear_neuron(op: ops.LinearNeuron, call: Call) -> Array:
    """a x + b."""
    return op.a * call.x + op.b


def linear_neuron_back(op: ops.LinearNeuron, call: Call, y: Array, grad: Array) -> Gradient:
    """Slope a."""
    return Gradient((grad * op.a,))
