"""Initial values. Each parameter has its own generator, so its values depend only on the seed and its key."""

from __future__ import annotations

from hashlib import sha256

import torch
from torch import Tensor

from netspec.ir.distribution import Bilinear, Constant, Normal, Uniform
from netspec.ir.graph import Parameter


def initial_values(parameter: Parameter, seed: int) -> Tensor:
    """Return the initial values of a parameter for a seed, in float32 on the CPU; 0 where a table masks weights.

    The generator is seeded with the first 63 bits of the SHA-256 of ``seed:key``.
    """
    digest = sha256(f"{seed}:{parameter.key}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    values = torch.empty(parameter.shape)
    match parameter.distribution:
        case Normal(mean, std):
            values.normal_(mean, std, generator=generator)
        case Uniform(low, high):
            values.uniform_(low, high, generator=generator)
        case Constant(value):
            values.fill_(value)
        case Bilinear() as interpolation:
            values[:] = torch.tensor(interpolation.values)
    if parameter.table is not None:
        values *= torch.tensor(parameter.table.mask(parameter.shape[1]))[:, :, None, None]
    return values
