"""Turn a laid-out row into marks: bands for the towers, boxes, lines, and labels."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netspec.draw.blocks import DISCS
from netspec.draw.fonts import text_width
from netspec.draw.heights import BAND_HEAD, Heights, heights_of
from netspec.draw.labels import SHAPE, SMALL
from netspec.draw.marks import Group, Mark, Point, Slab, Stroke, Words
from netspec.draw.rows import LABEL_GAP, SHARE_HEIGHT, Item, Parts, Segment, entry_text
from netspec.draw.scale import Solid
from netspec.draw.shapes import box, line, window
from netspec.draw.sheet import PlacedRow
from netspec.ir.shape import Shape

_BAND_PAD = 9.0
_CROSSING_OFFSET = 5.0
_ABOVE_LABELS = 12.0
"""The gap above the labels of a row whose labels are aligned."""


def paint_row(parts: Parts, placed: PlacedRow, left: float, top: float) -> tuple[tuple[Mark, ...], float]:
    """Return the marks of a row whose upper left corner is (``left``, ``top``), and its height."""
    painter = _Painter(parts, placed, heights_of(placed.row), left, top)
    return painter.marks(), painter.height


class _Painter:
    """Draws one row."""

    def __init__(self, parts: Parts, placed: PlacedRow, heights: Heights, left: float, top: float) -> None:
        self._parts = parts
        self._row = placed.row
        self._sides = [(left + a, left + b) for a, b in placed.sides]
        self._y = [top + y for y in heights.y]
        self._bands = [(tower, top + a, top + b) for tower, a, b in heights.bands]
        lowest = [y + item.below for y, item in zip(self._y, self._row.items, strict=True)]
        floor = max(lowest + [bottom for _, _, bottom in self._bands])
        self._label_top = floor + _ABOVE_LABELS
        label_height = 0.0
        if self._row.aligned:
            boxes = {item.block for item in self._row.items if item.where == "box"}
            label_height = _ABOVE_LABELS + max(parts.labels[b].height for b in boxes)
        self.height = floor + label_height - top

    def marks(self) -> tuple[Mark, ...]:
        """Return all marks of the row, from bottom to top."""
        boxes: dict[int, list[Mark]] = {}
        lines: list[Mark] = []
        crossing: list[Mark] = []
        labels: list[Mark] = []
        for number, item in enumerate(self._row.items):
            if item.where == "box":
                boxes.setdefault(item.block, []).extend(self._box(number, item))
            elif item.where == "entry":
                text = entry_text(self._parts.blocks[item.block])
                labels.append(Words(self._sides[item.column][0], self._y[number] + 3.5, text, SMALL, "muted"))
        for segment in self._row.segments:
            (crossing if segment.crossing else lines).extend(self._line(segment))
        groups = (Group(self._parts.blocks[block].tooltip, tuple(marks)) for block, marks in boxes.items())
        return (*self._towers(), *groups, *self._windows(), *lines, *crossing, *labels)

    def _towers(self) -> Iterator[Mark]:
        columns = [item.column for item in self._row.items if item.tower is not None]
        for tower, top, bottom in self._bands:
            left, right = self._sides[min(columns)][0] - _BAND_PAD, self._sides[max(columns)][1] + _BAND_PAD
            yield Slab(left, top, right - left, bottom - top, 8.0, "band", "band-edge")
            yield Words(left + 8, top + BAND_HEAD - 7, f"GPU {tower}", SHAPE, "muted", bold=True)

    def _solid(self, item: Item) -> Solid:
        return self._parts.solid(item.block, item.tower)

    def _left(self, item: Item) -> float:
        """Return the left side of a box, which is centred in its column."""
        left, right = self._sides[item.column]
        return (left + right - self._solid(item).width) / 2

    def _box(self, number: int, item: Item) -> Iterator[Mark]:
        block, solid, y = self._parts.blocks[item.block], self._solid(item), self._y[number]
        yield from box(block, solid, self._left(item), y)
        left, right = self._sides[item.column]
        foot = y + solid.height / 2
        if block.placement.split and item.tower is not None:
            centre = (left + right) / 2
            yield Words(centre, foot + SHARE_HEIGHT - 3, str(self._share(item)), SMALL, "muted", anchor="middle")
            foot += SHARE_HEIGHT
        label = self._parts.labels[item.block]
        if not self._row.aligned:
            yield from label.marks((left + right) / 2, foot + LABEL_GAP)
        elif self._is_first(number, item):
            yield from label.marks((left + right) / 2, self._label_top)

    def _is_first(self, number: int, item: Item) -> bool:
        return all(self._row.items[i].block != item.block or i >= number for i in self._row.columns[item.column])

    def _line(self, segment: Segment) -> list[Mark]:
        """Return a line from the source's right side to the target's left side. It bends only in the gap between the
        columns, where there are no boxes."""
        source, target = self._row.items[segment.source], self._row.items[segment.target]
        start_y, end_y = self._y[segment.source], self._y[segment.target]
        if segment.crossing and source.tower != target.tower:
            offset = self._crossing_offset(source, target, end_y - start_y)
            start_y, end_y = start_y + offset, end_y - offset
        end_x = self._left(target) if target.where == "box" else self._sides[target.column][1]
        points: list[Point] = [
            (self._start(segment, source), start_y),
            (self._obstacle(source, segment.crossing)[1], start_y),
            (self._obstacle(target, segment.crossing)[0], end_y),
            (end_x, end_y),
        ]
        return line(points, crossing=segment.crossing, head=target.where in ("box", "exit"))

    def _obstacle(self, item: Item, crossing: bool) -> tuple[float, float]:
        """Return the left and right sides of the part of a column that a bend must avoid: the whole column, or, for a
        crossing line in an aligned row, only the item's box and the shape written under it."""
        left, right = self._sides[item.column]
        if item.where != "box" or not (crossing and self._row.aligned):
            return left, right
        centre, half = (left + right) / 2, self._solid(item).width / 2
        if item.tower is not None:
            half = max(half, text_width(str(self._share(item)), SMALL) / 2 + 3)
        return centre - half, centre + half

    def _share(self, item: Item) -> Shape:
        block = self._parts.blocks[item.block]
        return block.shape.share(self._parts.towers) if block.placement.split else block.shape

    def _start(self, segment: Segment, source: Item) -> float:
        if source.where != "box":
            return self._sides[source.column][1]
        solid = self._solid(source)
        # A line inside a cone starts where the cone does, in the middle of the right side.
        return (
            self._left(source)
            + solid.width
            - (solid.back_right / 2 if segment.window and not segment.crossing else 0.0)
        )

    def _crossing_offset(self, source: Item, target: Item, rise: float) -> float:
        """Return the vertical offset of a crossing line from its items' centre lines, which keeps it apart from the
        level lines: towards the other end, and larger for a more distant tower. ``rise`` gives the sign."""
        towers = abs((source.tower or 0) - (target.tower or 0)) if None not in (source.tower, target.tower) else 1
        room = min(self._solid(item).front_height for item in (source, target) if item.where == "box") / 2 - 2
        return math.copysign(min(_CROSSING_OFFSET + 2.0 * (towers - 1), max(0.0, room)), rise)

    def _windows(self) -> Iterator[Mark]:
        """Return the kernel windows on the volumes that are read, larger ones below smaller ones, and the cones from
        the windows to the reading boxes where the line between them is level."""
        windows: dict[tuple[int, tuple[int, int]], Mark] = {}
        cones: list[Mark] = []
        for segment in sorted(self._row.segments, key=lambda s: s.window or (0, 0), reverse=True):
            source, target = self._row.items[segment.source], self._row.items[segment.target]
            block = self._parts.blocks[source.block]
            if segment.window is None or source.where != "box" or block.kind in DISCS:
                continue
            y, target_y = self._y[segment.source], self._y[segment.target]
            drawn, upper, lower = window(self._solid(source), block.shape, segment.window, self._left(source), y)
            windows[segment.source, segment.window] = drawn
            if target.where == "box" and abs(target_y - y) < 1.0 and source.tower == target.tower:
                tip = self._left(target), target_y
                cones += [Stroke((corner, tip), "cone", 0.8, dashed=True) for corner in (upper, lower)]
        yield from windows.values()
        yield from cones
