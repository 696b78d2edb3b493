"""Launch the kernels for a bias and a ReLU: choose the memory format, and divide the work among programs."""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor

from . import bias_relu

_TILE = 2048
"""Elements that a program processes at a time."""

_PROGRAMS = 1024
"""The most programs that share the pixels of a block of channels. It does not depend on the GPU's number of processors,
so that all GPUs add up sums in the same order."""


def forward(x: Tensor, bias: Tensor) -> Tensor:
    """Return max(0, x + b) of N,C,H,W and a bias (C,), in place if x is contiguous or channels-last."""
    x = x if _is_last(x) or x.is_contiguous() else x.contiguous()
    _launch(bias_relu.forward, (x, x, bias.contiguous()))
    return x


def backward(y: Tensor, dy: Tensor, *, sums: bool) -> tuple[Tensor, Tensor | None]:
    """Return the gradient by the maps, in the type of y, and by the bias, in float32, if ``sums``."""
    dy = dy.contiguous(memory_format=torch.channels_last if _is_last(y) else torch.contiguous_format)
    dx = torch.empty_like(y)
    partial_sums = torch.empty((_programs(y)[0], y.shape[1]), dtype=torch.float32, device=y.device) if sums else y[:0]
    _launch(bias_relu.backward, (y, dy, dx, partial_sums), SUMS=sums)
    return dx, partial_sums.sum(0) if sums else None


def _is_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


def _tile(x: Tensor) -> tuple[int, int]:
    """Return the number of pixels and channels of a tile, whose elements are adjacent in memory."""
    channels = min(128, triton.next_power_of_2(x.shape[1])) if _is_last(x) else 1
    return _TILE // channels, channels


def _programs(x: Tensor) -> tuple[int, int]:
    """Return how many programs share the pixels of a block of channels, and how many tiles each processes."""
    tiles = triton.cdiv(x.numel() // x.shape[1], _tile(x)[0])
    steps = triton.cdiv(tiles, _PROGRAMS)
    return (triton.cdiv(tiles, steps) if tiles else 0), steps


def _launch(kernel: Any, tensors: tuple[Tensor, ...], **constants: bool) -> None:
    x = tensors[0]
    programs, steps = _programs(x)
    if programs == 0:
        return
    c, area = x.shape[1], x.shape[2] * x.shape[3]
    pixels, channels = _tile(x)
    blocks = triton.cdiv(c, channels)
    with torch.cuda.device_of(x):  # type: ignore[no-untyped-call]
        kernel[(programs * blocks,)](
            *tensors, x.numel() // c, area, steps,
            C=c, LAST=_is_last(x), BLOCKS=blocks, PIXELS=pixels, CHANNELS=channels, **constants,
            enable_fp_fusion=True,
        )  # fmt: skip
