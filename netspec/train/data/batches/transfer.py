"""Asynchronous copies from the CPU to a device."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.train.data.batches.loader import MakeBuffer
from netspec.train.data.splits import Pixels


def to_device(numbers: NDArray[Any], device: torch.device | str) -> Tensor:
    """Copy numbers to a device. For CUDA the copy is asynchronous, because a synchronous one would wait for all work
    queued on the device and then leave it idle."""
    here = torch.from_numpy(numbers)
    cuda = torch.device(device).type == "cuda"
    return here.pin_memory().to(device, non_blocking=True) if cuda else here.to(device)


def buffers_for(device: str) -> MakeBuffer | None:
    """Return the allocator of a loader's batches for a device: pinned memory for CUDA, ``None`` (ordinary memory)
    otherwise."""
    return _pinned if torch.device(device).type == "cuda" else None


def _pinned(shape: tuple[int, int, int, int]) -> Pixels:
    memory: Pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()
    return memory
