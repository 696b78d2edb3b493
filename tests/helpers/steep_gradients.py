"""Copies of one parameter, and gradients of very different sizes, for comparing update rules."""

from __future__ import annotations

import torch
from torch import Tensor


def copies(count: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    start = torch.randn(7, 5, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return [start.clone().requires_grad_() for _ in range(count)]


def gradients(steps: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Return gradients of very different sizes."""
    generator = torch.Generator().manual_seed(2)
    sizes = 10 ** torch.linspace(-9, 2, 35, dtype=dtype).view(7, 5)
    return [torch.randn(7, 5, generator=generator, dtype=dtype) * sizes for _ in range(steps)]
