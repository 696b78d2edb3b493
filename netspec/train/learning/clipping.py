"""Limiting gradients before an update: the norm of all together, or each of their numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

import torch
from torch import Tensor

from netspec.ir.rules import Clip
from netspec.train.learning.norms import ONE_DEVICE, Devices, norms_of_rows


class Clipping:
    """Limits gradients as ``ir.rules.Clip`` says. ``parameters`` are those that this device holds, by key.

    Nothing is copied from the device, so the limit does not make the processor wait for it.
    """

    def __init__(self, clip: Clip, parameters: Mapping[str, Tensor], devices: Devices = ONE_DEVICE) -> None:
        self._clip = clip
        self._devices = devices
        self._copies = {w: devices.copies(key) for key, w in parameters.items()}

    def __call__(self, moving: Collection[Tensor]) -> None:
        """Limit the gradients of those parameters of this device that the next update moves. With a limit of the norm,
        all devices must call this together."""
        if self._clip.by == "value":
            given = gradients(moving)
            if given:
                torch._foreach_clamp_min_(given, -self._clip.max)
                torch._foreach_clamp_max_(given, self._clip.max)
            return
        scale = self._scale(moving)
        if moving:
            given = gradients(moving)
            torch._foreach_mul_(given, scale.to(given[0].dtype))

    def _scale(self, moving: Collection[Tensor]) -> Tensor:
        """Return the factor that brings the norm of the whole network's gradient down to the limit; 1 if it is below,
        NaN if it is not finite."""
        chosen = set(moving)
        by_copies: defaultdict[int, list[Tensor]] = defaultdict(list)
        for w, copies in self._copies.items():
            if w in chosen and w.grad is not None:
                by_copies[copies].append(w.grad)
        device = next((w.device for w in moving), self._devices.device)
        own = torch.zeros((), dtype=torch.float64, device=device)
        for copies, given in sorted(by_copies.items(), key=lambda item: item[0]):
            own = own + squares(given) / copies
        norm = self._devices.total(own).sqrt()
        return self._clip.max / norm.clamp(min=self._clip.max) + (norm - norm)


def squares(tensors: list[Tensor]) -> Tensor:
    """Return the sum of the squares of all numbers in some tensors, in float64 except for the sums over rows."""
    on_gpu = tensors[0].is_cuda
    norms = torch.stack(torch._foreach_norm(tensors)) if on_gpu else torch.cat([norms_of_rows(x) for x in tensors])
    return norms.double().square().sum()


def gradients(weights: Iterable[Tensor]) -> list[Tensor]:
    """Return the gradients of weights, those that have one."""
    return [w.grad for w in weights if w.grad is not None]
