"""Launching the kernels of a chain: where its maps lie, and how many programs they are divided among."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from netspec.ir.ops import Lrn

from ..places import ONE, Places
from . import lrn_chain

_TILE = 1024
"""Numbers that a program works on at a time."""

_WARPS = 8
"""Four numbers for each thread: with half as many threads those of the backward kernel do not fit into the registers
(sm_90: 255 of them and 64 bytes beside, for AlexNet's chains in float32; with these 144)."""


def forward(x: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> tuple[Tensor, Tensor]:
    """The chain of N,C,H,W maps, and in a number of 8 bits which pixel of its window each came from (nothing without
    pooling). The value has the maps' type. Windows have 128 pixels at most (``check.MOST``)."""
    x = x.contiguous(memory_format=torch.channels_last)
    n, c, h, w = x.shape
    rows, columns = F.max_pool2d(torch.empty((1, 1, h, w), device="meta"), *(places or ONE)).shape[2:]
    y = _maps(x, (n, c, rows, columns), x.dtype)
    largest = _maps(x, (n, c, rows, columns), torch.uint8) if places else y[:0]
    _launch(lrn_chain.forward, (x, y, largest), n * rows * columns, (h, w, rows, columns), c, lrn, relu, places)
    return y, largest


def backward(x: Tensor, dy: Tensor, largest: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> Tensor:
    """The gradient of what ``forward`` read, from that of what it made; in the maps' type."""
    x, dy = (t.contiguous(memory_format=torch.channels_last) for t in (x, dy))
    n, c, h, w = x.shape
    dx = _maps(x, (n, c, h, w), x.dtype)
    _launch(lrn_chain.backward, (x, dy, largest, dx), n * h * w, (h, w, *dy.shape[2:]), c, lrn, relu, places)
    return dx


def _maps(like: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _launch(
    kernel: Any,
    tensors: tuple[Tensor, ...],
    pixels: int,
    sides: tuple[int, ...],
    channels: int,
    lrn: Lrn,
    relu: bool,
    places: Places | None,
) -> None:
    if pixels == 0:
        return
    block = min(128, triton.next_power_of_2(channels))
    rows = max(1, _TILE // block)
    (kh, kw), (sh, sw), (ph, pw), (dh, dw), _ = places or ONE
    with torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[triton.cdiv(pixels, rows), triton.cdiv(channels, block)](
            *tensors, pixels, *sides, float(lrn.k), float(lrn.alpha),
            BETA=lrn.beta, SIZE=lrn.size, RELU=relu, C=channels, SHARE=channels // lrn.groups,
            KH=kh, KW=kw, SH=sh, SW=sw, PH=ph, PW=pw, DH=dh, DW=dw, PLAIN=places is None,
            PIXELS=rows, CHANNELS=block, num_warps=_WARPS, enable_fp_fusion=True,
        )  # fmt: skip
