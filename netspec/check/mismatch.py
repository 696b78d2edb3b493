"""Find which of several shapes that should be equal are the odd ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from netspec.ir.shape import Shape

MAX_LABELS = 4
"""How many of the inputs with mismatching shapes are labelled."""


def odd_shapes(shapes: Sequence[Shape]) -> list[int]:
    """Return the indices of the shapes that differ from most in height and width or, if those agree, in channels.

    Of two different shapes, both are returned.
    """
    sizes: list[tuple[int, ...]] = [tuple(shape[1:]) for shape in shapes]
    compared = sizes if len(set(sizes)) > 1 else [tuple(shape) for shape in shapes]
    (usual, _), *_ = Counter(compared).most_common()
    return [n for n, size in enumerate(compared) if len(compared) == 2 or size != usual]
