"""Running single operations of the reference backend on small inputs, for comparison with arithmetic by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netspec import backend
from netspec.ir.ops import Op

reference = backend.load("reference")

NINE = [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
LN2, LN3, LN5 = math.log(2), math.log(3), math.log(5)


def array(numbers: Any) -> Any:
    return np.array(numbers, dtype=np.float64)


def value(op: Op, *inputs: Any, params: Any = (), **arguments: Any) -> Any:
    """Return the output for inputs with a batch axis."""
    call = reference.Call("it", tuple(map(array, inputs)), tuple(map(array, params)), **arguments)
    return reference.OPS[type(op)].forward(op, call)


def on_map(op: Op, pixels: Any, params: Any = ()) -> Any:
    """Return the first channel of the output for one image with one channel."""
    return value(op, [[pixels]], params=params)[0, 0]


def on_vector(op: Op, *vectors: Any) -> Any:
    """Return the output for one vector per input."""
    return value(op, *([vector] for vector in vectors))[0]


def on_channels(op: Op, channels: Any) -> Any:
    """Return the output for one image with a single pixel, given its channels."""
    return value(op, array(channels).reshape(1, -1, 1, 1)).ravel()


def gradient(op: Op, *inputs: Any, seed: Any, params: Any = (), **arguments: Any) -> Any:
    """Return the gradients of inputs and parameters for the output gradient ``seed``."""
    call = reference.Call("it", tuple(map(array, inputs)), tuple(map(array, params)), **arguments)
    pair = reference.OPS[type(op)]
    return pair.backward(op, call, pair.forward(op, call), array(seed))


def assert_close(actual: Any, expected: Any, atol: float = 1e-15) -> None:
    np.testing.assert_allclose(actual, array(expected), rtol=1e-13, atol=atol)


WORDS = 2**32
"""The number of different 32-bit words."""


def hash_word(word: int) -> int:
    """The hash function lowbias32, computed with Python integers."""
    word = (word ^ (word >> 16)) * 0x7FEB352D % WORDS
    word = (word ^ (word >> 15)) * 0x846CA68B % WORDS
    return word ^ (word >> 16)
