"""A Triton kernel for dropout that draws, scales and masks in one pass, with the same result as ``ops.dropout``."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _mixed(word):
    """``ops.chance.mixed`` for uint32."""
    word = (word ^ (word >> 16)) * 0x7FEB352D
    word = (word ^ (word >> 15)) * 0x846CA68B
    return word ^ (word >> 16)


@triton.jit(do_not_specialize=["numbers", "first_sample", "first_unit", "scale"])
def dropped(
    x_of, y_of, keys_of, numbers, first_sample, first_unit, scale,
    LEAST: tl.constexpr, UNITS: tl.constexpr, NUMBERS: tl.constexpr,
):  # fmt: skip
    """Multiply x by ``scale`` where a unit's random word is at least LEAST, else by 0.

    The first two keys at ``keys_of`` are those of samples and of units.
    """
    at = tl.program_id(0).to(tl.int64) * NUMBERS + tl.arange(0, NUMBERS)
    known = at < numbers
    row = _mixed((at // UNITS + first_sample + tl.load(keys_of)).to(tl.uint32))
    column = _mixed((at % UNITS + first_unit + tl.load(keys_of + 1)).to(tl.uint32))
    factor = tl.where(_mixed(row + column) >= LEAST, scale, 0.0)
    x = tl.load(x_of + at, mask=known, other=0.0).to(tl.float32)
    tl.store(y_of + at, (x * factor).to(y_of.dtype.element_ty), mask=known)
