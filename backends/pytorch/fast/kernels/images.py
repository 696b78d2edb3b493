"""A Triton kernel that preprocesses stored images: it reads bytes and writes the blocks of pixels that the network
reads, cropped, mirrored, scaled, with the mean subtracted, the colour shifted and the deviation divided, in one pass.

Each element goes through the operations of ``netspec.train.data.batches.preparation`` in the same order, without fused
multiply-adds, and is rounded to the network's type once.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def prepare(
    pixel_ptr, out_ptr, top_ptr, left_ptr, mirror_ptr, shift_ptr, mean_ptr, std_ptr, scale,
    C: tl.constexpr, H: tl.constexpr, W: tl.constexpr, FH: tl.constexpr, FW: tl.constexpr,
    S: tl.constexpr, T: tl.constexpr, TOP: tl.constexpr, LEFT: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    LAST: tl.constexpr, WHOLE: tl.constexpr, REVERSE: tl.constexpr, SHIFTS: tl.constexpr, DIVIDES: tl.constexpr,
    PROGRAMS: tl.constexpr, NUMBERS: tl.constexpr,
):  # fmt: skip
    """Write NUMBERS elements of one image, which has ROWS x COLUMNS blocks of C S T elements.

    Pixels outside the crop, which has H rows and W columns, are 0.
    """
    image = (tl.program_id(0) // PROGRAMS).to(tl.int64)
    number = tl.program_id(0) % PROGRAMS * NUMBERS + tl.arange(0, NUMBERS)
    mask = number < C * S * T * ROWS * COLUMNS
    if LAST:
        within, block = number % (C * S * T), number // (C * S * T)
    else:
        within, block = number // (ROWS * COLUMNS), number % (ROWS * COLUMNS)
    channel = within // (S * T)
    row = block // COLUMNS * S + within // T % S - TOP
    column = block % COLUMNS * T + within % T - LEFT
    inside = mask & (row >= 0) & (row < H) & (column >= 0) & (column < W)
    if REVERSE:
        channel = C - 1 - channel
    column = tl.where(tl.load(mirror_ptr + image) != 0, W - 1 - column, column)
    offset = (tl.load(top_ptr + image) + row) * FW + tl.load(left_ptr + image) + column
    x = tl.load(pixel_ptr + image * (C * FH * FW) + channel * (FH * FW) + offset, mask=inside, other=0).to(tl.float32)
    x *= scale
    if WHOLE:
        x -= tl.load(mean_ptr + channel * (FH * FW) + offset, mask=inside, other=0.0)
    else:
        x -= tl.load(mean_ptr + channel, mask=inside, other=0.0)
    if SHIFTS:
        x += tl.load(shift_ptr + image * C + channel, mask=inside, other=0.0)
    if DIVIDES:
        x = tl.div_rn(x, tl.load(std_ptr + channel, mask=inside, other=1.0))
    x = tl.where(inside, x, 0.0)
    offset = image * (C * S * T * ROWS * COLUMNS) + number
    tl.store(out_ptr + offset, x.to(out_ptr.dtype.element_ty), mask=mask)
