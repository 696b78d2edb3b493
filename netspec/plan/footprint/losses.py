"""Footprints of losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from netspec.ir import ops
from netspec.ir.shape import Shape
from netspec.ir.widths import FULL
from netspec.ir.window import Pad
from netspec.plan.footprint.model import INDEX, Footprint, Site


class _Tensors(NamedTuple):
    """How many float32 tensors of the scores' size a loss has, besides the scores and their gradient.

    ``kept`` are for the backward pass, the others temporary, as in ``Footprint``. Class numbers become targets by way
    of int64 ones, which count twice. ``backward`` is 0 where the forward pass needs more anyway.
    """

    keeps_scores: bool
    kept: int
    forward: int
    backward: int
    later: int = 0


_TENSORS: Mapping[type[ops.Loss], _Tensors] = {
    ops.CrossEntropy: _Tensors(False, kept=1, forward=0, backward=0, later=2),  # the logs of p
    ops.SetCrossEntropy: _Tensors(False, kept=1, forward=0, backward=0),  # the targets; and see ``_of_sets``
    ops.BinaryCrossEntropy: _Tensors(True, kept=1, forward=2, backward=1),  # the targets
    ops.SquaredError: _Tensors(False, kept=1, forward=2, backward=2),  # the differences
    ops.CauchyError: _Tensors(False, kept=2, forward=1, backward=2),  # the differences and their squares
    ops.SumSquares: _Tensors(True, kept=0, forward=1, backward=2),
    ops.GatedSumSquares: _Tensors(True, kept=0, forward=1, backward=2),
    ops.Topographic: _Tensors(True, kept=1, forward=6, backward=0),  # the slopes; and the padded squares
}
_OF_PROBABILITIES = _Tensors(True, kept=5, forward=6, backward=0)
"""``p`` and ``1 - p``, clamped, their logs' factors and the targets."""


def loss(op: ops.Loss, site: Site) -> Footprint:
    """A loss of scores, of maps, or of the last input's sum of squares, of which it reads float32 copies."""
    value, width = site.inputs[-1], site.widths[-1]
    numbers, tensors = site.images * value.units, _tensors_of(op)
    copy, narrowed = 0 if width == FULL else 1, numbers * (FULL - width)
    kept = tensors.kept + (copy if tensors.keeps_scores else 0)
    forward = tensors.forward + (0 if tensors.keeps_scores else copy)
    more_kept, more_forward = _more(op, site, value)
    return Footprint(
        FULL,
        FULL,
        keeps_input=tensors.keeps_scores and width == FULL,
        extra=kept * numbers * FULL + more_kept,
        forward=forward * numbers * FULL + more_forward,
        backward=tensors.backward * numbers * FULL + narrowed,
        later=tensors.later * numbers * FULL + narrowed,
    )


def _tensors_of(op: ops.Loss) -> _Tensors:
    tensors = _TENSORS[type(op)]
    if isinstance(op, ops.BinaryCrossEntropy):
        if op.of == "probabilities":
            return _OF_PROBABILITIES
        if op.positive != 1:  # PyTorch's gradient is composed of operations then
            return tensors._replace(backward=5)
    return tensors


def _more(op: ops.Loss, site: Site, value: Shape) -> tuple[int, int]:
    """The bytes of tensors of other sizes: what is kept, and what is temporary in the forward pass."""
    if isinstance(op, ops.SetCrossEntropy):
        kept, forward = _of_sets(op, value.units)
        return site.images * kept * FULL, site.images * forward * FULL
    if isinstance(op, ops.Topographic):
        before = op.size // 2
        after = op.size - 1 - before
        return site.padded(Pad(before, after, before, after)) * FULL, 0
    if isinstance(op, ops.CrossEntropy) and value.units > value.channels:  # the pixels' class numbers, and their losses
        pixels = site.images * value.height * value.width
        return pixels * INDEX, pixels * FULL
    return 0, 0


def _of_sets(op: ops.SetCrossEntropy, classes: int) -> tuple[int, int]:
    """How many numbers per image the products of polynomials keep, and how many they need at most besides.

    They keep the terms of each coefficient, and its sum. Besides, all runs' polynomials exist up to the end, and on the
    last level those of the classes outside each class: both halves, what they are joined to, and those of the level
    before. The end adds two tensors of the scores' size.
    """

    def product(p: int, q: int, most: int) -> int:
        degrees = range(min(p + q, most) + 1)
        return sum(min(s, p) - max(0, s - q) + 2 for s in degrees)

    depth = (classes - 1).bit_length()
    padded = 1 << depth
    degrees = [min(1 << level, op.size) for level in range(depth + 1)]
    kept, beyond = 0, 0
    for level in reversed(range(depth)):
        runs, degree = 1 << (depth - level - 1), degrees[level]
        kept += runs * (product(degree, degree, op.size) + 2 * product(beyond, degree, op.size - 1))
        beyond = min(beyond + degree, op.size - 1)
    polynomials = sum((degree + 1) * (padded >> level) for level, degree in enumerate(degrees))
    outside = max(2 * op.size * padded + op.size * padded // 2, op.size * padded + 2 * classes)
    return kept, padded + polynomials + outside
