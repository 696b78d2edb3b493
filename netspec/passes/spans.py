"""The pixels of an image's axis that the units of a layer depend on, unit by unit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

MAX_PERIOD = 1024
"""At most so many units have fields of their own before they repeat; more are those of no network."""

_NOTHING = (0, 0)


@dataclass(frozen=True, slots=True)
class Span:
    """The fields of units along one axis, as (first pixel, number of pixels), without pixels if there are none.

    ``fields`` are those of the first units, and every ``len(fields)`` units they repeat, ``shift`` pixels further on.
    Away from layers that enlarge maps, one is enough. Pixels are counted from the first of the image, so that of the
    padding before it have negative numbers. ``shift`` is negative where the image is mirrored.
    """

    fields: tuple[tuple[int, int], ...]
    shift: int

    @classmethod
    def regular(cls, start: int, size: int, stride: int) -> Span:
        """Unit i depends on the ``size`` pixels from ``start + i * stride`` on."""
        return cls(((start, size),), stride)

    def of(self, unit: int) -> tuple[int, int]:
        """Return the first pixel of a unit's field, and their number."""
        times, place = divmod(unit, len(self.fields))
        start, size = self.fields[place]
        return (start + times * self.shift, size) if size else _NOTHING

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of pixels of the smallest and the largest field."""
        sizes = [size for _, size in self.fields]
        return min(sizes), max(sizes)

    @property
    def start(self) -> int:
        """The first pixel of the first unit's field."""
        return self.fields[0][0]

    @property
    def stride(self) -> Fraction:
        """From one unit's field to the next one's, in pixels of the image; on average, if that differs."""
        return Fraction(self.shift, len(self.fields))

    def contains(self, pixels: int) -> bool:
        """Whether the first unit's field has all pixels of an image with so many on this axis."""
        start, size = self.fields[0]
        return start <= 0 and start + size >= pixels

    def through(self, reads: Callable[[int], Iterable[int]], stride: int = 1, period: int = 1) -> Span | None:
        """Return the fields of units of which unit i reads units ``reads(i)``.

        Those of unit ``i + period`` are those of unit i, ``stride`` further on. ``None`` if there are too many fields.
        """
        times = len(self.fields) // math.gcd(len(self.fields), abs(stride))
        if times * period > MAX_PERIOD:
            return None
        fields = [_hull([self.of(unit) for unit in reads(i)]) for i in range(times * period)]
        return _shortest(fields, self.shift * times * stride // len(self.fields))


def joined(spans: Sequence[Span]) -> Span | None:
    """Return the fields of units that depend on the unit at their position of each input. ``None`` if these move apart
    from unit to unit, or are too many."""
    period = math.lcm(*(len(span.fields) for span in spans))
    if len({span.stride for span in spans}) > 1 or period > MAX_PERIOD:
        return None
    fields = [_hull([span.of(i) for span in spans]) for i in range(period)]
    return _shortest(fields, int(spans[0].stride * period))


def _hull(fields: Sequence[tuple[int, int]]) -> tuple[int, int]:
    ends = [(start, start + size) for start, size in fields if size]
    if not ends:
        return _NOTHING
    first = min(start for start, _ in ends)
    return first, max(end for _, end in ends) - first


def _shortest(fields: Sequence[tuple[int, int]], shift: int) -> Span:
    """Return the span with the shortest period that has these fields."""
    count = len(fields)
    for period in range(1, count):
        if count % period or shift * period % count:
            continue
        span = Span(tuple(fields[:period]), shift * period // count)
        if all(span.of(i) == field for i, field in enumerate(fields)):
            return span
    return Span(tuple(fields), shift)
