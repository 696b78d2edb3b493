"""Losses, in methods that have the labels as an argument. Targets are smoothed in training only."""

from __future__ import annotations

from netspec.ir.ops import BinaryCrossEntropy, CauchyError, CrossEntropy, SquaredError, SumSquares

from ..site import Expressions, Site
from ..text import call, operand


def _cross_entropy(at: Site) -> str:
    smoothing = ", label_smoothing=LABEL_SMOOTHING * self.training" if at.train.label_smoothing else ""
    return f"F.cross_entropy({at.wide}, labels{smoothing})"


def _with_helper(name: str, at: Site, **options: str | None) -> str:
    smoothing = ["LABEL_SMOOTHING * self.training"] if at.train.label_smoothing else []
    return call(at.helper(name), at.wide, "labels", *smoothing, **options)


def _binary_cross_entropy(op: BinaryCrossEntropy, at: Site) -> str:
    return _with_helper("binary_cross_entropy", at, positive=repr(op.positive) if op.positive != 1 else None)


EXPRESSIONS: Expressions = {
    CrossEntropy: lambda op, at: _cross_entropy(at),
    BinaryCrossEntropy: _binary_cross_entropy,
    SquaredError: lambda op, at: _with_helper("squared_error", at),
    CauchyError: lambda op, at: _with_helper("cauchy_error", at),
    SumSquares: lambda op, at: f"{operand(at.wide)}.square().flatten(1).sum(1).mean()",
}
