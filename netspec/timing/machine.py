"""What the machine can do, measured here and now: bytes of memory and FLOPs of a matrix product, per second."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from netspec.ir.settings import Precision
from netspec.timing.clock import seconds_of, take_turns

_COPIED = {"cpu": 2**28, "cuda": 2**30}
"""Bytes that are copied: much more than any cache holds."""

_LARGEST = {"cpu": 2048, "cuda": 8192}
_LONG = {"cpu": 0.05, "cuda": 0.002}
"""Seconds that a product should take; rows and columns are doubled until it does."""


@dataclass(frozen=True, slots=True)
class Machine:
    """``bandwidth`` in bytes a second (read or written), ``matrix_rate`` in FLOPs a second in the precision."""

    bandwidth: float
    matrix_rate: float


def measure(device: str, precision: Precision) -> Machine:
    """Copy a large array, and multiply two square matrices of the precision; the best of five turns each."""
    numbers = _COPIED[device] // 4
    source, target = torch.ones(numbers, device=device), torch.empty(numbers, device=device)
    a, b = _matrices(device, torch.bfloat16 if precision == "bf16" else torch.float32)
    seconds = take_turns({"copy": lambda: target.copy_(source), "product": lambda: a @ b}, 5, device=device, warm_up=2)
    best = {name: min(times) for name, times in seconds.items()}
    return Machine(2 * _COPIED[device] / best["copy"], 2 * len(a) ** 3 / best["product"])


def _matrices(device: str, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    side = 256
    while True:
        a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        torch.mm(a, b)
        if side >= _LARGEST[device] or seconds_of(partial(torch.mm, a, b), device) > _LONG[device]:
            return a, b
        side *= 2
