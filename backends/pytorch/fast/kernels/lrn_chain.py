"""Triton kernels for bias, ReLU, local response normalisation and max pooling, with one pass over the maps in each
direction.

Maps are channels-last; sums and powers are in float32. A thread computes a chunk of ``V`` adjacent channels, of one
group, of a pixel. It loads them and the neighbouring chunks as vectors, and iterates over several images, for which it
computes its offsets only once. With b = k + alpha S(x^2) and y = x b^-beta (see ``ops.lrn``), the gradient is

    dx = dy b^-beta - 2 alpha beta x S'(dy x b^(-beta - 1)),

where dy is gathered from the windows of the pooling whose largest pixel, as recorded by ``forward``, is this one.
Offsets have 64 bits between images and 32 bits within an image.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _load(ptr, offset, mask, V: tl.constexpr):
    """Load V adjacent elements from each offset on."""
    return tl.load(ptr + offset[:, None] + tl.arange(0, V)[None, :], mask=mask[:, None], other=0)


@triton.jit
def _store(ptr, offset, value, mask, V: tl.constexpr):
    """Store V adjacent elements from each offset on."""
    tl.store(ptr + offset[:, None] + tl.arange(0, V)[None, :], value.to(ptr.dtype.element_ty), mask=mask[:, None])


@triton.jit
def _in_group(chunk, mask, ahead: tl.constexpr, CHUNKS: tl.constexpr):
    """Whether the chunk at distance ``ahead`` is in the same group, which has CHUNKS chunks."""
    place = chunk % CHUNKS + ahead
    return mask & (place >= 0) & (place < CHUNKS)


@triton.jit
def _halves(x, V: tl.constexpr):
    """Split N,V into two tensors of N,V/2: the first and the second half."""
    return tl.split(tl.permute(tl.reshape(x, [x.shape[0], 2, V // 2]), [0, 2, 1]))


@triton.jit
def _split(x, V: tl.constexpr):
    """Split N,V into V tensors of N."""
    parts = (x,)
    for level in tl.static_range(3):
        if V >> level > 1:
            halves = ()
            for part in tl.static_range(1 << level):
                halves = halves + _halves(parts[part], V >> level)
            parts = halves
    channels = ()
    for part in tl.static_range(V):
        channels = channels + (tl.reshape(parts[part], [x.shape[0]]),)
    return channels


@triton.jit
def _join(x, V: tl.constexpr):
    """Join V tensors of N to one of N,V."""
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
def _load_biases(
    bias_ptr, chunk, mask, AROUND: tl.constexpr, V: tl.constexpr, CHUNKS: tl.constexpr, ADDS: tl.constexpr
):
    """Load the biases of this chunk and of AROUND chunks before and after it, 0 for those in another group."""
    biases = ()
    for ahead in tl.static_range(-AROUND, AROUND + 1):
        if ADDS:
            bias = _load(bias_ptr, (chunk + ahead) * V, _in_group(chunk, mask, ahead, CHUNKS), V).to(tl.float32)
            biases = biases + (bias,)
        else:
            biases = biases + (0.0,)
    return biases


@triton.jit
def _load_rectified(
    x_ptr, bias, offset, chunk, mask, AROUND: tl.constexpr, V: tl.constexpr, CHUNKS: tl.constexpr, RELU: tl.constexpr
):
    """Return x plus bias, rectified if RELU, of each channel of this chunk and of AROUND chunks before and after it.

    Values are in float32, and 0 for chunks in another group.
    """
    channels = ()
    for ahead in tl.static_range(-AROUND, AROUND + 1):
        x = _load(x_ptr, offset + ahead * V, _in_group(chunk, mask, ahead, CHUNKS), V).to(tl.float32)
        x = x + bias[AROUND + ahead]
        if RELU:
            x = tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)
        channels = channels + _split(x, V)
    return channels


@triton.jit
def _base(x, channel: tl.constexpr, k, alpha, SIZE: tl.constexpr):
    """Return b = k + alpha S(x^2) of a channel."""
    total = x[channel - SIZE // 2] * x[channel - SIZE // 2]
    for i in tl.static_range(1, SIZE):
        total += x[channel - SIZE // 2 + i] * x[channel - SIZE // 2 + i]
    return k + alpha * total


@triton.jit
def _powers(base, BETA: tl.constexpr):
    """Return b^-beta and b^(-beta - 1)."""
    if BETA == 0.75:
        root = tl.rsqrt(base)
        power = root * tl.sqrt(root)
        lower_power = power * (root * root)
    elif BETA == 0.5:
        power = tl.rsqrt(base)
        lower_power = power * power * power
    else:
        power = tl.exp2(-BETA * tl.log2(base))
        lower_power = power / base
    return power, lower_power


@triton.jit(do_not_specialize=["images", "parts"])
def forward(
    x_ptr, bias_ptr, y_ptr, largest_ptr, images, parts, k, alpha,
    BETA: tl.constexpr, SIZE: tl.constexpr, RELU: tl.constexpr, C: tl.constexpr, CHUNKS: tl.constexpr,
    H: tl.constexpr, W: tl.constexpr, OH: tl.constexpr, OW: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr, ADDS: tl.constexpr,
    AROUND: tl.constexpr, V: tl.constexpr, TILES: tl.constexpr, THREADS: tl.constexpr,
):  # fmt: skip
    """Compute pixels of the pooled maps from all pixels of their windows."""
    number = tl.program_id(0) % TILES * THREADS + tl.arange(0, THREADS)
    mask = number < OH * OW * (C // V)
    pixel, chunk = number // (C // V), number % (C // V)
    row, column = pixel // OW * SH - PH, pixel % OW * SW - PW
    overhang: tl.constexpr = (
        PH > 0 or PW > 0 or (OH - 1) * SH + (KH - 1) * DH >= H or (OW - 1) * SW + (KW - 1) * DW >= W
    )
    bias = _load_biases(bias_ptr, chunk, mask, AROUND, V, CHUNKS, ADDS)
    for image in range(tl.program_id(0) // TILES, images, parts):
        image64 = tl.cast(image, tl.int64)
        best = tl.full([THREADS, V], float("-inf"), tl.float32)
        largest = tl.zeros([THREADS, V], tl.int32)
        for tap in range(KH * KW):
            r, c = row + tap // KW * DH, column + tap % KW * DW
            inside = mask & (r >= 0) & (r < H) & (c >= 0) & (c < W) if overhang else mask
            offset = (r * W + c) * C + chunk * V
            x = _load_rectified(x_ptr + image64 * (H * W * C), bias, offset, chunk, inside, AROUND, V, CHUNKS, RELU)
            normal = ()
            for v in tl.static_range(V):
                power, _ = _powers(_base(x, AROUND * V + v, k, alpha, SIZE), BETA)
                normal = normal + (x[AROUND * V + v] * power,)
            y = _join(normal, V)
            if overhang:
                y = tl.where(inside[:, None], y, float("-inf"))
            largest = tl.where(y > best, tap, largest)
            best = tl.maximum(y, best, propagate_nan=tl.PropagateNan.ALL)
        offset = pixel * C + chunk * V
        _store(y_ptr + image64 * (OH * OW * C), offset, best, mask, V)
        if not PLAIN:
            _store(largest_ptr + image64 * (OH * OW * C), offset, largest, mask, V)


@triton.jit(do_not_specialize=["images", "parts"])
def backward(
    x_ptr, bias_ptr, dy_ptr, largest_ptr, dx_ptr, sums_ptr, images, parts, k, alpha,
    BETA: tl.constexpr, SIZE: tl.constexpr, RELU: tl.constexpr, C: tl.constexpr, CHUNKS: tl.constexpr,
    H: tl.constexpr, W: tl.constexpr, OH: tl.constexpr, OW: tl.constexpr,
    KH: tl.constexpr, KW: tl.constexpr, SH: tl.constexpr, SW: tl.constexpr,
    PH: tl.constexpr, PW: tl.constexpr, DH: tl.constexpr, DW: tl.constexpr, PLAIN: tl.constexpr, ADDS: tl.constexpr,
    SUMS: tl.constexpr, AROUND: tl.constexpr, NEAR: tl.constexpr, V: tl.constexpr,
    TILES: tl.constexpr, THREADS: tl.constexpr,
):  # fmt: skip
    """Compute pixels of the gradient by the chain's input from all windows that contain them.

    For the bias, each thread writes its sums over the images. The pixels of a program have the same offset modulo the
    stride, so that the same number of windows contain each. Channels whose values are needed are at most AROUND chunks
    away, channels whose gradients are needed NEAR chunks.
    """
    columns: tl.constexpr = (W + PW + SW - 1) // SW
    top, left = tl.program_id(0) % (SH * SW) // SW, tl.program_id(0) % SW
    number = tl.program_id(0) // (SH * SW) % TILES * THREADS + tl.arange(0, THREADS)
    pixel, chunk = number // (C // V), number % (C // V)
    lowest, rightmost = pixel // columns, pixel % columns  # the last windows that can contain this pixel
    row, column = lowest * SH + top - PH, rightmost * SW + left - PW
    mask = (row >= 0) & (row < H) & (column >= 0) & (column < W)
    offset = (row * W + column) * C + chunk * V
    bias = _load_biases(bias_ptr, chunk, mask, AROUND, V, CHUNKS, ADDS)
    bias_sums = tl.zeros([THREADS, V], tl.float32)
    for image in range(tl.program_id(0) // (SH * SW * TILES), images, parts):
        image64 = tl.cast(image, tl.int64)
        x = _load_rectified(x_ptr + image64 * (H * W * C), bias, offset, chunk, mask, AROUND, V, CHUNKS, RELU)
        dy_chunks = ()
        for ahead in tl.static_range(-NEAR, NEAR + 1):
            if PLAIN:
                near = _in_group(chunk, mask, ahead, CHUNKS)
                dy_chunk = _load(dy_ptr + image64 * (H * W * C), offset + ahead * V, near, V).to(tl.float32)
                dy_chunks = dy_chunks + (dy_chunk,)
            else:
                dy_chunks = dy_chunks + (tl.zeros([THREADS, V], tl.float32),)
        if not PLAIN:
            for a in range(((KH - 1) * DH - top + SH) // SH):
                for b in range(((KW - 1) * DW - left + SW) // SW):
                    i, j = top + a * SH, left + b * SW  # this pixel's position in the window
                    if i % DH == 0 and j % DW == 0:
                        r, c = lowest - a, rightmost - b
                        in_window = mask & (r >= 0) & (r < OH) & (c >= 0) & (c < OW)
                        window = (r * OW + c) * C + chunk * V
                        gathered = ()
                        for ahead in tl.static_range(-NEAR, NEAR + 1):
                            near = _in_group(chunk, in_window, ahead, CHUNKS)
                            largest = _load(largest_ptr + image64 * (OH * OW * C), window + ahead * V, near, V)
                            dy = _load(dy_ptr + image64 * (OH * OW * C), window + ahead * V, near, V).to(tl.float32)
                            is_largest = near[:, None] & (largest == i // DH * KW + j // DW)
                            gathered = gathered + (dy_chunks[NEAR + ahead] + tl.where(is_largest, dy, 0.0),)
                        dy_chunks = gathered
        dy = ()
        for ahead in tl.static_range(2 * NEAR + 1):
            dy = dy + _split(dy_chunks[ahead], V)
        gradients = ()
        shares = ()
        # The channels whose windows contain one of these channels: those in the reversed window.
        for v in tl.static_range(SIZE // 2 - SIZE + 1, V + SIZE // 2):
            power, lower_power = _powers(_base(x, AROUND * V + v, k, alpha, SIZE), BETA)
            share = dy[NEAR * V + v] * x[AROUND * V + v] * lower_power
            if v < 0 or v >= V:  # in another group b may be 0, which would make this NaN
                share = tl.where(_in_group(chunk, mask, v // V, CHUNKS), share, 0.0)
            else:
                gradients = gradients + (dy[NEAR * V + v] * power,)
            shares = shares + (share,)
        dx_channels = ()
        for v in tl.static_range(V):
            share_sum = shares[v]
            for further in tl.static_range(1, SIZE):
                share_sum += shares[v + further]
            dx = gradients[v] - 2 * alpha * BETA * x[AROUND * V + v] * share_sum
            if RELU:
                dx = tl.where(x[AROUND * V + v] <= 0, 0.0, dx)
            dx_channels = dx_channels + (dx,)
        dx = _join(dx_channels, V)
        _store(dx_ptr + image64 * (H * W * C), offset, dx, mask, V)
        if SUMS:
            bias_sums += tl.where(mask[:, None], dx, 0.0)
    if SUMS:
        # A row of sums per part and kind of pixels, with all tiles one after the other.
        part, tile = tl.program_id(0) // (SH * SW * TILES), tl.program_id(0) // (SH * SW) % TILES
        row = tl.cast(part * (SH * SW) + tl.program_id(0) % (SH * SW), tl.int64) * TILES + tile
        _store(sums_ptr + row * (THREADS * V), tl.arange(0, THREADS) * V, bias_sums, chunk >= 0, V)
