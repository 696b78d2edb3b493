"""The shape of one image or vector, without the batch dimension."""

from __future__ import annotations

import math


class Shape(tuple[int, ...]):
    """``Shape(96, 55, 55)``: channels, height, width of an image; ``Shape(4096)``: the features of a vector.

    >>> Shape(96, 55, 55).units
    290400
    >>> str(Shape(96, 55, 55))
    '96x55x55'
    """

    __slots__ = ()

    def __new__(cls, *dims: int) -> Shape:
        return super().__new__(cls, dims)

    def __getnewargs__(self) -> tuple[int, ...]:
        return tuple(self)

    @property
    def is_image(self) -> bool:
        return len(self) == 3

    @property
    def channels(self) -> int:
        """Channels of an image, features of a vector: the dimension that groups divide."""
        return self[0]

    def share(self, parts: int) -> Shape:
        """Return the shape of one of ``parts`` equal shares of the channels (or features)."""
        return Shape(self.channels // parts, *self[1:])

    @property
    def height(self) -> int:
        return self[1] if self.is_image else 1

    @property
    def width(self) -> int:
        return self[2] if self.is_image else 1

    @property
    def units(self) -> int:
        """The number of values."""
        return math.prod(self)

    def __str__(self) -> str:
        return "x".join(map(str, self))

    def __repr__(self) -> str:
        return f"Shape({', '.join(map(str, self))})"
