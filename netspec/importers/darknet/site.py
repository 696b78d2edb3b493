"""The lines of the spec while the sections are translated, and what the translation of a section may ask for and do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from netspec.importers.darknet.functions import ABSENT_FUNCTIONS, FUNCTIONS
from netspec.importers.darknet.sections import Section
from netspec.importers.spec import lines
from netspec.importers.spec.problem import NO_LAYER, Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.source import Span


class Piece(NamedTuple):
    """Numbers of a ``.weights`` file: their shape in a spec, how they lie in the file, and the layer's place.

    ``matrix``: those of a connected layer, which old files have transposed. ``places``: those of a local layer, of
    which the file has all numbers of a position together. ``optional``: AlexeyAB's Darknet has them, pjreddie's does
    not.
    """

    shape: tuple[int, ...]
    span: Span
    layout: Literal["plain", "matrix", "places"] = "plain"
    optional: bool = False


Line = lines.Line[Section, int]
"""A line of the spec that was made from a section. Its arrays are numbers of pieces."""

Value = int | str | None
"""The output of a layer: the line that has it, or why a spec has none; ``None`` after a mistake that is reported."""


class FollowsError(Exception):
    """A layer reads what a layer with a mistake computes: there is nothing to report."""


@dataclass(slots=True)
class Draft(lines.Draft[Section, int]):
    """The lines so far. ``values`` are the outputs of Darknet's layers, ``pieces`` the numbers of a ``.weights`` file
    in its order, and ``left_out`` says what is not in the spec. ``ends`` are the lines that a left-out section reads.
    """

    values: list[Value] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    left_out: list[tuple[Span, str]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def shape(self, line: int) -> Shape:
        return self.lines[line].shape


@dataclass(frozen=True, slots=True)
class Site:
    """A section to be translated, and the draft that its lines are added to."""

    section: Section
    draft: Draft

    @property
    def x(self) -> int:
        """The line with the output of the layer before, or the input."""
        return self.output(self.section.number - 1)

    def output(self, number: int) -> int:
        """Return the line with the output of a layer. Raises ``Inexpressible`` if a spec has none."""
        value = 0 if number < 0 else self.draft.values[number]
        if value is None:
            raise FollowsError
        if isinstance(value, str):
            raise Inexpressible(value)
        return value

    def others(self, name: str) -> list[int]:
        """Return the layers that ``from`` or ``layers`` names: from 0, or below 0 counted back from this one."""
        own, numbers = self.section.number, self.section.wholes(name)
        absolute = [own + number if number < 0 else number for number in numbers]
        for stated, number in zip(numbers, absolute, strict=True):
            if not 0 <= number < own:
                message = f"{name} names layer {stated}; it is layer {own} itself, and reads only those before it"
                raise Rejected(message, self.section.place(name))
        return absolute

    def image(self, line: int) -> int:
        """Return a line as maps; a vector has maps of one pixel in Darknet."""
        shape = self.draft.shape(line)
        if shape.is_image:
            return line
        if line == 0:
            raise Rejected(f"it reads maps, and the input is a vector of {shape.units}", self.section.span)
        return self.draft.with_shape(line, Shape(shape.units, 1, 1))

    def line(
        self,
        type_: str,
        inputs: Sequence[int],
        keys: Mapping[str, str],
        shape: Shape | None = None,
        arrays: Mapping[str, int] | None = None,
        *,
        claimed: bool = False,
    ) -> int:
        """Add a line of this section, by default with the shape of its first input, and return its number."""
        own, hint = self.section, (f"{type_}{self.section.number}",)
        new = self.draft.shape(inputs[0]) if shape is None else shape
        return self.draft.new_line(type_, inputs, keys, new, origin=own, hint=hint, arrays=arrays, claimed=claimed)

    def piece(self, *shape: int, layout: Literal["plain", "matrix", "places"] = "plain", optional: bool = False) -> int:
        """Add the next numbers of the layer in a ``.weights`` file, and return their number."""
        self.draft.pieces.append(Piece(shape, self.section.span, layout, optional))
        return len(self.draft.pieces) - 1

    def activated(self, line: int, default: str) -> int:
        """Return a line after the section's activation function (``activate`` of src/activations.h)."""
        word = self.section.text("activation", default)
        if word in ABSENT_FUNCTIONS:
            place = self.section.place("activation")
            raise Inexpressible(f"activation={word}: {ABSENT_FUNCTIONS[word] or NO_LAYER}", place)
        for type_, keys in FUNCTIONS[word]:
            line = self.line(type_, [line], keys)
        return line
