"""Losses, in methods that have the labels as an argument."""

from __future__ import annotations

from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy, SquaredError

from ..site import Expressions, Site


def _with_helper(name: str, at: Site) -> str:
    return f"{at.helper(name)}({at.x}, labels)"


EXPRESSIONS: Expressions = {
    CrossEntropy: lambda op, at: f"F.cross_entropy({at.x}, labels)",
    BinaryCrossEntropy: lambda op, at: _with_helper("binary_cross_entropy", at),
    SquaredError: lambda op, at: _with_helper("squared_error", at),
}
