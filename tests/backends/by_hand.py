"""One operation of the reference backend on numbers that a person can work out."""

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


def value(op: Op, *inputs: Any, params: Any = (), **given: Any) -> Any:
    """The operation's value on inputs that include the batch."""
    call = reference.Call("it", tuple(map(array, inputs)), tuple(map(array, params)), **given)
    return reference.OPS[type(op)].forward(op, call)


def on_map(op: Op, pixels: Any, params: Any = ()) -> Any:
    """The first channel of what an operation makes of one image with one channel."""
    return value(op, [[pixels]], params=params)[0, 0]


def on_vector(op: Op, *vectors: Any) -> Any:
    """What an operation makes of one image's vectors."""
    return value(op, *([vector] for vector in vectors))[0]


def on_channels(op: Op, channels: Any) -> Any:
    """What an operation makes of one image with a single pixel."""
    return value(op, array(channels).reshape(1, -1, 1, 1)).ravel()


def gradient(op: Op, *inputs: Any, seed: Any, params: Any = (), **given: Any) -> Any:
    """The gradients by the inputs and by the parameters."""
    call = reference.Call("it", tuple(map(array, inputs)), tuple(map(array, params)), **given)
    pair = reference.OPS[type(op)]
    return pair.backward(op, call, pair.forward(op, call), array(seed))


def close(found: Any, wanted: Any, atol: float = 1e-15) -> None:
    np.testing.assert_allclose(found, array(wanted), rtol=1e-13, atol=atol)


WORD = 2**32
"""How many words of 32 bits there are."""


def mixed(word: int) -> int:
    """lowbias32, in Python's own numbers."""
    word = (word ^ (word >> 16)) * 0x7FEB352D % WORD
    word = (word ^ (word >> 15)) * 0x846CA68B % WORD
    return word ^ (word >> 16)
