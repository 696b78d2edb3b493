"""Find which of several shapes that should be equal are the odd ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from netspec.ir.shape import Shape

MAX_LABELS = 4
"""How many of the inputs with mismatching shapes are labelled."""


def odd_shapes(shapes: Sequence[Shape], *, multiplied: bool = False) -> dict[int, Shape]:
    """Return the indices of the shapes that differ from most in height and width or, if those agree, in channels.

    Each has the shape that it should have. Of two different shapes, both are returned, each with the other one.
    ``multiplied`` says that a shape with one unit for each channel of another one does not differ from it.
    """
    most = {x.channels: x.units for x in sorted(shapes, key=lambda x: x.units)} if multiplied else {}
    compared = {n: x for n, x in enumerate(shapes) if not x.units == x.channels < most.get(x.channels, 0)}
    if len(compared) == 2:
        first, second = compared
        return {first: compared[second], second: compared[first]}
    sizes: dict[int, tuple[int, ...]] = {n: tuple(x[1:]) for n, x in compared.items()}
    if len(set(sizes.values())) == 1:
        sizes = {n: tuple(x) for n, x in compared.items()}
    (usual, _), *_ = Counter(sizes.values()).most_common()
    usual_shape = next(compared[n] for n, size in sizes.items() if size == usual)
    return {n: usual_shape for n, size in sizes.items() if size != usual}
