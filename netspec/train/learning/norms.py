"""Norms of whole parameters, of which each device may hold only a part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that train a network together, as one of them sees them.

    ``copies`` returns how many of them hold the same part of a parameter as this one, by the parameter's key. ``total``
    returns the sum of a tensor on ``device`` over all devices; all of them must call it together.
    """

    device: torch.device
    copies: Callable[[str], int]
    total: Callable[[Tensor], Tensor]


ONE_DEVICE = Devices(torch.device("cpu"), lambda key: 1, lambda x: x)
"""A device that trains alone, with numbers on the device of the gradients."""


class Norms:
    """Computes norms of whole parameters, or of tensors that are divided among devices as the parameters are.

    ``keys`` are the parameters of all devices whose norms are needed, in the same order on each device; ``tensors`` are
    the parameters that this device holds. Nothing is copied from the device, so the processor does not wait for it.
    """

    def __init__(self, keys: Sequence[str], tensors: Mapping[str, Tensor], devices: Devices = ONE_DEVICE) -> None:
        self._held = [tensors.get(key) for key in keys]
        self._copies = {w: devices.copies(key) for key in keys if (w := tensors.get(key)) is not None}
        self._devices = devices

    def __contains__(self, w: Tensor) -> bool:
        """Whether the norms of a parameter are needed."""
        return w in self._copies

    def __call__(self, pairs: Mapping[Tensor, tuple[Tensor, Tensor]]) -> Tensor:
        """Return the norms of two tensors for each of N parameters that this device holds, in their order: (N, 2),
        float64. All devices must call this together, each for its parts of the same parameters."""
        device = next((w.device for w in pairs), self._devices.device)
        absent = torch.zeros(2, dtype=torch.float64, device=device)
        squares = squares_of_each([x for pair in pairs.values() for x in pair]).view(-1, 2) if pairs else ()
        own = {w: both / self._copies[w] for w, both in zip(pairs, squares, strict=True)}
        rows = [absent if w is None else own.get(w, absent) for w in self._held]
        norms = self._devices.total(torch.stack(rows)).sqrt().unbind() if rows else ()
        of = dict(zip(self._held, norms, strict=True))
        return torch.stack([of[w] for w in pairs]) if pairs else absent.new_empty(0, 2)


def squares_of_each(tensors: Sequence[Tensor]) -> Tensor:
    """Return the sum of the squares of each tensor's numbers, in float64.

    On a processor a float32 sum over a whole tensor would be too small by some thousandths for large ones, so only the
    sums over rows are in float32.
    """
    if tensors[0].is_cuda:
        return torch.stack(torch._foreach_norm(list(tensors))).double().square()
    return torch.stack([norms_of_rows(x).double().square().sum() for x in tensors])


def norms_of_rows(x: Tensor) -> Tensor:
    """Return the norms of a tensor's rows, the slices along its first axis."""
    norms: Tensor = torch.linalg.vector_norm(x, dim=tuple(range(1, x.dim())) or None)
    return norms.view(-1)
