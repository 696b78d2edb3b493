"""Rectangles with a drawn share of an image's area and a drawn ratio of sides (Szegedy et al. 2015, section 6)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence


def rectangles(
    draws: Sequence[float], pixels: int, areas: tuple[float, float], ratios: tuple[float, float]
) -> Iterator[tuple[int, int]]:
    """Yield the sides of a rectangle, in pixels, for each two of ``draws``, numbers in [0, 1).

    Its share of an area of ``pixels`` is even in the range ``areas``, and the logarithm of the ratio of its first side
    to its second in that of ``ratios``, as in torchvision (``RandomResizedCrop.get_params`` in
    ``transforms/transforms.py``, and ``RandomErasing.get_params``).
    """
    narrow, wide = map(math.log, ratios)
    for share, stretch in zip(draws[::2], draws[1::2], strict=True):
        area = pixels * (areas[0] + share * (areas[1] - areas[0]))
        ratio = math.exp(narrow + stretch * (wide - narrow))
        yield round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
