"""The drawing primitives of a figure, independent of the output format.

Coordinates are CSS pixels (96 to the inch) from the upper left corner. Marks have roles ("ink", "conv-front") instead
of colours; a theme maps roles to colours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Polygon:
    """A filled polygon."""

    points: tuple[Point, ...]
    fill: str
    stroke: str | None = None


@dataclass(frozen=True, slots=True)
class Slab:
    """A rectangle with rounded corners. With a radius of half its side it is a disc."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    stroke: str | None = None


@dataclass(frozen=True, slots=True)
class Stroke:
    """A polyline, or if ``curved`` a chain of cubic Bézier curves: a start, then two control points and an end each."""

    points: tuple[Point, ...]
    role: str
    width: float = 1.0
    dashed: bool = False
    curved: bool = False


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text. ``y`` is the baseline, ``size`` the font size in pixels."""

    x: float
    y: float
    text: str
    size: float
    role: str = "ink"
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True, slots=True)
class Group:
    """Marks that belong together. SVG viewers show the title as a tooltip."""

    title: str
    marks: tuple[Mark, ...]


Mark: TypeAlias = Polygon | Slab | Stroke | Words | Group


@dataclass(frozen=True, slots=True)
class Figure:
    """A finished drawing. ``description`` is its text alternative for screen readers."""

    width: float
    height: float
    title: str
    description: str
    marks: tuple[Mark, ...]

    def flat(self) -> Iterator[Polygon | Slab | Stroke | Words]:
        """Iterate over all marks in drawing order, with groups flattened."""
        return _flat(self.marks)


def _flat(marks: tuple[Mark, ...]) -> Iterator[Polygon | Slab | Stroke | Words]:
    for mark in marks:
        if isinstance(mark, Group):
            yield from _flat(mark.marks)
        else:
            yield mark
