"""Losses, in methods that have the labels as an argument. Targets are smoothed in training only."""

from __future__ import annotations

from netspec.ir.ops import BinaryCrossEntropy, CrossEntropy, SquaredError

from ..site import Expressions, Site


def _cross_entropy(at: Site) -> str:
    smoothing = ", label_smoothing=LABEL_SMOOTHING * self.training" if at.train.label_smoothing else ""
    return f"F.cross_entropy({at.wide}, labels{smoothing})"


def _with_helper(name: str, at: Site) -> str:
    smoothing = ", LABEL_SMOOTHING * self.training" if at.train.label_smoothing else ""
    return f"{at.helper(name)}({at.wide}, labels{smoothing})"


EXPRESSIONS: Expressions = {
    CrossEntropy: lambda op, at: _cross_entropy(at),
    BinaryCrossEntropy: lambda op, at: _with_helper("binary_cross_entropy", at),
    SquaredError: lambda op, at: _with_helper("squared_error", at),
}
