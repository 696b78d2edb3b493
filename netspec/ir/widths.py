"""The bytes of numbers, and the largest one."""

from __future__ import annotations

from netspec.ir.settings import Precision

FULL = 4
"""Bytes of a number in float32: weights, their gradients and what optimisers remember of them have it always."""

HALF = 2
"""Bytes of a number in bfloat16."""

MAX_FLOAT32 = 3.4028234663852886e38
"""The largest number in float32."""


def width_of(precision: Precision) -> int:
    """Return the bytes of a number that a product computes."""
    return HALF if precision == "bf16" else FULL
