"""Input, Concat, Sum, Max, Product, Flatten, Reshape and Softmax."""

from __future__ import annotations

import math

import numpy as np

from netspec.ir.ops import Concat, Flatten, Input, Max, Product, Reshape, Softmax, Sum

from .call import Array, Call, Gradient, by_groups


def network_input(op: Input, call: Call) -> Array:
    """The images of the run."""
    return call.x


def network_input_back(op: Input, call: Call, y: Array, grad: Array) -> Gradient:
    """No gradients, because the input reads no other value."""
    return Gradient(())


def concat(op: Concat, call: Call) -> Array:
    """Concatenate the channels of each group: the inputs are read as N,G,C/G,..."""
    joined = np.concatenate([by_groups(x, op.groups) for x in call.inputs], axis=2)
    n, groups, channels, *pixels = joined.shape
    return joined.reshape(n, groups * channels, *pixels)


def concat_back(op: Concat, call: Call, y: Array, grad: Array) -> Gradient:
    """Split the gradient where the inputs were joined."""
    ends = np.cumsum([x.shape[1] // op.groups for x in call.inputs])
    parts = np.split(by_groups(grad, op.groups), ends[:-1], axis=2)
    return Gradient(tuple(part.reshape(x.shape) for part, x in zip(parts, call.inputs, strict=True)))


def add(op: Sum, call: Call) -> Array:
    """The sum of all inputs."""
    total: Array = np.stack(call.inputs).sum(axis=0)
    return total


def add_back(op: Sum, call: Call, y: Array, grad: Array) -> Gradient:
    """Each input gets the whole gradient."""
    return Gradient((grad,) * len(call.inputs))


def largest(op: Max, call: Call) -> Array:
    """The element-wise maximum of all inputs."""
    y: Array = np.stack(call.inputs).max(axis=0)
    return y


def largest_back(op: Max, call: Call, y: Array, grad: Array) -> Gradient:
    """The largest input gets the gradient, the first one of equals (argmax returns the first)."""
    winner = np.stack(call.inputs).argmax(axis=0)
    return Gradient(tuple(grad * (winner == i) for i in range(len(call.inputs))))


def product(op: Product, call: Call) -> Array:
    """The element-wise product of all inputs."""
    first, *others = _factors(call)
    return _multiplied(first, others)


def product_back(op: Product, call: Call, y: Array, grad: Array) -> Gradient:
    """Each input gets the gradient times the product of the others, summed over what it multiplies."""
    factors = _factors(call)
    products = [_multiplied(grad, factors[:i] + factors[i + 1 :]) for i in range(len(factors))]
    return Gradient(tuple(_summed_to(x.shape, part) for x, part in zip(call.inputs, products, strict=True)))


def _multiplied(start: Array, factors: list[Array]) -> Array:
    y = start
    for x in factors:
        y = y * x
    return y


def _factors(call: Call) -> list[Array]:
    """The inputs with as many dimensions as the largest: a vector next to images is N,C,1,1."""
    dims = max(x.ndim for x in call.inputs)
    return [x.reshape(*x.shape, *(1,) * (dims - x.ndim)) for x in call.inputs]


def _summed_to(shape: tuple[int, ...], part: Array) -> Array:
    """Sum the pixels of N,C,H,W if ``shape`` has one number for each channel, the channels if it has one channel."""
    sizes = (*shape, *(1,) * (part.ndim - len(shape)))
    total: Array = part.sum(axis=tuple(axis for axis, size in enumerate(sizes) if size != part.shape[axis]))
    return total.reshape(shape)


def flatten(op: Flatten, call: Call) -> Array:
    """N,C,H,W to N,C*H*W."""
    return call.x.reshape(len(call.x), math.prod(call.x.shape[1:]))


def reshape(op: Reshape, call: Call) -> Array:
    """Reshape N,... to N, ``op.size``."""
    return call.x.reshape(len(call.x), *op.size)


def reshape_back(op: Flatten | Reshape, call: Call, y: Array, grad: Array) -> Gradient:
    """Reshape the gradient to the shape of the input."""
    return Gradient((grad.reshape(call.x.shape),))


def softmax_of(x: Array) -> Array:
    """e^x / sum e^x along axis 1. Subtracting the largest x first keeps e^x finite and does not change the result."""
    e: Array = np.exp(x - x.max(axis=1, keepdims=True))
    total: Array = e.sum(axis=1, keepdims=True)
    return e / total


def softmax(op: Softmax, call: Call) -> Array:
    """Softmax over the features of a vector, or over the channels of each pixel."""
    return softmax_of(call.x)


def softmax_back(op: Softmax, call: Call, y: Array, grad: Array) -> Gradient:
    """y (grad - sum grad y)."""
    return Gradient((y * (grad - (grad * y).sum(axis=1, keepdims=True)),))
