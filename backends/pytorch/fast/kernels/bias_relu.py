"""Triton kernels for a bias followed by a ReLU, with one pass over the maps in each direction.

Maps are channels-last or channels-first. A program processes STEPS consecutive tiles of pixels of one block of
channels. Sums are in float32, and each program writes its own, so that they are always added in the same order. Memory
offsets have 64 bits.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _offsets(tile, channel, pixels, AREA, C: tl.constexpr, LAST: tl.constexpr, PIXELS: tl.constexpr):
    """Return the memory offsets of a tile's elements, and a mask of those that exist."""
    first, pixel = tile * PIXELS, tl.arange(0, PIXELS)[:, None]
    mask = (first + pixel < pixels) & (channel < C)
    if LAST:
        offset = (first + pixel) * C + channel
    else:
        # Relative to the tile's first image, so that only one division per tile has 64 bits.
        relative = (first % AREA).to(tl.int32) + pixel
        offset = ((first // AREA + relative // AREA) * C + channel) * AREA + relative % AREA
    return offset, mask


@triton.jit(do_not_specialize=["pixels", "STEPS"])
def forward(
    x_ptr, y_ptr, bias_ptr, pixels, AREA, STEPS,
    C: tl.constexpr, LAST: tl.constexpr, BLOCKS: tl.constexpr, PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """y = max(0, x + b). ``y_ptr`` may be ``x_ptr``."""
    program = tl.program_id(0).to(tl.int64) // BLOCKS
    channel = (tl.program_id(0) % BLOCKS * CHANNELS + tl.arange(0, CHANNELS))[None, :]
    bias = tl.load(bias_ptr + channel, mask=channel < C, other=0.0).to(tl.float32)
    for step in range(STEPS):
        offset, mask = _offsets(program * STEPS + step, channel, pixels, AREA, C, LAST, PIXELS)
        y = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32) + bias
        tl.store(y_ptr + offset, tl.where(y < 0, 0.0, y).to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit(do_not_specialize=["pixels", "STEPS"])
def backward(
    y_ptr, dy_ptr, dx_ptr, sums_ptr, pixels, AREA, STEPS,
    C: tl.constexpr, LAST: tl.constexpr, BLOCKS: tl.constexpr, SUMS: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """dx = dy where y > 0, else 0. If SUMS, write its sum over this program's pixels to a row of ``sums_ptr``."""
    program = tl.program_id(0).to(tl.int64) // BLOCKS
    channel = (tl.program_id(0) % BLOCKS * CHANNELS + tl.arange(0, CHANNELS))[None, :]
    total = tl.zeros((PIXELS, CHANNELS), tl.float32)
    for step in range(STEPS):
        offset, mask = _offsets(program * STEPS + step, channel, pixels, AREA, C, LAST, PIXELS)
        y = tl.load(y_ptr + offset, mask=mask, other=0.0).to(tl.float32)
        dy = tl.load(dy_ptr + offset, mask=mask, other=0.0)
        dx = tl.where(y <= 0, 0.0, dy.to(tl.float32))
        tl.store(dx_ptr + offset, dx.to(dx_ptr.dtype.element_ty), mask=mask)
        total += dx
    if SUMS:
        column_sums = tl.sum(total, 0)[None, :]
        tl.store(sums_ptr + program * C + channel, column_sums, mask=channel < C)
