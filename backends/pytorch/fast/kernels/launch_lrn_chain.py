"""Launch the kernels of an LRN chain: allocate its maps, and divide the work among programs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
import triton
from torch import Tensor

from netspec.ir.ops import Lrn

from ..pool_args import NO_POOLING, PoolArgs
from . import lrn_chain

_SIDE_BY_SIDE = 8
"""The most channels per thread: 16 bytes of bfloat16."""

_THREADS = 128

_PROGRAMS = 16384
"""The approximate number of programs for a large batch: a dozen times as many as a current GPU runs at a time, so that
the last ones do not leave it idle for long."""


def forward(x: Tensor, bias: Tensor | None, lrn: Lrn, relu: bool, pool: PoolArgs | None) -> tuple[Tensor, Tensor]:
    """Return the chain's value of N,C,H,W maps plus a bias (C,), if any, in the type of the maps.

    The second result is the number of the largest pixel in each window, as a byte; it is empty without pooling.
    ``check.too_large`` limits the sizes.
    """
    x = x.contiguous(memory_format=torch.channels_last)
    n, c, h, w = x.shape
    rows, columns = F.max_pool2d(torch.empty((1, 1, h, w), device="meta"), *(pool or NO_POOLING)).shape[2:]
    y = _empty_maps(x, (n, c, rows, columns), x.dtype)
    largest = _empty_maps(x, (n, c, rows, columns), torch.uint8) if pool else y[:0]
    per_thread, constants = _constants(x, bias, lrn, relu, pool)
    division = _Division.for_kernel(n, rows * columns * c // per_thread, 1)
    _launch(
        lrn_chain.forward, (x, _or_placeholder(bias, x), y, largest), division, lrn,
        OH=rows, OW=columns, AROUND=triton.cdiv(lrn.size // 2, per_thread), **constants,
    )  # fmt: skip
    return y, largest


def backward(
    x: Tensor,
    bias: Tensor | None,
    dy: Tensor,
    largest: Tensor,
    lrn: Lrn,
    relu: bool,
    pool: PoolArgs | None,
    *,
    sums: bool,
) -> tuple[Tensor, Tensor | None]:
    """Return the gradient by the maps, in their type, and by the bias, in float32, if ``sums``.

    ``dy`` is the gradient by the value of ``forward``, ``largest`` its second result.
    """
    x, dy = (t.contiguous(memory_format=torch.channels_last) for t in (x, dy))
    n, c, h, w = x.shape
    dx = _empty_maps(x, (n, c, h, w), x.dtype)
    per_thread, constants = _constants(x, bias, lrn, relu, pool)
    _, (sh, sw), (ph, pw), *_ = pool or NO_POOLING
    pixels = triton.cdiv(h + ph, sh) * triton.cdiv(w + pw, sw)  # with the same offset modulo the stride
    division = _Division.for_kernel(n, pixels * c // per_thread, sh * sw)
    shape = (division.parts * sh * sw, division.tiles * _THREADS * per_thread)
    partial_sums = torch.empty(shape, dtype=torch.float32, device=x.device) if sums else x[:0]
    _launch(
        lrn_chain.backward, (x, _or_placeholder(bias, x), dy, largest, dx, partial_sums), division, lrn,
        OH=dy.shape[2], OW=dy.shape[3], SUMS=sums, AROUND=triton.cdiv(lrn.size - 1, per_thread),
        NEAR=triton.cdiv(lrn.size // 2, per_thread), **constants,
    )  # fmt: skip
    return dx, torch.unflatten(partial_sums[:, : pixels * c], 1, (pixels, c)).sum((0, 1)) if sums else None


def _empty_maps(like: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device=like.device, memory_format=torch.channels_last)


def _or_placeholder(bias: Tensor | None, other: Tensor) -> Tensor:
    """Return the bias, or any tensor on the device as a placeholder if there is none."""
    return bias.contiguous() if bias is not None else other


def _constants(
    x: Tensor, bias: Tensor | None, lrn: Lrn, relu: bool, pool: PoolArgs | None
) -> tuple[int, dict[str, Any]]:
    """Return the number of channels per thread, and the compile-time constants of a kernel."""
    _, c, h, w = x.shape
    share = c // lrn.groups
    per_thread = math.gcd(share, _SIDE_BY_SIDE)
    (kh, kw), (sh, sw), (ph, pw), (dh, dw), _ = pool or NO_POOLING
    return per_thread, {
        "BETA": lrn.beta, "SIZE": lrn.size, "RELU": relu, "C": c, "CHUNKS": share // per_thread, "V": per_thread,
        "H": h, "W": w, "KH": kh, "KW": kw, "SH": sh, "SW": sw, "PH": ph, "PW": pw, "DH": dh, "DW": dw,
        "PLAIN": pool is None, "ADDS": bias is not None,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Division:
    """How a batch is divided among ``kinds`` x ``tiles`` x ``parts`` programs.

    A program processes one of the tiles of an image, for one kind of pixels (see ``lrn_chain.backward``), in every
    ``parts``-th image.
    """

    images: int
    kinds: int
    tiles: int
    parts: int

    @classmethod
    def for_kernel(cls, images: int, threads: int, kinds: int) -> _Division:
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
