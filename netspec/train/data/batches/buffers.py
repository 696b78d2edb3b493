"""Reusable memory for batches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Buffers:
    """An allocator of arrays of one dtype that reuses memory. It must be used from a single thread.

    An array is returned again once nothing else refers to it or to a view of it. Large new arrays are expensive: the
    page faults when they are first written cost as much as filling them. Arrays are kept only as long as requests have
    the same shape.
    """

    def __init__(self, dtype: DTypeLike) -> None:
        self._dtype = dtype
        self._arrays: list[NDArray[Any]] = []

    def __call__(self, shape: tuple[int, ...]) -> NDArray[Any]:
        """Return an uninitialised array of this shape."""
        self._arrays = [array for array in self._arrays if array.shape == shape]
        counts = _reference_counts(self._arrays)
        if _UNUSED_COUNT in counts:
            return self._arrays[counts.index(_UNUSED_COUNT)]
        fresh = np.empty(shape, self._dtype)
        self._arrays.append(fresh)
        return fresh


def _reference_counts(arrays: Sequence[NDArray[Any]]) -> list[int]:
    """Return the reference count of each array of a list. Views of an array count, since they refer to it."""
    return [sys.getrefcount(array) for array in arrays]


_UNUSED_COUNT = _reference_counts([np.empty(0)])[0]
"""The result of ``_reference_counts`` for an array to which only its list refers."""
