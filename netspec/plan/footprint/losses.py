"""Footprints of losses."""

from __future__ import annotations

from netspec.ir.ops import (
    BinaryCrossEntropy,
    CauchyError,
    CrossEntropy,
    GatedSumSquares,
    Loss,
    SetCrossEntropy,
    SumSquares,
    Topographic,
)
from netspec.ir.widths import FULL
from netspec.ir.window import Pad
from netspec.plan.footprint.model import INDEX, Footprint, Site


def loss(op: Loss, site: Site) -> Footprint:
    """A loss keeps tensors of the scores' size (probabilities or differences), and needs one for the targets."""
    scores, wide = site.input_numel * FULL, site.width == FULL
    keeps, copies = False, 1
    if isinstance(op, CrossEntropy) and site.inputs[0].units > site.inputs[0].channels:
        return _of_pixels(site)
    if isinstance(op, GatedSumSquares | Topographic):
        return _sum_of_squares(op, site)
    if isinstance(op, SetCrossEntropy):
        return Footprint(
            FULL, FULL, extra=(site.input_numel + site.images * _set_numbers(op, site.inputs[0].units)) * FULL
        )
    if isinstance(op, SumSquares):
        keeps, copies = wide, 0 if wide else 1
    elif isinstance(op, BinaryCrossEntropy) and op.of == "probabilities":  # p and 1 - p, clamped, and their targets
        keeps, copies = wide, 5 if wide else 6
    elif isinstance(op, BinaryCrossEntropy):  # also keeps the scores themselves
        keeps, copies = wide, 1 if wide else 2
    elif isinstance(op, CauchyError):  # the differences and their squares
        copies = 2
    return Footprint(FULL, FULL, keeps_input=keeps, extra=copies * scores, forward=scores)


def _of_pixels(site: Site) -> Footprint:
    """The loss of a dense network keeps the logarithms of the probabilities, in float32, and the class of each pixel as
    an index. In the backward computation, the classes are no longer needed when the gradient of the logarithms becomes
    that of the scores, which in bfloat16 is narrowed afterwards."""
    scores, pixels = site.input_numel * FULL, site.input_numel // site.inputs[0].channels
    losses, narrowed = pixels * FULL, site.width < FULL
    return Footprint(
        FULL,
        FULL,
        extra=scores + pixels * INDEX,
        forward=losses + scores * narrowed,
        backward=losses,
        later=2 * scores + (FULL - site.width) * site.input_numel,
    )


def _sum_of_squares(op: GatedSumSquares | Topographic, site: Site) -> Footprint:
    """Keeps the value (the last input) or its float32 copy; ``Topographic`` also the padded squares and the slopes."""
    value = site.images * site.inputs[-1].units * FULL
    wide = site.widths[-1] == FULL
    extra = 0 if wide else value
    if isinstance(op, Topographic):
        before = op.size // 2
        extra += site.padded(Pad(before, op.size - 1 - before, before, op.size - 1 - before)) * FULL + value
    return Footprint(FULL, FULL, keeps_input=wide, extra=extra, forward=value)


def _set_numbers(op: SetCrossEntropy, classes: int) -> int:
    """How many numbers per image the products of polynomials keep: the terms of each coefficient, and its sum."""

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
