"""Lay out the label below a block: name, shape, kernel and stride, costs, and a pill for each tag."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.draw.blocks import Block, TagKind
from netspec.draw.fonts import text_width, wrap
from netspec.draw.marks import Mark, Slab, Words

NAME, SHAPE, SMALL = 12.0, 11.0, 10.0
"""Font sizes in pixels. Text below 10 pixels would be hard to read."""

_LEADING = 1.26
_MAX_WIDTH = 104.0
_PILL_PAD = 5.0
_PILL_GAP = 3.0


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    size: float
    role: str
    bold: bool = False

    @property
    def width(self) -> float:
        return text_width(self.text, self.size, bold=self.bold)

    @property
    def height(self) -> float:
        return self.size * _LEADING


@dataclass(frozen=True, slots=True)
class _Pill:
    lines: tuple[str, ...]
    kind: TagKind

    @property
    def width(self) -> float:
        return max(text_width(line, SMALL) for line in self.lines) + 2 * _PILL_PAD

    @property
    def height(self) -> float:
        return len(self.lines) * SMALL * _LEADING + 2 + _PILL_GAP


@dataclass(frozen=True, slots=True)
class Label:
    """The rows of a label, and its size in pixels."""

    rows: tuple[_Line | _Pill, ...]

    @property
    def width(self) -> float:
        return max(row.width for row in self.rows)

    @property
    def height(self) -> float:
        return sum(row.height for row in self.rows)

    def marks(self, centre: float, top: float) -> list[Mark]:
        """Return the marks of the label, with its rows centred on x = ``centre``, from ``top`` downward."""
        marks: list[Mark] = []
        for row in self.rows:
            if isinstance(row, _Line):
                marks.append(_text(row.text, centre, top, row.size, row.role, bold=row.bold))
            else:
                marks += _pill(row, centre, top + _PILL_GAP)
            top += row.height
        return marks


def label_of(block: Block, extra_lines: Sequence[str] = ()) -> Label:
    """Return the label of a block; ``extra_lines`` are further lines, which depend on the layout of the figure."""
    rows: list[_Line | _Pill] = [
        _Line(text, NAME, "ink", bold=True) for text in wrap(block.name, NAME, _MAX_WIDTH, bold=True)
    ]
    rows.append(_Line(str(block.shape), SHAPE, "ink"))
    rows += [
        _Line(text, SMALL, "muted") for line in (*block.lines, *extra_lines) for text in wrap(line, SMALL, _MAX_WIDTH)
    ]
    rows += [_Pill(wrap(tag.text, SMALL, _MAX_WIDTH - 2 * _PILL_PAD), tag.kind) for tag in block.tags]
    return Label(tuple(rows))


def _text(text: str, centre: float, top: float, size: float, role: str, *, bold: bool = False) -> Words:
    return Words(centre, top + 0.95 * size, text, size, role, bold, "middle")


def _pill(pill: _Pill, centre: float, top: float) -> list[Mark]:
    height = pill.height - _PILL_GAP
    outline = Slab(centre - pill.width / 2, top, pill.width, height, 6.0, f"{pill.kind}-fill", f"{pill.kind}-edge")
    texts = [
        _text(line, centre, top + 1.5 + number * SMALL * _LEADING, SMALL, "ink")
        for number, line in enumerate(pill.lines)
    ]
    return [outline, *texts]
