"""Launching the kernels of a chain: where its maps lie, and how many programs they are divided among."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from netspec.ir.ops import Lrn

from ..places import ONE, Places
from . import lrn_chain

_SIDE_BY_SIDE = 8
"""Channels of a thread, at most: 16 bytes of bfloat16."""

_THREADS = 128

_PROGRAMS = 16384
"""Programs among which a batch is divided, or a little more, where it has images enough: a dozen times those that a GPU
of today runs at a time, so that none waits long for the last."""


def forward(x: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> tuple[Tensor, Tensor]:
    """The chain of N,C,H,W maps, and in a number of 8 bits which pixel of its window each came from (nothing without
    pooling). The value has the maps' type. Which windows there may be says ``check.too_large``."""
    x = x.contiguous(memory_format=torch.channels_last)
    n, c, h, w = x.shape
    rows, columns = F.max_pool2d(torch.empty((1, 1, h, w), device="meta"), *(places or ONE)).shape[2:]
    y = _maps(x, (n, c, rows, columns), x.dtype)
    largest = _maps(x, (n, c, rows, columns), torch.uint8) if places else y[:0]
    together, constants = _constants(x, lrn, relu, places)
    _launch(
        lrn_chain.forward, (x, y, largest), rows * columns * c // together, 1, lrn, OH=rows, OW=columns,
        AROUND=triton.cdiv(lrn.size // 2, together), **constants,
    )  # fmt: skip
    return y, largest


def backward(x: Tensor, dy: Tensor, largest: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> Tensor:
    """The gradient of what ``forward`` read, from that of what it made; in the maps' type."""
    x, dy = (t.contiguous(memory_format=torch.channels_last) for t in (x, dy))
    n, c, h, w = x.shape
    dx = _maps(x, (n, c, h, w), x.dtype)
    together, constants = _constants(x, lrn, relu, places)
    _, (sh, sw), (ph, pw), *_ = places or ONE
    pixels = triton.cdiv(h + ph, sh) * triton.cdiv(w + pw, sw)  # that stand alike in their windows
    _launch(
        lrn_chain.backward, (x, dy, largest, dx), pixels * c // together, sh * sw, lrn, OH=dy.shape[2], OW=dy.shape[3],
        AROUND=triton.cdiv(lrn.size - 1, together), NEAR=triton.cdiv(lrn.size // 2, together), **constants,
    )  # fmt: skip
    return dx


def _maps(like: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _constants(x: Tensor, lrn: Lrn, relu: bool, places: Places | None) -> tuple[int, dict[str, Any]]:
    """How many channels a thread has, and what a kernel is compiled for."""
    _, c, h, w = x.shape
    share = c // lrn.groups
    together = math.gcd(share, _SIDE_BY_SIDE)
    (kh, kw), (sh, sw), (ph, pw), (dh, dw), _ = places or ONE
    return together, {
        "BETA": lrn.beta, "SIZE": lrn.size, "RELU": relu, "C": c, "CHUNKS": share // together, "V": together,
        "H": h, "W": w, "KH": kh, "KW": kw, "SH": sh, "SW": sw, "PH": ph, "PW": pw, "DH": dh, "DW": dw,
        "PLAIN": places is None,
    }  # fmt: skip


def _launch(kernel: Any, tensors: tuple[Tensor, ...], threads: int, kinds: int, lrn: Lrn, **constants: Any) -> None:
    """``threads`` are those of an image, for each of so many ``kinds`` of pixels."""
    images, tiles = len(tensors[0]), triton.cdiv(threads, _THREADS)
    parts = min(images, triton.cdiv(_PROGRAMS, kinds * max(1, tiles)))
    if not parts * tiles:
        return
    with torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[(kinds * tiles * parts,)](
            *tensors, images, parts, float(lrn.k), float(lrn.alpha),
            TILES=tiles, THREADS=_THREADS, num_warps=_THREADS // 32, enable_fp_fusion=True, **constants,
        )  # fmt: skip
