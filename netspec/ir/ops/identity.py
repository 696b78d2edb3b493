"""Recognise operations that return their input unchanged."""

from __future__ import annotations

from netspec.ir.ops.base import Op
from netspec.ir.ops.joins import Concat
from netspec.ir.ops.spatial import Crop, ZeroPad
from netspec.ir.shape import Shape


def is_identity(op: Op, inputs: tuple[Shape, ...]) -> bool:
    """Whether an operation is a crop to the whole image, a padding by nothing, or a concatenation of one value."""
    if isinstance(op, Concat):
        return len(inputs) == 1
    return isinstance(op, Crop | ZeroPad) and op.shape(inputs) == inputs[0]
