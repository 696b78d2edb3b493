"""Launching the kernels of a bias and a ReLU: how the maps lie, and how many programs they are divided among."""

from __future__ import annotations

from typing import Any

import torch
import triton
from torch import Tensor

from . import bias_relu

_TILE = 2048
"""Numbers that a program works on at a time."""

_PROGRAMS = 1024
"""Programs that share the pixels of a block of channels, at most. Not the number of processors that a GPU has: sums are
to be added up alike on all of them."""


def forward(x: Tensor, bias: Tensor) -> Tensor:
    """max(0, x + b) of N,C,H,W and C numbers; in the memory of x, unless its numbers lie otherwise than one map or one
    pixel after the other."""
    x = x if _is_last(x) or x.is_contiguous() else x.contiguous()
    _launch(bias_relu.forward, (x, x, bias.contiguous()))
    return x


def backward(y: Tensor, dy: Tensor, *, sums: bool) -> tuple[Tensor, Tensor | None]:
    """The gradient of what ``forward`` read, in the value's type, and that of the bias in float32, if it is wanted."""
    dy = dy.contiguous(memory_format=torch.channels_last if _is_last(y) else torch.contiguous_format)
    dx = torch.empty_like(y)
    own = torch.empty((_programs(y)[0], y.shape[1]), dtype=torch.float32, device=y.device) if sums else y[:0]
    _launch(bias_relu.backward, (y, dy, dx, own), SUMS=sums)
    return dx, own.sum(0) if sums else None


def _is_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last)


def _tile(x: Tensor) -> tuple[int, int]:
    """Pixels and channels of a tile: along what lies side by side."""
    channels = min(128, triton.next_power_of_2(x.shape[1])) if _is_last(x) else 1
    return _TILE // channels, channels


def _programs(x: Tensor) -> tuple[int, int]:
    """How many programs share the pixels of a block of channels, and how many tiles each goes over."""
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
