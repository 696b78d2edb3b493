"""Lay out a row of the figure as a grid: boxes in columns, and slots where longer lines pass a column.

A line that passes a column occupies a slot in it, like the boxes do, and therefore never runs through a box.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from netspec.draw.blocks import DISCS, Block
from netspec.draw.columns import Wiring
from netspec.draw.fonts import text_width
from netspec.draw.labels import SMALL, Label
from netspec.draw.scale import JOIN, Scale, Solid
from netspec.draw.towers import Tower, towers_of

LABEL_GAP = 5.0
SHARE_HEIGHT = 15.0
EXIT_WIDTH = 16.0
_PASSING = 4.0
_UNREAD = (-1, -1)

Where: TypeAlias = Literal["box", "passing", "entry", "exit"]
BoxKey: TypeAlias = tuple[int, Tower]
"""A block in one tower."""


@dataclass(frozen=True, slots=True)
class Item:
    """A box, or a slot where a line passes a column, enters the row or leaves it.

    ``above`` and ``below`` are the pixels that it takes above and below its centre line, including its label unless the
    row is ``aligned``. ``skip`` marks a line whose value an earlier column has already read: a skip connection, which
    goes around the trunk.
    """

    block: int
    tower: Tower
    where: Where
    column: int
    above: float
    below: float
    skip: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a line between two items in neighbouring columns."""

    source: int
    target: int
    crossing: bool = False
    window: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Items, the columns that they are in from left to right, the columns' widths, and the segments between items.

    ``columns`` and segments hold indices of ``items``. ``aligned``: no column holds more than one block, so all labels
    are written at the same height.
    """

    items: tuple[Item, ...]
    columns: tuple[tuple[int, ...], ...]
    widths: tuple[float, ...]
    segments: tuple[Segment, ...]
    aligned: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """The data that rows are laid out from. Sequences are indexed by block."""

    blocks: Sequence[Block]
    labels: Sequence[Label]
    wiring: Wiring
    scale: Scale
    towers: int

    @property
    def columns(self) -> list[list[int]]:
        """The blocks in each column of the figure, in the order of the blocks."""
        columns: list[list[int]] = [[] for _ in range(max(self.wiring.column) + 1)]
        for number, column in enumerate(self.wiring.column):
            columns[column].append(number)
        return columns

    def solid(self, block: int, tower: Tower) -> Solid:
        """Return the size of a block's box in a tower."""
        kind, shape, placement = self.blocks[block].kind, self.blocks[block].shape, self.blocks[block].placement
        if kind in DISCS:
            return Solid(JOIN, JOIN, 0.0, 0.0)
        split = placement.split and tower is not None
        return self.scale.solid(shape.share(self.towers) if split else shape)

    def width(self, block: int) -> float:
        """Return the width that a block and its label need."""
        solids = [self.solid(block, t).width for t in towers_of(self.blocks[block].placement, self.towers)]
        return max(self.labels[block].width, *solids)


def entry_text(block: Block) -> str:
    """Return the text at the start of a line that comes from a row above."""
    return f"from {block.name}"


def entry_width(block: Block) -> float:
    """Return the width of that text, with a gap after it."""
    return text_width(entry_text(block), SMALL) + 6


def spans_of(wiring: Wiring) -> dict[BoxKey, tuple[int, int]]:
    """Map each box that is read to the first and the last column that read it."""
    spans: dict[BoxKey, tuple[int, int]] = {}
    for number, links in enumerate(wiring.links):
        column = wiring.column[number]
        for link in links:
            first, last = spans.get((link.source, link.source_tower), (column, column))
            spans[link.source, link.source_tower] = min(first, column), max(last, column)
    return spans


def rows_of(parts: Parts, ranges: Sequence[range]) -> list[Row]:
    """Return one row per range of columns."""
    spans, blocks_in = spans_of(parts.wiring), parts.columns
    rows = []
    pending: list[BoxKey] = []
    for columns in ranges:
        rows.append(_row(parts, columns, blocks_in, spans, pending))
        boxes = [
            (b, t) for c in columns for b in blocks_in[c] for t in towers_of(parts.blocks[b].placement, parts.towers)
        ]
        pending = [key for key in (*pending, *boxes) if spans.get(key, _UNREAD)[1] >= columns.stop]
    return rows


@dataclass(slots=True)
class _Draft:
    """A row under construction, column by column.

    ``line_end`` maps each box that is read further to the right to the item where its line currently ends.
    """

    spans: Mapping[BoxKey, tuple[int, int]]
    items: list[Item] = field(default_factory=list)
    columns: list[list[int]] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    line_end: dict[BoxKey, int] = field(default_factory=dict)

    def start_column(self, width: float) -> None:
        """Start a column."""
        self.columns.append([])
        self.widths.append(width)

    def add(self, key: BoxKey, where: Where, above: float, below: float, *, skip: bool = False) -> int:
        """Add an item to the last column and return its index."""
        self.items.append(Item(*key, where, len(self.columns) - 1, above, below, skip))
        self.columns[-1].append(len(self.items) - 1)
        return len(self.items) - 1

    def extend(self, key: BoxKey, where: Where, column: int) -> None:
        """Extend a box's line to the row's last column, which is column ``column`` of the figure."""
        item = self.add(key, where, _PASSING, _PASSING, skip=self.spans[key][0] <= column)
        self.segments.append(Segment(self.line_end[key], item))
        self.line_end[key] = item


def _row(
    parts: Parts,
    columns: range,
    blocks_in: Sequence[Sequence[int]],
    spans: Mapping[BoxKey, tuple[int, int]],
    pending: Sequence[BoxKey],
) -> Row:
    """Lay out one row: entering lines, then boxes and passing lines, then leaving lines.

    ``pending`` are the boxes of earlier rows that are still to be read.
    """
    draft = _Draft(spans)
    aligned = all(len(blocks_in[column]) <= 1 for column in columns)
    if pending:
        draft.start_column(max(entry_width(parts.blocks[b]) for b, _ in pending))
        for key in pending:
            draft.line_end[key] = draft.add(key, "entry", 8.0, 8.0, skip=spans[key][0] < columns.start)
    for column in columns:
        _fill(draft, parts, column, blocks_in[column], aligned)
    if draft.line_end:
        draft.start_column(EXIT_WIDTH)
        for key in draft.line_end:
            draft.extend(key, "exit", columns.stop - 1)
    grid = tuple(map(tuple, draft.columns))
    return Row(tuple(draft.items), grid, tuple(draft.widths), tuple(draft.segments), aligned)


def _fill(draft: _Draft, parts: Parts, column: int, blocks: Sequence[int], aligned: bool) -> None:
    """Add a column: its boxes, the lines that end at them, and the lines that pass them."""
    draft.start_column(max(map(parts.width, blocks)))
    passing = list(draft.line_end)
    boxes: dict[BoxKey, int] = {}
    for number in blocks:
        for key, above, below in _boxes(parts, number, aligned):
            boxes[key] = draft.add(key, "box", above, below)
        for link in parts.wiring.links[number]:
            source, target = draft.line_end[link.source, link.source_tower], boxes[number, link.target_tower]
            draft.segments.append(Segment(source, target, link.crossing, link.window))
    for key in passing:
        if draft.spans[key][1] > column:
            draft.extend(key, "passing", column)
        else:
            del draft.line_end[key]
    draft.line_end |= {key: item for key, item in boxes.items() if draft.spans.get(key, _UNREAD)[1] > column}


def _boxes(parts: Parts, number: int, aligned: bool) -> Iterator[tuple[BoxKey, float, float]]:
    """Yield a block's boxes: key, and pixels above and below the centre line, with the label right below the box (in an
    aligned row all labels are at one height below the row)."""
    block = parts.blocks[number]
    for tower in towers_of(block.placement, parts.towers):
        half = parts.solid(number, tower).height / 2
        below = half + (SHARE_HEIGHT if block.placement.split and tower is not None else 0.0)
        yield (number, tower), half, below + (0.0 if aligned else LABEL_GAP + parts.labels[number].height)
