"""Memory for batches that is used again and again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Buffers:
    """Gives out arrays of one type of numbers, from one thread.

    An array that was given out before is given out again once nobody else holds it or a part of it: a large array that
    is fresh from the system costs as much as filling it does, because its pages are found one by one when they are
    first written. Arrays of another shape than the last one asked for are not kept.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self._dtype = dtype
        self._given: list[NDArray[Any]] = []

    def __call__(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """An array of this shape. Its numbers are whatever lay in that memory."""
        self._given = [array for array in self._given if array.shape == shape]
        holders = _holders(self._given)
        if _UNUSED in holders:
            return self._given[holders.index(_UNUSED)]
        fresh = np.empty(shape, self._dtype)
        self._given.append(fresh)
        return fresh


def _holders(arrays: Sequence[NDArray[Any]]) -> list[int]:
    """For each array of a list how many references there are to it. Whatever shares its memory holds one."""
    return [sys.getrefcount(array) for array in arrays]


_UNUSED = _holders([np.empty(0)])[0]
"""What ``_holders`` says of an array that nothing but its list holds."""
