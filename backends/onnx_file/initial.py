"""Initial values without torch: reproduce the numbers that torch draws from a seed, up to float32's last digits.

torch's CPU generator is the Mersenne Twister (Matsumoto & Nishimura 1998), which numpy provides too. It makes normal
numbers from pairs of uniform ones (Box & Muller 1958), in the order defined in
``aten/src/ATen/native/cpu/DistributionTemplates.h`` and ``ATen/core/DistributionsHelper.h``.
"""

from __future__ import annotations

import math
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from netspec.ir.distribution import Bilinear, Constant, Normal, Uniform
from netspec.ir.graph import Graph, Parameter

from .site import Floats

RUN = 16
"""How many normal numbers torch makes at once: 8 cosines, then the 8 sines of the same pairs."""

BLOCK = 2**16 * RUN
"""How many normal numbers are computed at a time here, to keep temporary arrays small compared to the result."""

_RESOLUTION = np.float32(2**-24)
_TWO_PI = np.float32(2 * math.pi)


def initial_values(graph: Graph, seed: int) -> dict[str, Floats]:
    """Return the initial float32 values of every parameter by key."""
    return {key: parameter_values(parameter, seed) for key, parameter in graph.parameters.items()}


def parameter_values(parameter: Parameter, seed: int) -> Floats:
    """Return a parameter's initial float32 values, as the ``pytorch`` backend draws them from the same seed.

    The generator is seeded with the first 63 bits of the SHA-256 of ``seed:key``, of which torch uses the low 32.
    Weights that a connection table leaves out are drawn too; the model masks them with zeros in any case.
    """
    digest = sha256(f"{seed}:{parameter.key}".encode()).digest()
    twister = np.random.RandomState((int.from_bytes(digest[:8], "big") >> 1) & 0xFFFFFFFF)
    count = math.prod(parameter.shape)
    match parameter.distribution:
        case Normal(mean, std):
            standard = _normals(twister, count) if count >= RUN else _few_normals(twister, count)
            values = standard * np.float32(std) + np.float32(mean)
        case Uniform(low, high):
            values = _uniform(twister, count) * np.float32(high - low) + np.float32(low)
        case Constant(value):
            values = np.full(count, value, dtype=np.float32)
        case Bilinear() as interpolation:
            values = np.broadcast_to(np.array(interpolation.values, dtype=np.float32), parameter.shape)
    return values.reshape(parameter.shape)


def _uniform(twister: np.random.RandomState, count: int) -> Floats:
    """Return ``count`` numbers in [0, 1) of 24 random bits each."""
    return (_words(twister, count) & 0xFFFFFF).astype(np.float32) * _RESOLUTION


def _normals(twister: np.random.RandomState, count: int) -> Floats:
    """Return ``count`` >= 16 standard normal numbers. If 16 does not divide ``count``, the last 16 are drawn anew."""
    values = np.empty(count, dtype=np.float32)
    in_runs = count - count % RUN
    for start in range(0, in_runs, BLOCK):
        block = values[start : min(start + BLOCK, in_runs)]
        block[:] = _box_muller(_uniform(twister, len(block)))
    if in_runs < count:
        _words(twister, count - in_runs)
        values[-RUN:] = _box_muller(_uniform(twister, RUN))
    return values


def _box_muller(uniform: Floats) -> Floats:
    """Transform uniform numbers in blocks of 16: the first 8 give the radii, the last 8 the angles."""
    first, second = np.moveaxis(uniform.reshape(-1, 2, RUN // 2), 1, 0)
    radius, angle = np.sqrt(-2 * np.log(1 - first)), _TWO_PI * second
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)


def _few_normals(twister: np.random.RandomState, count: int) -> Floats:
    """Return fewer than 16 standard normal numbers, which torch makes pair by pair, cosine then sine, from 53 bits."""
    pairs = -(-count // 2)
    words = _words(twister, 4 * pairs).astype(np.uint64).reshape(-1, 2, 2)
    bits = (words[..., 0] << np.uint64(32) | words[..., 1]) & np.uint64(2**53 - 1)
    angles, radii = (bits * 2.0**-53).T
    radius, angle = np.sqrt(-2 * np.log1p(-radii)), 2 * math.pi * angles
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:count].astype(np.float32)


def _words(twister: np.random.RandomState, count: int) -> NDArray[np.uint32]:
    """Return the generator's next 32-bit words."""
    return twister.randint(0, 2**32, size=count, dtype=np.uint32)
