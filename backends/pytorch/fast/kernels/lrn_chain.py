"""Triton kernels of ReLU, local response normalisation and maximum pooling, each direction in one pass over the maps.

Maps lie channels last; sums and powers are float32. A program has a few pixels and a block of channels, and reads the
channels around them from the cache. With b = k + alpha S(x^2) and y = x b^-beta (see ``ops.lrn``), the way back is

    dx = dy b^-beta - 2 alpha beta x S'(dy x b^(-beta - 1)),

where dy is gathered from the pooling's windows by the places that the forward pass noted. Places in memory are
computed in 64 bits.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _rectified(
    x_of, row, channel, valid, offset: tl.constexpr, C: tl.constexpr, SHARE: tl.constexpr, RELU: tl.constexpr
):
    """x of the channel ``offset`` after each, in float32; 0 where that is in another group."""
    place = channel + offset
    # Whole numbers are divided towards 0: a negative place would be in the first group too.
    inside = valid & (place >= 0) & (place < C) & (place // SHARE == channel // SHARE)
    x = tl.load(x_of + (row * C + place), mask=inside, other=0.0).to(tl.float32)
    if RELU:
        x = tl.where(x < 0, 0.0, x)
    return x


@triton.jit
def _power(base, BETA: tl.constexpr):
    """b^-beta."""
    if BETA == 0.75:
        root = tl.sqrt_rn(base)
        result = 1.0 / (root * tl.sqrt_rn(root))
    elif BETA == 0.5:
        result = 1.0 / tl.sqrt_rn(base)
    else:
        result = tl.exp2(-BETA * tl.log2(base))
    return result


@triton.jit(do_not_specialize=["pixels"])
def forward(
    x_of, y_of, place_of, pixels, H, W, OH, OW, k, alpha,
    BETA: tl.constexpr, SIZE: tl.constexpr, RELU: tl.constexpr, C: tl.constexpr, SHARE: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Pixels of the pooled maps, from all pixels of their windows."""
    pixel = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    channel = (tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS))[None, :]
    known = ((pixel < pixels)[:, None]) & (channel < C)
    image, row, column = pixel // (OH * OW), pixel // OW % OH, pixel % OW
    best = tl.full((PIXELS, CHANNELS), float("-inf"), tl.float32)
    largest = tl.zeros((PIXELS, CHANNELS), tl.int32)
    for i in tl.static_range(KH):
        for j in tl.static_range(KW):
            r, c = row * SH - PH + i * DH, column * SW - PW + j * DW
            there = known & ((r >= 0) & (r < H) & (c >= 0) & (c < W))[:, None]
            at = ((image * H + r) * W + c)[:, None]
            total = tl.zeros((PIXELS, CHANNELS), tl.float32)
            for offset in tl.static_range(-(SIZE // 2), SIZE - SIZE // 2):
                near = _rectified(x_of, at, channel, there, offset, C, SHARE, RELU)
                total += near * near
            y = _rectified(x_of, at, channel, there, 0, C, SHARE, RELU) * _power(k + alpha * total, BETA)
            larger = there & ((y > best) | (y != y))
            best = tl.where(larger, y, best)
            largest = tl.where(larger, i * KW + j, largest)
    at = pixel[:, None] * C + channel
    tl.store(y_of + at, best.to(y_of.dtype.element_ty), mask=known)
    if not PLAIN:
        tl.store(place_of + at, largest.to(place_of.dtype.element_ty), mask=known)


@triton.jit
def _gathered(
    dy_of, place_of, image, row, column, channel, valid, offset: tl.constexpr, H, W, OH, OW,
    C: tl.constexpr, SHARE: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr,
):  # fmt: skip
    """The gradient of the normalised map at pixels, of the channel ``offset`` after each: that of every window whose
    largest pixel this is."""
    place = channel + offset
    inside = valid & (place >= 0) & (place < C) & (place // SHARE == channel // SHARE)
    if PLAIN:
        at = ((image * H + row) * W + column)[:, None]
        total = tl.load(dy_of + (at * C + place), mask=inside, other=0.0).to(tl.float32)
    else:
        total = tl.zeros(inside.shape, tl.float32)
        for a in tl.static_range(((KH - 1) * DH) // SH + 1):
            for b in tl.static_range(((KW - 1) * DW) // SW + 1):
                r, c = (row + PH) // SH - a, (column + PW) // SW - b
                i, j = row + PH - r * SH, column + PW - c * SW
                within = (r >= 0) & (r < OH) & (c >= 0) & (c < OW) & (i % DH == 0) & (j % DW == 0)
                within = within & (i // DH < KH) & (j // DW < KW)
                reads = inside & within[:, None]
                at = ((image * OH + r) * OW + c)[:, None] * C + place
                largest = tl.load(place_of + at, mask=reads, other=0).to(tl.int32)
                dy = tl.load(dy_of + at, mask=reads, other=0.0).to(tl.float32)
                here = (i // DH * KW + j // DW).to(tl.int32)[:, None]
                total += tl.where(reads & (largest == here), dy, 0.0)
    return total


@triton.jit(do_not_specialize=["pixels"])
def backward(
    x_of, dy_of, place_of, dx_of, pixels, H, W, OH, OW, k, alpha,
    BETA: tl.constexpr, SIZE: tl.constexpr, RELU: tl.constexpr, C: tl.constexpr, SHARE: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr,
    PIXELS: tl.constexpr, CHANNELS: tl.constexpr,
):  # fmt: skip
    """Pixels of the gradient of what the chain reads, from the windows that they are in."""
    pixel = tl.program_id(0).to(tl.int64) * PIXELS + tl.arange(0, PIXELS)
    channel = (tl.program_id(1) * CHANNELS + tl.arange(0, CHANNELS))[None, :]
    known = ((pixel < pixels)[:, None]) & (channel < C)
    image, row, column = pixel // (H * W), pixel // W % H, pixel % W
    at = pixel[:, None]
    # x of every channel that the windows of those that share this one reach, from the first to the last.
    around = ()
    for offset in tl.static_range(1 - SIZE, SIZE):
        around = around + (_rectified(x_of, at, channel, known, offset, C, SHARE, RELU),)
    own = tl.zeros((PIXELS, CHANNELS), tl.float32)
    shared = tl.zeros((PIXELS, CHANNELS), tl.float32)
    # The channels that have this one in their windows: those of the reversed window.
    for offset in tl.static_range(SIZE // 2 - SIZE + 1, SIZE // 2 + 1):
        total = tl.zeros((PIXELS, CHANNELS), tl.float32)
        for further in tl.static_range(-(SIZE // 2), SIZE - SIZE // 2):
            total += around[offset + further + SIZE - 1] * around[offset + further + SIZE - 1]
        base = k + alpha * total
        dy = _gathered(
            dy_of, place_of, image, row, column, channel, known, offset, H, W, OH, OW,
            C, SHARE, KH, KW, SH, SW, PH, PW, DH, DW, PLAIN,
        )  # fmt: skip
        part = dy * _power(base, BETA)
        if offset == 0:
            own = part
        inside = known & (channel + offset >= 0) & ((channel + offset) // SHARE == channel // SHARE)
        shared += tl.where(inside, around[offset + SIZE - 1] * part / base, 0.0)
    x = around[SIZE - 1]
    dx = own - 2 * alpha * BETA * x * shared
    if RELU:
        dx = tl.where(x <= 0, 0.0, dx)
    tl.store(dx_of + (at * C + channel), dx.to(dx_of.dtype.element_ty), mask=known)
