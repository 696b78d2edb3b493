"""Random numbers that belong to a picture: functions of (seed, epoch, place of the picture), and of nothing else.

How many threads read, or in which order, changes nothing. The numbers are SplitMix64's (Steele, Lea & Flood, Fast
splittable pseudorandom number generators, 2014) on the mixed counters.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]

ORDER: Final = 0
TOP: Final = 1
LEFT: Final = 2
MIRROR: Final = 3
COLOUR: Final = 4
"""What a number is for; colour takes two of these for every channel, so it stands last."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def uniform(seed: int, epoch: int, places: Places, purpose: int) -> NDArray[np.float64]:
    """One number in [0, 1) for every place, the same for the same arguments. ``purpose`` is what it is for."""
    return (_bits(seed, epoch, places, purpose) >> np.uint64(11)).astype(np.float64) * 2.0**-53


def normal(seed: int, epoch: int, places: Places, purpose: int) -> NDArray[np.float64]:
    """One standard normal number for every place (Box and Muller, 1958; takes two purposes)."""
    radius = np.sqrt(-2.0 * np.log1p(-uniform(seed, epoch, places, purpose)))
    deviates: NDArray[np.float64] = radius * np.cos(2.0 * math.pi * uniform(seed, epoch, places, purpose + 1))
    return deviates


def shuffled(seed: int, epoch: int, count: int) -> Places:
    """The places 0 to count - 1, shuffled as they are read in an epoch."""
    return np.argsort(_bits(seed, epoch, np.arange(count), ORDER), kind="stable")


def _bits(seed: int, epoch: int, places: Places, purpose: int) -> NDArray[np.uint64]:
    state = np.array([seed % 2**64], np.uint64)
    for number in (epoch, purpose):
        state = _mix(state) ^ np.uint64(number)
    return _mix(_mix(state) ^ places.astype(np.uint64))


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = x + _GOLDEN
    x = (x ^ (x >> np.uint64(30))) * _FIRST
    x = (x ^ (x >> np.uint64(27))) * _SECOND
    return x ^ (x >> np.uint64(31))
