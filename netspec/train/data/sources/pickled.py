"""Safe reading of pickles with plain values and uint8 arrays.

A pickle is a program that may call anything. Here it may only create numbers, strings, bytes, lists, dictionaries and
one kind of object: a record of an array's shape and bytes, from which the array is created and validated afterwards.
NumPy's own classes are never called, because a forged internal state could corrupt memory.
"""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class InvalidPickle(Exception):
    """The pickle is damaged, or refers to a class or function that is not allowed."""


class _DType:
    """The record of an array's dtype in a pickle."""

    def __init__(self, code: object = b"", *rest: object) -> None:
        self.code = code.decode("latin1") if isinstance(code, bytes) else str(code)

    def __setstate__(self, state: object) -> None:
        """Ignore byte order and similar properties, which do not matter for uint8."""


class _Array:
    """The record of an array in a pickle."""

    def __init__(self) -> None:
        self.state: object = None

    def __setstate__(self, state: object) -> None:
        self.state = state

    def pixels(self) -> NDArray[np.uint8]:
        """Return the array. Raises ``InvalidPickle`` if it is not uint8 or has not as many bytes as its shape needs."""
        match self.state:
            case (_, tuple(shape), _DType(code="u1" | "B" | "|u1"), False | 0, bytes(content)):
                if all(isinstance(n, int) and n >= 0 for n in shape) and math.prod(shape) == len(content):
                    return np.frombuffer(content, np.uint8).reshape(shape)
                raise InvalidPickle(f"an array of shape {shape} with {len(content)} bytes")
        raise InvalidPickle("an array that is not one of uint8 in C order")


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _from_buffer(content: object, dtype: object, shape: object, order: object) -> _Array:
    """Stand in for the function that NumPy's pickles call under protocol 5."""
    array = _Array()
    array.state = (1, shape, dtype, order != "C", bytes(content) if isinstance(content, bytearray) else content)
    return array


def _encode(text: object, coding: object) -> bytes:
    """Stand in for ``_codecs.encode``, which Python 3 uses for bytes in pickles for Python 2."""
    if not isinstance(text, str) or coding != "latin1":
        raise InvalidPickle("bytes in an unknown coding")
    return text.encode("latin1")


_SUBSTITUTES: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        substitute = _SUBSTITUTES.get((module, name))
        if substitute is None:
            raise InvalidPickle(f"it asks for {module}.{name}")
        return substitute


def read_pickle(content: bytes) -> dict[str, Any]:
    """Read a pickled dictionary. Its keys are converted to strings and its arrays to uint8 arrays.

    Raises
    ------
    InvalidPickle
        The pickle cannot be read, for whatever reason.
    """
    try:
        value = _Unpickler(io.BytesIO(content), encoding="bytes").load()
    except InvalidPickle:
        raise
    except Exception as problem:
        # The unpickler raises many kinds of exceptions for broken files.
        raise InvalidPickle(f"an incomplete pickle: {str(problem) or type(problem).__name__}") from problem
    if not isinstance(value, dict):
        raise InvalidPickle("not a dictionary")
    return {_text(key): item.pixels() if isinstance(item, _Array) else item for key, item in value.items()}


def _text(key: object) -> str:
    return key.decode("latin1") if isinstance(key, bytes) else str(key)
