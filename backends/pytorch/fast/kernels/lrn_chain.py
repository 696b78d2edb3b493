"""Triton kernels of bias, ReLU, local response normalisation and maximum pooling, each direction in one pass over the
maps.

Maps lie channels last; sums and powers are float32. A thread takes ``V`` channels of a pixel, which lie side by side in
one group, reads them at once with those around them, and goes over several images: where it reads and writes in each
is worked out once. With b = k + alpha S(x^2) and y = x b^-beta (see ``ops.lrn``), the way back is

    dx = dy b^-beta - 2 alpha beta x S'(dy x b^(-beta - 1)),

where dy is gathered from the pooling's windows by the places that the forward pass noted. Places in memory are
computed in 64 bits from image to image, in 32 bits within one.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _loaded(of, at, mask, V: tl.constexpr):
    """V numbers from each place on."""
    return tl.load(of + at[:, None] + tl.arange(0, V)[None, :], mask=mask[:, None], other=0)


@triton.jit
def _store(of, at, value, mask, V: tl.constexpr):
    """V numbers to each place and those behind it."""
    tl.store(of + at[:, None] + tl.arange(0, V)[None, :], value.to(of.dtype.element_ty), mask=mask[:, None])


@triton.jit
def _inside(chunk, mask, ahead: tl.constexpr, CHUNKS: tl.constexpr):
    """Whether the chunk of channels ``ahead`` of this one is in its group, which has so many."""
    place = chunk % CHUNKS + ahead
    return mask & (place >= 0) & (place < CHUNKS)


@triton.jit
def _halves(x, V: tl.constexpr):
    """N,V as two of N,V/2: the first numbers and the last."""
    return tl.split(tl.permute(tl.reshape(x, [x.shape[0], 2, V // 2]), [0, 2, 1]))


@triton.jit
def _apart(x, V: tl.constexpr):
    """N,V as V tensors of N."""
    parts = (x,)
    for level in tl.static_range(3):
        if V >> level > 1:
            halved = ()
            for part in tl.static_range(1 << level):
                halved = halved + _halves(parts[part], V >> level)
            parts = halved
    alone = ()
    for part in tl.static_range(V):
        alone = alone + (tl.reshape(parts[part], [x.shape[0]]),)
    return alone


@triton.jit
def _together(x, V: tl.constexpr):
    """V tensors of N as one of N,V."""
    parts = ()
    for part in tl.static_range(V):
        parts = parts + (tl.reshape(x[part], [x[0].shape[0], 1]),)
    for level in tl.static_range(3):
        if V >> level > 1:
            joined = ()
            for part in tl.static_range(V >> (level + 1)):
                both = tl.permute(tl.join(parts[2 * part], parts[2 * part + 1]), [0, 2, 1])
                joined = joined + (tl.reshape(both, [x[0].shape[0], 2 << level]),)
            parts = joined
    return parts[0]


@triton.jit
def _biases(bias_of, chunk, mask, AROUND: tl.constexpr, V: tl.constexpr, CHUNKS: tl.constexpr, ADDS: tl.constexpr):
    """What is added to the channels of so many chunks before this one, of this one, and behind it: 0 where these are in
    another group."""
    found = ()
    for ahead in tl.static_range(-AROUND, AROUND + 1):
        if ADDS:
            bias = _loaded(bias_of, (chunk + ahead) * V, _inside(chunk, mask, ahead, CHUNKS), V).to(tl.float32)
            found = found + (bias,)
        else:
            found = found + (0.0,)
    return found


@triton.jit
def _rectified(
    x_of, bias, at, chunk, mask, AROUND: tl.constexpr, V: tl.constexpr, CHUNKS: tl.constexpr, RELU: tl.constexpr
):
    """x of each channel of the chunk, and of so many chunks before and behind it, with its bias, in float32; 0 where
    that is in another group."""
    found = ()
    for ahead in tl.static_range(-AROUND, AROUND + 1):
        x = _loaded(x_of, at + ahead * V, _inside(chunk, mask, ahead, CHUNKS), V).to(tl.float32) + bias[AROUND + ahead]
        if RELU:
            x = tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)
        found = found + _apart(x, V)
    return found


@triton.jit
def _base(x, place: tl.constexpr, k, alpha, SIZE: tl.constexpr):
    """k + alpha S(x^2) of a channel."""
    total = x[place - SIZE // 2] * x[place - SIZE // 2]
    for further in tl.static_range(1, SIZE):
        total += x[place - SIZE // 2 + further] * x[place - SIZE // 2 + further]
    return k + alpha * total


@triton.jit
def _powers(base, BETA: tl.constexpr):
    """b^-beta and b^(-beta - 1)."""
    if BETA == 0.75:
        root = tl.rsqrt(base)
        power = root * tl.sqrt(root)
        less = power * (root * root)
    elif BETA == 0.5:
        power = tl.rsqrt(base)
        less = power * power * power
    else:
        power = tl.exp2(-BETA * tl.log2(base))
        less = power / base
    return power, less


@triton.jit(do_not_specialize=["images", "parts"])
def forward(
    x_of, bias_of, y_of, place_of, images, parts, k, alpha,
    BETA: tl.constexpr, SIZE: tl.constexpr, RELU: tl.constexpr, C: tl.constexpr, CHUNKS: tl.constexpr,
    H: tl.constexpr, W: tl.constexpr, OH: tl.constexpr, OW: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr, ADDS: tl.constexpr,
    AROUND: tl.constexpr, V: tl.constexpr, TILES: tl.constexpr, THREADS: tl.constexpr,
):  # fmt: skip
    """Pixels of the pooled maps, from all pixels of their windows."""
    number = tl.program_id(0) % TILES * THREADS + tl.arange(0, THREADS)
    known = number < OH * OW * (C // V)
    pixel, chunk = number // (C // V), number % (C // V)
    row, column = pixel // OW * SH - PH, pixel % OW * SW - PW
    overhang: tl.constexpr = (
        PH > 0 or PW > 0 or (OH - 1) * SH + (KH - 1) * DH >= H or (OW - 1) * SW + (KW - 1) * DW >= W
    )
    bias = _biases(bias_of, chunk, known, AROUND, V, CHUNKS, ADDS)
    for image in range(tl.program_id(0) // TILES, images, parts):
        here = tl.cast(image, tl.int64)
        best = tl.full([THREADS, V], float("-inf"), tl.float32)
        largest = tl.zeros([THREADS, V], tl.int32)
        for place in range(KH * KW):
            r, c = row + place // KW * DH, column + place % KW * DW
            there = known & (r >= 0) & (r < H) & (c >= 0) & (c < W) if overhang else known
            at = (r * W + c) * C + chunk * V
            x = _rectified(x_of + here * (H * W * C), bias, at, chunk, there, AROUND, V, CHUNKS, RELU)
            normal = ()
            for v in tl.static_range(V):
                power, _ = _powers(_base(x, AROUND * V + v, k, alpha, SIZE), BETA)
                normal = normal + (x[AROUND * V + v] * power,)
            y = _together(normal, V)
            if overhang:
                y = tl.where(there[:, None], y, float("-inf"))
            largest = tl.where(y > best, place, largest)
            best = tl.maximum(y, best, propagate_nan=tl.PropagateNan.ALL)
        at = pixel * C + chunk * V
        _store(y_of + here * (OH * OW * C), at, best, known, V)
        if not PLAIN:
            _store(place_of + here * (OH * OW * C), at, largest, known, V)


@triton.jit(do_not_specialize=["images", "parts"])
def backward(
    x_of, bias_of, dy_of, place_of, dx_of, sums_of, images, parts, k, alpha,
    BETA: tl.constexpr, SIZE: tl.constexpr, RELU: tl.constexpr, C: tl.constexpr, CHUNKS: tl.constexpr,
    H: tl.constexpr, W: tl.constexpr, OH: tl.constexpr, OW: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr, ADDS: tl.constexpr,
    SUMS: tl.constexpr, AROUND: tl.constexpr, NEAR: tl.constexpr, V: tl.constexpr,
    TILES: tl.constexpr, THREADS: tl.constexpr,
):  # fmt: skip
    """Pixels of the gradient of what the chain reads, from the windows that they are in; for the bias a program leaves
    each thread's sums over its images.

    A program has pixels that stand alike in their windows, SH rows and SW columns apart: all are in as many. Channels
    that share a window with one are ``AROUND`` chunks from it at most, those that have it in theirs ``NEAR``.
    """
    columns: tl.constexpr = (W + PW + SW - 1) // SW
    top, left = tl.program_id(0) % (SH * SW) // SW, tl.program_id(0) % SW
    number = tl.program_id(0) // (SH * SW) % TILES * THREADS + tl.arange(0, THREADS)
    pixel, chunk = number // (C // V), number % (C // V)
    lowest, rightmost = pixel // columns, pixel % columns  # of the windows that may have this pixel
    row, column = lowest * SH + top - PH, rightmost * SW + left - PW
    known = (row >= 0) & (row < H) & (column >= 0) & (column < W)
    at = (row * W + column) * C + chunk * V
    bias = _biases(bias_of, chunk, known, AROUND, V, CHUNKS, ADDS)
    summed = tl.zeros([THREADS, V], tl.float32)
    for image in range(tl.program_id(0) // (SH * SW * TILES), images, parts):
        here = tl.cast(image, tl.int64)
        x = _rectified(x_of + here * (H * W * C), bias, at, chunk, known, AROUND, V, CHUNKS, RELU)
        given = ()
        for ahead in tl.static_range(-NEAR, NEAR + 1):
            if PLAIN:
                near = _inside(chunk, known, ahead, CHUNKS)
                given = given + (_loaded(dy_of + here * (H * W * C), at + ahead * V, near, V).to(tl.float32),)
            else:
                given = given + (tl.zeros([THREADS, V], tl.float32),)
        if not PLAIN:
            for a in range(((KH - 1) * DH - top + SH) // SH):
                for b in range(((KW - 1) * DW - left + SW) // SW):
                    i, j = top + a * SH, left + b * SW  # the window's pixel that this is
                    if i % DH == 0 and j % DW == 0:
                        r, c = lowest - a, rightmost - b
                        reads = known & (r >= 0) & (r < OH) & (c >= 0) & (c < OW)
                        window = (r * OW + c) * C + chunk * V
                        gathered = ()
                        for ahead in tl.static_range(-NEAR, NEAR + 1):
                            near = _inside(chunk, reads, ahead, CHUNKS)
                            largest = _loaded(place_of + here * (OH * OW * C), window + ahead * V, near, V)
                            dy = _loaded(dy_of + here * (OH * OW * C), window + ahead * V, near, V).to(tl.float32)
                            own = near[:, None] & (largest == i // DH * KW + j // DW)
                            gathered = gathered + (given[NEAR + ahead] + tl.where(own, dy, 0.0),)
                        given = gathered
        dy = ()
        for ahead in tl.static_range(2 * NEAR + 1):
            dy = dy + _apart(given[ahead], V)
        gradients = ()
        shares = ()
        # The channels that have one of these in their windows: those of the reversed window.
        for v in tl.static_range(SIZE // 2 - SIZE + 1, V + SIZE // 2):
            power, less = _powers(_base(x, AROUND * V + v, k, alpha, SIZE), BETA)
            share = dy[NEAR * V + v] * x[AROUND * V + v] * less
            if v < 0 or v >= V:  # of another group b may be 0, and this no number
                share = tl.where(_inside(chunk, known, v // V, CHUNKS), share, 0.0)
            else:
                gradients = gradients + (dy[NEAR * V + v] * power,)
            shares = shares + (share,)
        made = ()
        for v in tl.static_range(V):
            shared = shares[v]
            for further in tl.static_range(1, SIZE):
                shared += shares[v + further]
            dx = gradients[v] - 2 * alpha * BETA * x[AROUND * V + v] * shared
            if RELU:
                dx = tl.where(x[AROUND * V + v] <= 0, 0.0, dx)
            made = made + (dx,)
        dx = _together(made, V)
        _store(dx_of + here * (H * W * C), at, dx, known, V)
        if SUMS:
            summed += tl.where(known[:, None], dx, 0.0)
    if SUMS:
        # Of each part and kind of pixels all tiles one after the other: rows of as many channels as there are.
        part, tile = tl.program_id(0) // (SH * SW * TILES), tl.program_id(0) // (SH * SW) % TILES
        row = tl.cast(part * (SH * SW) + tl.program_id(0) % (SH * SW), tl.int64) * TILES + tile
        _store(sums_of + row * (THREADS * V), tl.arange(0, THREADS) * V, summed, chunk >= 0, V)
