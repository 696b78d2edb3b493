"""What a figure is made of: a list of marks, each of which SVG and PNG draw in their own way.

Coordinates are CSS pixels (96 to the inch) from the upper left corner. A mark names roles ("ink", "conv-front") and
never colours: a theme gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netspec.draw.fonts import text_width

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed outline."""

    points: tuple[Point, ...]
    fill: str
    stroke: str | None = None


@dataclass(frozen=True, slots=True)
class Slab:
    """A rectangle with round corners; with a radius of half its side it is a disc."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str | None = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points; a curved one is a chain of cubic Bézier curves, each two handles and an end."""

    points: tuple[Point, ...]
    role: str
    width: float = 1.0
    dashed: bool = False
    curved: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text. ``y`` is its baseline."""

    x: float
    y: float
    text: str
    size: float
    role: str = "ink"
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the room that the text takes at most, whatever font stands in."""
        width = text_width(self.text, self.size, bold=self.bold)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return left, self.y - 0.76 * self.size, left + width, self.y + 0.24 * self.size


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that belong together; a viewer that can shows the title over them."""

    title: str
    marks: tuple[Mark, ...]


Mark: TypeAlias = Polygon | Slab | Stroke | Words | Group


@dataclass(frozen=True, slots=True)
class Figure:
    """A finished drawing. ``description`` says in words what it shows, for those who do not see it."""

    width: float
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...]

    def flat(self) -> Iterator[Polygon | Slab | Stroke | Words]:
        """All marks in drawing order, out of their groups."""
        return _flat(self.marks)


def _flat(marks: tuple[Mark, ...]) -> Iterator[Polygon | Slab | Stroke | Words]:
    for mark in marks:
        if isinstance(mark, Group):
            yield from _flat(mark.marks)
        else:
            yield mark
