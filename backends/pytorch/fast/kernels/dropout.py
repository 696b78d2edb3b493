"""A Triton kernel of dropout: it draws, scales and masks in one pass, as ``ops.dropout`` does in many."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _mixed(word):
    """As ``ops.chance.mixed``, of words of 32 bits without a sign."""
    word = (word ^ (word >> 16)) * 0x7FEB352D
    word = (word ^ (word >> 15)) * 0x846CA68B
    return word ^ (word >> 16)


@triton.jit(do_not_specialize=["numbers", "first_sample", "first_unit", "scale"])
def dropped(
    x_of, y_of, keys_of, numbers, first_sample, first_unit, scale,
    LEAST: tl.constexpr, UNITS: tl.constexpr, NUMBERS: tl.constexpr,
):  # fmt: skip
    """x times ``scale`` where a unit's word is LEAST or more, and times 0 elsewhere. The first two keys are those of
    samples and of units."""
    at = tl.program_id(0).to(tl.int64) * NUMBERS + tl.arange(0, NUMBERS)
    known = at < numbers
    row = _mixed((at // UNITS + first_sample + tl.load(keys_of)).to(tl.uint32))
    column = _mixed((at % UNITS + first_unit + tl.load(keys_of + 1)).to(tl.uint32))
    factor = tl.where(_mixed(row + column) >= LEAST, scale, 0.0)
    x = tl.load(x_of + at, mask=known, other=0.0).to(tl.float32)
    tl.store(y_of + at, (x * factor).to(y_of.dtype.element_ty), mask=known)
