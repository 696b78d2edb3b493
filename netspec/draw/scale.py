"""The sizes of boxes.

True proportions would be unreadable: AlexNet's image is 224 pixels wide and its last maps 6, and its channels range
from 3 to 384. Every edge is therefore proportional to the *square root* of its size, with one factor for heights and
widths, one for channels and one for vectors. Within each of the three, larger is drawn larger, and equal sizes equal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from netspec.ir.shape import Shape

_MAX_IMAGE, _MAX_PER_PIXEL = 128.0, 22.0
_MAX_CHANNELS, _MAX_PER_CHANNEL = 44.0, 4.0
_MAX_VECTOR, _MAX_PER_FEATURE = 124.0, 8.0
_MIN_EDGE = 3.0
_STACKING_EXPONENT = -0.35
_BACK = (0.36, 0.26)
"""The perspective: how far right and up the width axis, which points away from the viewer, leads per pixel."""

BAR = 13.0
JOIN = 24.0
"""Widths of a vector's bar, and of the disc for a sum, maximum or product."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A box in perspective: the width and height of its front, and how far its back is shifted right and up."""

    front_width: float
    front_height: float
    back_right: float
    back_up: float

    @property
    def width(self) -> float:
        """The width of the whole drawing, front and side."""
        return self.front_width + self.back_right

    @property
    def height(self) -> float:
        """The height of the whole drawing, front and top."""
        return self.front_height + self.back_up


@dataclass(frozen=True, slots=True)
class Scale:
    """Pixels per square root of a size: of heights and widths, of channels, and of vectors."""

    pixel: float
    channel: float
    feature: float

    def solid(self, shape: Shape) -> Solid:
        """Return the box of a shape: channels to the right, height down and width away; a vector is a bar."""
        if not shape.is_image:
            return Solid(BAR, self.edge(shape.units, self.feature), 6.0, 4.0)
        channels = self.edge(shape.channels, self.channel)
        height = self.edge(shape.height, self.pixel)
        width = self.edge(shape.width, self.pixel)
        # The top face of an image that is much wider than high would dwarf its front, so it is never higher than that.
        return Solid(channels, height, _BACK[0] * width, min(_BACK[1] * width, height))

    @staticmethod
    def edge(size: int, factor: float) -> float:
        """Return the length in pixels at which a size is drawn."""
        return max(_MIN_EDGE, factor * math.sqrt(size))


def scale_for(shapes: Sequence[Shape], stacked: int = 1) -> Scale:
    """Return the scale at which the largest of the shapes has a fixed size, or a smaller one if boxes are stacked.

    ``stacked`` is the largest number of boxes above each other in one column.
    """
    shrink = stacked**_STACKING_EXPONENT
    images = [s for s in shapes if s.is_image]
    largest = max((max(s.height, s.width) for s in images), default=1)
    deepest = max((s.channels for s in images), default=1)
    longest = max((s.units for s in shapes if not s.is_image), default=1)
    return Scale(
        min(_MAX_PER_PIXEL, shrink * _MAX_IMAGE / math.sqrt(largest)),
        min(_MAX_PER_CHANNEL, shrink * _MAX_CHANNELS / math.sqrt(deepest)),
        min(_MAX_PER_FEATURE, shrink * _MAX_VECTOR / math.sqrt(longest)),
    )
