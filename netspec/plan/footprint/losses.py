"""Losses: of the scores' size, probabilities or differences, and the targets."""

from __future__ import annotations

from netspec.ir.ops import (
    BinaryCrossEntropy,
    CauchyError,
    GatedSumSquares,
    Loss,
    SetCrossEntropy,
    SumSquares,
    Topographic,
)
from netspec.ir.window import Pad
from netspec.plan.footprint.model import FULL, Footprint, Site


def loss(op: Loss, site: Site) -> Footprint:
    """Of the scores' size: probabilities or differences, and the targets."""
    scores, wide = site.read * FULL, site.width == FULL
    keeps, copies = False, 1
    if isinstance(op, GatedSumSquares | Topographic):
        return _sum_of_squares(op, site)
    if isinstance(op, SetCrossEntropy):
        return Footprint(FULL, FULL, extra=(site.read + site.images * _set_numbers(op, site.inputs[0].units)) * FULL)
    if isinstance(op, SumSquares):
        keeps, copies = wide, 0 if wide else 1
    elif isinstance(op, BinaryCrossEntropy) and op.of == "probabilities":  # both, cut off, and the targets of both
        keeps, copies = wide, 5 if wide else 6
    elif isinstance(op, BinaryCrossEntropy):  # it keeps the scores themselves as well
        keeps, copies = wide, 1 if wide else 2
    elif isinstance(op, CauchyError):  # and the squares of the differences
        copies = 2
    return Footprint(FULL, FULL, keeps_input=keeps, extra=copies * scores, forward=scores)


def _sum_of_squares(op: GatedSumSquares | Topographic, site: Site) -> Footprint:
    """The value (the last input) or its copy; around pixels, the padded squares and the slopes as well."""
    value = site.images * site.inputs[-1].units * FULL
    wide = site.widths[-1] == FULL
    extra = 0 if wide else value
    if isinstance(op, Topographic):
        before = op.size // 2
        extra += site.padded(Pad(before, op.size - 1 - before, before, op.size - 1 - before)) * FULL + value
    return Footprint(FULL, FULL, keeps_input=wide, extra=extra, forward=value)


def _set_numbers(op: SetCrossEntropy, classes: int) -> int:
    """What products of polynomials keep, in numbers an image: the terms of each coefficient, and itself."""

    def product(p: int, q: int, most: int) -> int:
        degrees = range(min(p + q, most) + 1)
        return sum(min(s, p) - max(0, s - q) + 2 for s in degrees)

    depth = (classes - 1).bit_length()
    degrees = [min(1 << level, op.size) for level in range(depth + 1)]
    numbers, beyond = 0, 0
    for level in reversed(range(depth)):
        runs, degree = 1 << (depth - level - 1), degrees[level]
        numbers += runs * (product(degree, degree, op.size) + 2 * product(beyond, degree, op.size - 1))
        beyond = min(beyond + degree, op.size - 1)
    return numbers
