"""A Triton kernel for dropout that draws, scales and masks in one pass, with the same result as ``ops.dropout``."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def _hash_words(word):
    """``ops.counter_rng.hash_words`` for uint32."""
    word = (word ^ (word >> 16)) * 0x7FEB352D
    word = (word ^ (word >> 15)) * 0x846CA68B
    return word ^ (word >> 16)


@triton.jit(do_not_specialize=["numbers", "first_sample", "first_unit", "scale"])
def dropped(
    x_ptr, y_ptr, keys_ptr, numbers, first_sample, first_unit, scale,
    THRESHOLD: tl.constexpr, UNITS: tl.constexpr, NUMBERS: tl.constexpr,
):  # fmt: skip
    """Multiply x by ``scale`` where a unit's random word is at least THRESHOLD, else by 0.

    The first two keys at ``keys_ptr`` are those of samples and of units.
    """
    offset = tl.program_id(0).to(tl.int64) * NUMBERS + tl.arange(0, NUMBERS)
    mask = offset < numbers
    row = _hash_words((offset // UNITS + first_sample + tl.load(keys_ptr)).to(tl.uint32))
    column = _hash_words((offset % UNITS + first_unit + tl.load(keys_ptr + 1)).to(tl.uint32))
    factor = tl.where(_hash_words(row + column) >= THRESHOLD, scale, 0.0)
    x = tl.load(x_ptr + offset, mask=mask, other=0.0).to(tl.float32)
    tl.store(y_ptr + offset, (x * factor).to(y_ptr.dtype.element_ty), mask=mask)
