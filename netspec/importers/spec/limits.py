"""The function max(low, min(high, x)) as that of relu or relu6 between two lines ``linear``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from netspec.importers.spec.lines import Draft
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape

T = TypeVar("T")
A = TypeVar("A")

FARTHEST = 1000.0
"""The limit of what is added to x: with more, over 6e-5 of a small x are lost in float32."""


class _Limited(NamedTuple):
    """The lines ``linear``, as the a and b of a x + b, and the function between them."""

    before: tuple[float, float]
    word: str
    after: tuple[float, float]


def limited(
    draft: Draft[T, A], line: int, shape: Shape, limits: tuple[float, float], literal: Callable[[float], str], origin: T
) -> int:
    """Add lines that keep the output of a line, of this shape, between its limits, and return the last one's number.

    A line ``linear`` that changes nothing is left out. ``literal`` returns a number as text. Raises ``Inexpressible``.
    """
    before, word, after = _between(*limits)
    if keys := _linear(*before, literal):
        line = draft.new_line("linear", [line], keys, shape)
    line = draft.new_line(word, [line], {}, shape, origin=origin)
    if keys := _linear(*after, literal):
        line = draft.new_line("linear", [line], keys, shape, origin=origin)
    return line


def _between(low: float, high: float) -> _Limited:
    """Return low + s f((x - low) / s). For two limits f is relu6 and s = (high - low) / 6, for a lower one it is relu
    and s = 1, and for an upper one, s = -1 with high for low. No limit is infinite."""
    if not low < high or (low, high) == (-math.inf, math.inf):
        raise Inexpressible(f"its limits are {low:g} and {high:g}")
    word = "relu6" if math.isfinite(low) and math.isfinite(high) else "relu"
    scale = (high - low) / 6 if word == "relu6" else 1.0 if math.isfinite(low) else -1.0
    start = low if math.isfinite(low) else high
    if abs(start) > FARTHEST:
        reason = f"its limits are {low:g} and {high:g}: a spec would add {-start:g} to x, which takes digits from it"
        raise Inexpressible(reason)
    return _Limited((1 / scale, -start / scale), word, (scale, start))


def _linear(a: float, b: float, literal: Callable[[float], str]) -> dict[str, str]:
    """Return the keys of a x + b."""
    numbers = (("a", a, 1.0), ("b", b, 0.0))
    return {key: literal(number) for key, number, usual in numbers if number != usual}
