"""The function max(low, min(high, x)) as that of relu or relu6 between two lines ``linear``."""

from __future__ import annotations

import math
from typing import NamedTuple

FARTHEST = 1000.0
"""The limit of what is added to x: with more, over 6e-5 of a small x are lost in float32."""


class LimitsError(Exception):
    """A spec cannot express these limits. The message is the reason."""


class Limited(NamedTuple):
    """The lines ``linear``, as the a and b of a x + b, and the function between them."""

    before: tuple[float, float]
    word: str
    after: tuple[float, float]


def limited(low: float, high: float) -> Limited:
    """Return low + s f((x - low) / s). For two limits f is relu6 and s = (high - low) / 6, for a lower one it is relu
    and s = 1, and for an upper one, s = -1 with high for low. No limit is infinite. Raises ``LimitsError``."""
    if not low < high or (low, high) == (-math.inf, math.inf):
        raise LimitsError(f"its limits are {low:g} and {high:g}")
    word = "relu6" if math.isfinite(low) and math.isfinite(high) else "relu"
    scale = (high - low) / 6 if word == "relu6" else 1.0 if math.isfinite(low) else -1.0
    start = low if math.isfinite(low) else high
    if abs(start) > FARTHEST:
        reason = f"its limits are {low:g} and {high:g}: a spec would add {-start:g} to x, which takes digits from it"
        raise LimitsError(reason)
    return Limited((1 / scale, -start / scale), word, (scale, start))
