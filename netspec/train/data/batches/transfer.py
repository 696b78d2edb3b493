"""Numbers on their way to the device that computes with them."""

from __future__ import annotations

from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from netspec.train.data.batches.loader import MakeBuffer
from netspec.train.data.picture import Pixels


def sent(numbers: NDArray[Any], device: torch.device | str) -> Tensor:
    """Numbers on a device. A CUDA device copies them by itself: an ordinary copy would wait until all its steps so far
    are done, and leave it with nothing to do meanwhile."""
    here = torch.from_numpy(numbers)
    cuda = torch.device(device).type == "cuda"
    return here.pin_memory().to(device, non_blocking=True) if cuda else here.to(device)


def buffers_for(device: str) -> MakeBuffer | None:
    """Where a loader puts batches for a device: for a CUDA device into memory that it copies from by itself."""
    return _pinned if torch.device(device).type == "cuda" else None


def _pinned(shape: tuple[int, int, int, int]) -> Pixels:
    memory: Pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=True).numpy()
    return memory
