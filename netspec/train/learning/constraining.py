"""Enforcing bounds on weights after an update."""

from __future__ import annotations

import torch
from torch import Tensor

from netspec.ir.constraint import Constraint, incoming


@torch.no_grad()
def constrain(w: Tensor, bounds: Constraint) -> None:
    """Scale the incoming weights of each unit to satisfy ``bounds``, in place.

    A device may hold the weights of only some units. If so, it holds the corresponding units of all ``bounds.parts``,
    so that no weights on other devices are needed.
    """
    axes = incoming(tuple(w.shape))
    if bounds.min_std is not None or bounds.max_std is not None:
        std = w.std(axes, correction=0, keepdim=True)
        w.mul_(torch.where(std > 0, std.clamp(bounds.min_std, bounds.max_std) / std, 1.0))
    if bounds.max_norm is not None or bounds.fixed_norm is not None:
        if bounds.parts > 1:
            w = w.view(bounds.parts, -1, *w.shape[1:])
            axes = (0, *(axis + 1 for axis in axes))
        norm = torch.linalg.vector_norm(w, dim=axes, keepdim=True)
        target = norm.clamp(max=bounds.max_norm) if bounds.fixed_norm is None else bounds.fixed_norm
        w.mul_(torch.where(norm > 0, target / norm, 1.0))
