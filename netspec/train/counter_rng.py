"""Random numbers for each image that depend only on the seed, the epoch and the image's index, or for each step.

They do not depend on the number of threads or on the order of reading. The counters are mixed and hashed with
SplitMix64 (Steele, Lea & Flood, Fast splittable pseudorandom number generators, 2014).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from netspec.passes import purposes

Indices = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def uniform(seed: int, epoch: int, indices: Indices, purpose: int | Indices) -> NDArray[np.float64]:
    """Return one number in [0, 1) for each index; the same arguments give the same numbers. For a single index,
    ``purpose`` may be several: one number for each."""
    return (_bits(seed, epoch, indices, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, epoch: int, indices: Indices, purpose: int) -> NDArray[np.float64]:
    """Return one standard normal number for each index (Box and Muller, 1958). Uses ``purpose`` and ``purpose + 1``."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, epoch, indices, purpose)))
    deviates: NDArray[np.float64] = radius * np.cos(2.0 * math.pi * uniform(seed, epoch, indices, purpose + 1))
    return deviates


def shuffled(seed: int, epoch: int, count: int) -> Indices:
    """Return the indices 0 to count - 1 in the random order of an epoch."""
    return np.argsort(_bits(seed, epoch, np.arange(count), purposes.ORDER), kind="stable")


def _bits(seed: int, epoch: int, indices: Indices, purpose: int | Indices) -> NDArray[np.uint64]:
    state = np.array([seed % 2**64], np.uint64)
    for number in (epoch, purpose):
        state = _mix(state) ^ np.asarray(number, np.uint64)
    return _mix(_mix(state) ^ indices.astype(np.uint64))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))
