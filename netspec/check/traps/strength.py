"""Estimate the strength of the signal in a freshly initialised network, value by value.

The measure is the root mean square of a value's units. A unit that sums n products of inputs and weights drawn
independently around 0 has the mean square n E[x^2] E[w^2] (He et al., 2015, section 2.2); a ReLU halves it.

The estimate is never NaN, and what is too large for a float is infinite. Squares are written as products, because
products overflow to infinity where ``**`` raises.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from netspec.ir import ops
from netspec.ir.distribution import Bilinear, Constant, Distribution, Normal
from netspec.ir.graph import Graph, Node
from netspec.ir.settings import Preprocessing

_WEIGHTED = (ops.Connected, ops.ChannelScale, ops.Bias)
_SPREAD = 1 / 4
"""The standard deviation of natural images' pixels, as a share of the range (about 60 of 255)."""


def strengths(graph: Graph) -> dict[str, float]:
    """Return the root mean square of each node's initial output, from 0 to infinity."""
    squares: dict[str, float] = {}
    for node in graph.nodes.values():
        reads = [squares[name] for name in node.inputs]
        square = _output_square(graph, node, reads) if reads else _input_square(graph.preprocessing)
        # Infinity times 0 occurs only after a value that float32 cannot hold.
        squares[node.name] = math.inf if math.isnan(square) else square
    return {name: math.sqrt(square) for name, square in squares.items()}


def _input_square(preprocessing: Preprocessing) -> float:
    given = preprocessing
    spread = _SPREAD * given.range
    means = given.mean if isinstance(given.mean, tuple) else (0.0 if given.mean == "none" else given.range / 2,)
    offset = given.range / 2 - sum(means) / len(means)
    square = spread * spread + offset * offset
    if isinstance(given.std, tuple):
        return square * sum(1 / (std * std) for std in given.std) / len(given.std)
    return square if given.std == "none" else square / (spread * spread)


def _output_square(graph: Graph, node: Node, reads: list[float]) -> float:
    """The mean square of an operation's output, from those of its inputs."""
    op, x = node.op, reads[0]
    if isinstance(op, _WEIGHTED):
        return _weighted_square(graph, node, x)
    if isinstance(op, ops.PRelu):
        return x / 2 * (1 + mean_square(graph.parameters[node.params[0]].distribution))
    if isinstance(op, ops.Sum):
        return sum(reads)
    if isinstance(op, ops.Product):
        return math.prod(reads)
    if isinstance(op, ops.BatchNorm | ops.GroupNorm | ops.Softmax | ops.Loss):
        return 1.0
    square = _SQUARES.get(type(op))
    return max(reads) if square is None else square(op, x)


def _power(base: float, exponent: float) -> float:
    """``base`` to the power ``exponent``, for a base of at least 0; infinity if a float cannot hold it."""
    try:
        return math.pow(base, exponent)
    except (OverflowError, ValueError):  # too large; 0 to a negative power
        return math.inf


_SQUARES: Mapping[type[ops.Op], Callable[[Any, float], float]] = {
    ops.Relu: lambda op, x: x / 2,
    ops.Relu6: lambda op, x: min(x, op.top * op.top) / 2,
    ops.NoisyRelu: lambda op, x: x / 2 * (1 + op.std * op.std),
    ops.LeakyRelu: lambda op, x: x / 2 * (1 + op.slope * op.slope),
    ops.Elu: lambda op, x: x / 2 + op.alpha * op.alpha * min(x, 1.0) / 2,
    # Linear with slope 1/2 for small numbers, like ReLU for large ones; Mish's slope is 0.6.
    **dict.fromkeys((ops.Silu, ops.Gelu, ops.HardSwish), lambda op, x: x / 2 * (1 - 1 / (2 + 2 * x))),
    ops.Mish: lambda op, x: x / 2 * (1 - 0.28 / (1 + 2 * x)),
    ops.SoftRelu: lambda op, x: 0.48 + x / 2,  # log(2)^2 for small numbers, like ReLU for large ones
    ops.Tanh: lambda op, x: min(op.a * op.a, op.a * op.b * (op.a * op.b) * x),
    ops.Logistic: lambda op, x: 0.25 + min(x / 16, 0.25),
    ops.HardSigmoid: lambda op, x: 0.25 + min(x / 36, 0.25),
    ops.Square: lambda op, x: 3 * x * x,
    ops.LinearNeuron: lambda op, x: op.a * op.a * x + op.b * op.b,
    ops.Lrn: lambda op, x: x * _power(op.k + op.alpha * op.size * x, -2 * op.beta),
}
"""The mean square of the output, from that of the input, of operations that change it without weights. Others keep
it."""


def _weighted_square(graph: Graph, node: Node, x: float) -> float:
    total = x if isinstance(node.op, ops.Bias) else 0.0
    shapes = graph.shapes(node)
    params = node.op.params(shapes, node.output)
    for key, shape in zip(node.params, params, strict=True):
        mean = mean_square(graph.parameters[key].distribution)
        total += shape.fan_in * x * mean if shape.role == "weight" else mean
    return total


def mean_square(distribution: Distribution) -> float:
    """The mean square of a distribution."""
    if isinstance(distribution, Constant):
        return distribution.value * distribution.value
    if isinstance(distribution, Normal):
        return distribution.mean * distribution.mean + distribution.std * distribution.std
    if isinstance(distribution, Bilinear):
        return distribution.mean_square
    low, high = distribution.low, distribution.high
    return (low * low + low * high + high * high) / 3
