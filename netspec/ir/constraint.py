"""What a weight is held to after each update."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Constraint:
    """Bounds on the incoming weights of each unit: a filter's, a row's of a matrix, those of a local layer's one place.

    They are multiplied by one factor each: first so that their standard deviation, sqrt(mean of (w - mean)^2), lies
    from ``min_std`` to ``max_std``, then so that their length, sqrt(sum of w^2), is at most ``max_norm`` (Srivastava et
    al., Dropout: a simple way to prevent neural networks from overfitting, 2014, section 5.1), or is ``fixed_norm``.
    What has no length, or no deviation, stays as it is.

    ``parts``: the units are in so many equal runs, and the length is that of all units of one place in their runs
    together; the deviation stays each unit's own.
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
"""The keys of a spec that bound something."""


def incoming(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The axes of a weight over which the weights of one unit run.

    >>> incoming((96, 3, 11, 11)), incoming((10, 64)), incoming((16, 32, 32, 3, 5, 5))
    ((1, 2, 3), (1,), (3, 4, 5))
    """
    units = 3 if len(shape) == 6 else 1  # a local layer has weights for each filter, row and column
    return tuple(range(units, len(shape)))
