"""Measuring the machine's memory bandwidth and its FLOPs per second in a matrix product."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

import torch

from netspec.ir.settings import Precision
from netspec.timing.clock import seconds_of, take_turns
from netspec.train.learning.torch_settings import matrix_products

_COPIED = {"cpu": 2**28, "cuda": 2**30}
"""The size in bytes of the array that is copied, much larger than any cache."""

_MAX_SIDE = {"cpu": 2048, "cuda": 8192}
_LONG_ENOUGH = {"cpu": 0.05, "cuda": 0.002}
"""The matrices' side is doubled until a product takes this many seconds, or the side is ``_MAX_SIDE``."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The speed of a machine: ``bandwidth`` in bytes per second, read or written, and ``matrix_rate``, the FLOPs per
    second of a matrix product in the chosen precision."""

    bandwidth: float
    matrix_rate: float


def measure(device: str, precision: Precision) -> Machine:
    """Time the copy of a large array and the product of two square matrices, and take the best of five turns each.

    On a GPU a product in fp32 is in TF32 (if the GPU has it), as cuDNN computes convolutions. With a product in full
    precision, they would take less time than the minimum.
    """
    with matrix_products(in_tf32=True) if device == "cuda" else nullcontext():
        return _measure(device, precision)


def product_precision(device: str, precision: Precision) -> str:
    """Return words for the precision of the product that ``measure`` times."""
    return f"{precision} (TF32 if the GPU has it)" if (device, precision) == ("cuda", "fp32") else precision


def _measure(device: str, precision: Precision) -> Machine:
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
        if side >= _MAX_SIDE[device] or seconds_of(partial(torch.mm, a, b), device) > _LONG_ENOUGH[device]:
            return a, b
        side *= 2
