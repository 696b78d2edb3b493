"""Constraints on weights, applied after each update."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constraint:
    """Bounds on the incoming weights of each unit: a filter, a row of a matrix, or a filter of a local layer at one
    position.

    The weights of a unit are scaled twice: first so that their standard deviation, sqrt(mean of (w - mean)^2), is
    between ``min_std`` and ``max_std``, then so that their norm, sqrt(sum of w^2), is at most ``max_norm`` (Srivastava
    et al., Dropout: a simple way to prevent neural networks from overfitting, 2014, section 5.1), or equals
    ``fixed_norm``. Weights whose norm, or standard deviation, is 0 are not scaled.

    ``parts``: the units are divided into this many equal runs, and units at the same index of their runs share one
    norm, over all of their weights. The standard deviation is still that of each unit alone.
    """

    max_norm: float | None = None
    fixed_norm: float | None = None
    min_std: float | None = None
    max_std: float | None = None
    parts: int = 1

    def __bool__(self) -> bool:
        return self != FREE


FREE = Constraint()
"""No bound."""

BOUNDS = ("max_norm", "fixed_norm", "min_std", "max_std")
"""The names of the bounds, which are also keys of a spec."""


def incoming(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes of a weight array that index the incoming weights of one unit.

    >>> incoming((96, 3, 11, 11)), incoming((10, 64)), incoming((16, 32, 32, 3, 5, 5))
    ((1, 2, 3), (1,), (3, 4, 5))
    """
    units = 3 if len(shape) == 6 else 1  # a local layer has weights of its own for each filter, row and column
    return tuple(range(units, len(shape)))
