"""Launching the kernels of a chain: where its maps lie, and how many programs they are divided among."""

from __future__ import annotations

import math
from dataclasses import dataclass
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


def forward(x: Tensor, bias: Tensor | None, lrn: Lrn, relu: bool, places: Places | None) -> tuple[Tensor, Tensor]:
    """The chain of N,C,H,W maps plus C numbers, if any, and in a number of 8 bits which pixel of its window each came
    from (nothing without pooling). The value has the maps' type. Which windows there may be says
    ``check.too_large``."""
    x = x.contiguous(memory_format=torch.channels_last)
    n, c, h, w = x.shape
    rows, columns = F.max_pool2d(torch.empty((1, 1, h, w), device="meta"), *(places or ONE)).shape[2:]
    y = _maps(x, (n, c, rows, columns), x.dtype)
    largest = _maps(x, (n, c, rows, columns), torch.uint8) if places else y[:0]
    together, constants = _constants(x, bias, lrn, relu, places)
    _launch(
        lrn_chain.forward, (x, _or(bias, x), y, largest), _Division.of(n, rows * columns * c // together, 1), lrn,
        OH=rows, OW=columns, AROUND=triton.cdiv(lrn.size // 2, together), **constants,
    )  # fmt: skip
    return y, largest


def backward(
    x: Tensor,
    bias: Tensor | None,
    dy: Tensor,
    largest: Tensor,
    lrn: Lrn,
    relu: bool,
    places: Places | None,
    *,
    sums: bool,
) -> tuple[Tensor, Tensor | None]:
    """The gradient of what ``forward`` read, from that of what it made, in the maps' type; and that of the bias in
    float32, if it is wanted."""
    x, dy = (t.contiguous(memory_format=torch.channels_last) for t in (x, dy))
    n, c, h, w = x.shape
    dx = _maps(x, (n, c, h, w), x.dtype)
    together, constants = _constants(x, bias, lrn, relu, places)
    _, (sh, sw), (ph, pw), *_ = places or ONE
    pixels = triton.cdiv(h + ph, sh) * triton.cdiv(w + pw, sw)  # that stand alike in their windows
    division = _Division.of(n, pixels * c // together, sh * sw)
    wide = (division.parts * sh * sw, division.tiles * _THREADS * together)
    own = torch.empty(wide, dtype=torch.float32, device=x.device) if sums else x[:0]
    _launch(
        lrn_chain.backward, (x, _or(bias, x), dy, largest, dx, own), division, lrn, OH=dy.shape[2], OW=dy.shape[3],
        SUMS=sums, AROUND=triton.cdiv(lrn.size - 1, together), NEAR=triton.cdiv(lrn.size // 2, together), **constants,
    )  # fmt: skip
    return dx, torch.unflatten(own[:, : pixels * c], 1, (pixels, c)).sum((0, 1)) if sums else None


def _maps(like: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _or(bias: Tensor | None, other: Tensor) -> Tensor:
    """What a kernel is given for a bias: something on its device, where there is none."""
    return bias.contiguous() if bias is not None else other


def _constants(
    x: Tensor, bias: Tensor | None, lrn: Lrn, relu: bool, places: Places | None
) -> tuple[int, dict[str, Any]]:
    """How many channels a thread has, and what a kernel is compiled for."""
    _, c, h, w = x.shape
    share = c // lrn.groups
    together = math.gcd(share, _SIDE_BY_SIDE)
    (kh, kw), (sh, sw), (ph, pw), (dh, dw), _ = places or ONE
    return together, {
        "BETA": lrn.beta, "SIZE": lrn.size, "RELU": relu, "C": c, "CHUNKS": share // together, "V": together,
        "H": h, "W": w, "KH": kh, "KW": kw, "SH": sh, "SW": sw, "PH": ph, "PW": pw, "DH": dh, "DW": dw,
        "PLAIN": places is None, "ADDS": bias is not None,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Division:
    """A batch among programs: each has some of the ``tiles`` of an image's threads, for one of so many ``kinds`` of
    pixels, and every ``parts``-th image."""

    images: int
    kinds: int
    tiles: int
    parts: int

    @classmethod
    def of(cls, images: int, threads: int, kinds: int) -> _Division:
        tiles = triton.cdiv(threads, _THREADS)
        return cls(images, kinds, tiles, min(images, triton.cdiv(_PROGRAMS, kinds * max(1, tiles))))


def _launch(kernel: Any, tensors: tuple[Tensor, ...], division: _Division, lrn: Lrn, **constants: Any) -> None:
    programs = division.kinds * division.tiles * division.parts
    if programs == 0:
        return
    with torch.cuda.device_of(tensors[0]):  # type: ignore[no-untyped-call]
        kernel[(programs,)](
            *tensors, division.images, division.parts, float(lrn.k), float(lrn.alpha),
            TILES=division.tiles, THREADS=_THREADS, num_warps=_THREADS // 32, enable_fp_fusion=True, **constants,
        )  # fmt: skip
