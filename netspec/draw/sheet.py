"""Divide the figure into rows that fit the page, and place the columns of each row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from netspec.draw.columns import split_into_rows
from netspec.draw.rows import EXIT_WIDTH, Parts, Row, entry_width, rows_of, spans_of

PAGE = 1123.0
"""The width of a landscape A4 page at 96 pixels to the inch. A wider figure continues in another row."""

MARGIN = 24.0

_PLAIN, _BUSY, _CROSSED, _MARGINAL = 22.0, 34.0, 46.0, 8.0
"""Gaps between columns: with level lines only, with bends, with lines between towers, and at a row's ends."""

_TIGHTEST = 0.6
_ROW_ENDS = 110.0
"""Pixels reserved, at least, for the columns where lines enter and leave a row."""


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row with the x of the left and right side of each of its columns."""

    row: Row
    sides: tuple[tuple[float, float], ...]

    @property
    def width(self) -> float:
        return self.sides[-1][1]


def placed_rows(parts: Parts) -> list[PlacedRow]:
    """Divide the figure into rows that fit the page, and place their columns."""
    blocks_in = parts.columns
    widths = [max(parts.width(b) for b in column) for column in blocks_in]
    gaps = _gaps(parts, blocks_in)
    room = PAGE - 2 * MARGIN
    tight = [_TIGHTEST * gap for gap in gaps]
    if sum(widths) + sum(tight[1:]) <= room:
        ranges = [range(len(widths))]
    else:
        rooms = [room - max(_ROW_ENDS, ends) for ends in _row_ends(parts, len(widths))]
        ranges = split_into_rows(widths, tight, _lines_into(parts, len(widths)), rooms)
    return [_place(row, columns, gaps, room) for row, columns in zip(rows_of(parts, ranges), ranges, strict=True)]


def _gaps(parts: Parts, blocks_in: Sequence[Sequence[int]]) -> list[float]:
    """Return the preferred gap before each column. If space is short, all gaps shrink by the same factor."""
    lines = _lines_into(parts, len(blocks_in))
    gaps = []
    for column, blocks in enumerate(blocks_in):
        links = [link for b in blocks for link in parts.wiring.links[b]]
        if any(link.source_tower != link.target_tower for link in links):
            gaps.append(_CROSSED)
        elif lines[column] > parts.towers or len(blocks) > 1:
            gaps.append(_BUSY)
        else:
            gaps.append(_PLAIN)
    return gaps


def _row_ends(parts: Parts, columns: int) -> list[float]:
    """Return the width of the columns where lines enter and leave a row, with gaps, for each first column of a row."""
    names = [0.0] * columns
    for (block, _), (_, end) in spans_of(parts.wiring).items():
        width = entry_width(parts.blocks[block])
        for column in range(parts.wiring.column[block] + 1, end + 1):
            names[column] = max(names[column], width)
    return [width + EXIT_WIDTH + _TIGHTEST * (_BUSY + _MARGINAL) for width in names]


def _lines_into(parts: Parts, columns: int) -> list[int]:
    """Return, for each column, the number of boxes in earlier columns whose lines reach it or pass it."""
    change = [0] * (columns + 2)
    for (block, _), (_, end) in spans_of(parts.wiring).items():
        change[parts.wiring.column[block] + 1] += 1
        change[end + 1] -= 1
    return list(accumulate(change))[:columns]


def _place(row: Row, columns: range, gaps: Sequence[float], room: float) -> PlacedRow:
    """Place columns from left to right, with gaps as wide as ``room`` allows, up to their preferred width."""
    enters = len(row.columns) > len(columns) and row.items[row.columns[0][0]].where == "entry"
    leaves = len(row.columns) - len(columns) - enters
    entering = len(row.columns[0]) if enters else 0
    preferred = [_MARGINAL if entering < 2 else _BUSY] * enters + [gaps[c] for c in columns[1:]] + [_MARGINAL] * leaves
    free = room - sum(row.widths)
    factor = min(1.0, max(_TIGHTEST, free / sum(preferred))) if preferred and sum(preferred) else 1.0
    sides = [(0.0, row.widths[0])]
    for gap, width in zip(preferred, row.widths[1:], strict=True):
        left = sides[-1][1] + factor * gap
        sides.append((left, left + width))
    return PlacedRow(row, tuple(sides))
