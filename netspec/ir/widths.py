"""The bytes of numbers."""

from __future__ import annotations

from netspec.ir.settings import Precision

FULL = 4
"""Bytes of a number in float32: weights, their gradients and what optimisers remember of them have it always."""

HALF = 2
"""Bytes of a number in bfloat16."""


def width_of(precision: Precision) -> int:
    """Return the bytes of a number that a product computes."""
    return HALF if precision == "bf16" else FULL
