"""The differences between two records of training steps, and whether rounding explains them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from netspec.passes.optimiser_state import StateKind

Number = Literal["float64", "float32"]

TOLERANCES: dict[Number, float] = {"float64": 1e-10, "float32": 1e-3}
"""The largest difference that passes, relative to the largest number of its tensor. In float32, rounding causes
differences of about 1e-6, and more where it changes which of two pixels is the maximum."""

MIN_SCALE: dict[Number, float] = {"float64": 1e-4, "float32": 1e-2}
"""The smallest scale of a tensor, relative to the largest number of all tensors of its kind. Without it, tensors that
are zero up to rounding (the gradient of a bias before a batch normalisation) would be compared by their rounding."""

AMPLIFIED = 10
"""A difference may be this many times as large as what one rounding unit in each weight changes. (With batch
normalisation over few values in up to thirty layers, the two were within a factor of 5 of each other.)"""

LIMITS: dict[Number, float] = {"float64": 1e-6, "float32": 1e-3}
"""The largest difference that may count as amplified rounding. Errors of an arrangement cause larger ones: those that
the tests try, above 1e-4 in float64."""

Kind = Literal["held"] | StateKind
"""What a tensor is: held by the network (a weight, its gradient, or statistics), or what the optimiser remembers of a
parameter."""

_WORDS: Mapping[Kind, str] = {
    "held": "",
    "velocities": "velocity of ",
    "means": "mean of ",
    "squares": "squares of ",
    "moves": "squared moves of ",
}
"""What is written before the name of a tensor of each kind."""

Tensors = Mapping[tuple[Kind, str], Tensor]
"""Tensors by kind and name."""

Record = dict[str, Any]
"""The results of a trial: ``losses`` (a list), and ``Tensors`` under ``gradients`` (of the first step), ``first`` and
``last`` (weights, statistics and what the optimiser remembers after the first and the last step)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest relative differences between an arrangement and one device; NaN where any number is not one.

    ``loss`` is over all steps, ``gradients`` of the first step. ``weights_first`` and ``weights_last`` include
    running statistics and what the optimiser remembers, after the first and the last step; ``where`` is the tensor of
    the latter.
    """

    loss: float
    gradients: float
    weights_first: float
    weights_last: float
    where: str

    @property
    def largest(self) -> float:
        return _largest((self.loss, self.gradients, self.weights_first, self.weights_last))


@dataclass(frozen=True, slots=True)
class Comparison:
    """An arrangement's difference from one device, and what explains it.

    ``rounding`` is the largest difference on one device if each weight is off by one rounding unit, or ``None`` if it
    was not needed.
    """

    difference: Difference
    number: Number
    rounding: float | None = None

    @property
    def like_rounding(self) -> bool:
        """Whether the difference is above the tolerance, but rounding makes differences as large as that."""
        largest = self.difference.largest
        return self.rounding is not None and TOLERANCES[self.number] < largest <= AMPLIFIED * self.rounding

    @property
    def same(self) -> bool:
        """Whether the arrangement computes the same as one device."""
        largest = self.difference.largest
        return largest <= TOLERANCES[self.number] or (self.like_rounding and largest <= LIMITS[self.number])


def difference(expected: Record, actual: Record, number: Number) -> Difference:
    """Return the difference between two records of the same trial, computed in ``number``."""
    pairs = zip(expected["losses"], actual["losses"], strict=True)
    first, _ = _largest_difference(expected["first"], actual["first"], MIN_SCALE[number])
    last, where = _largest_difference(expected["last"], actual["last"], MIN_SCALE[number])
    gradients, _ = _largest_difference(expected["gradients"], actual["gradients"], MIN_SCALE[number])
    return Difference(_largest(abs(a - b) / max(abs(a), 1e-300) for a, b in pairs), gradients, first, last, where)


def _largest_difference(expected: Tensors, actual: Tensors, least: float) -> tuple[float, str]:
    """Return the largest difference between two sets of tensors, relative to the tensor's scale, and where it is.

    The scale is the tensor's largest absolute number, or if larger, ``least`` times the largest of all tensors of its
    kind. If the names differ, the difference is infinite; it is NaN if any number is not one.
    """
    if set(expected) != set(actual):
        kind, name = min(set(expected) ^ set(actual))
        return float("inf"), _WORDS[kind] + name
    largest = {key: _largest_number(x) for key, x in expected.items()}
    of_kind: dict[Kind, float] = {}
    for (kind, _), number in largest.items():
        of_kind[kind] = max(number, of_kind.get(kind, 0.0))
    worst, where = 0.0, ""
    for (kind, name), x in expected.items():
        scale = max(largest[kind, name], least * of_kind[kind])
        absolute = _largest_number(x.double() - actual[kind, name].double())
        relative = absolute / scale if scale else absolute
        if math.isnan(relative):
            return relative, _WORDS[kind] + name
        if relative > worst:
            worst, where = relative, _WORDS[kind] + name
    return worst, where


def _largest_number(x: Tensor) -> float:
    """The largest absolute number in a tensor; 0 if it is empty, NaN if it has one."""
    return float(x.abs().max()) if x.numel() else 0.0


def _largest(numbers: Iterable[float]) -> float:
    """The largest of some numbers, or NaN if one of them is: ``max`` might ignore it."""
    found = tuple(numbers)
    return math.nan if any(map(math.isnan, found)) else max(found)
