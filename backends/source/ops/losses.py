"""Losses, for methods with an argument ``labels``. Label smoothing applies only in training."""

from __future__ import annotations

from netspec.ir import ops

from ..site import Expressions, Site
from ..text import call, operand


def _cross_entropy(at: Site) -> str:
    if at.shapes[0].is_image:
        option = ", self.training" if at.train.class_weights is not None else _smoothing(at)
        return f"pixel_loss({at.float32}, {at.labels}{option})"
    if at.train.class_weights is not None:
        return call(at.helper("weighted_cross_entropy"), at.float32, "labels", "self.training")
    return f"F.cross_entropy({at.float32}, labels{_smoothing(at)})"


def _smoothing(at: Site) -> str:
    return ", label_smoothing=LABEL_SMOOTHING * self.training" if at.train.label_smoothing else ""


def _with_helper(name: str, at: Site, **options: str | None) -> str:
    smoothing = ["LABEL_SMOOTHING * self.training"] if at.train.label_smoothing else []
    return call(at.helper(name), at.float32, "labels", *smoothing, **options)


def _binary_cross_entropy(op: ops.BinaryCrossEntropy, at: Site) -> str:
    if op.of == "probabilities":
        return _with_helper("probability_cross_entropy", at, positive=repr(op.positive), smallest=repr(op.smallest))
    return _with_helper("binary_cross_entropy", at, positive=repr(op.positive) if op.positive != 1 else None)


def _sum_squares(op: ops.SumSquares, at: Site) -> str:
    sums = f"{operand(at.float32)}.square().flatten(1).sum(1)"
    if op.gate == "none":
        return f"{sums}.mean()"
    numbers = f"{at.helper('class_numbers')}(labels)" if at.mixes else "labels"
    return f"({sums} * {numbers}).mean()"


def _gated_sum_squares(op: ops.GatedSumSquares, at: Site) -> str:
    gate, x = at.all_float32
    return f"({operand(gate)}.flatten() * {operand(x)}.square().flatten(1).sum(1)).mean()"


EXPRESSIONS: Expressions = {
    ops.CrossEntropy: lambda op, at: _cross_entropy(at),
    ops.SetCrossEntropy: lambda op, at: _with_helper("set_cross_entropy", at, size=str(op.size)),
    ops.BinaryCrossEntropy: _binary_cross_entropy,
    ops.SquaredError: lambda op, at: _with_helper("squared_error", at),
    ops.CauchyError: lambda op, at: _with_helper("cauchy_error", at),
    ops.SumSquares: _sum_squares,
    ops.GatedSumSquares: _gated_sum_squares,
    ops.Topographic: lambda op, at: call(
        at.helper("topographic_sparsity"), at.float32, str(op.size), repr(op.smallest)
    ),
}
