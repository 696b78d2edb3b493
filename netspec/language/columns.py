"""Where things stand on a formatted line: the columns, and how a line that is too long runs on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from netspec.language.rows import ARROW, Head, Item, Row

WIDTH = 120
WIDEST_CELL = 24
"""A wider cell does not widen its column, which would leave holes everywhere else."""

_PHRASES = {("crop", "from")}
"""Keys that are read together: ``crop=224 from=256``."""

_OPERAND = 8
_SETTING = 9
_NAME = 9
_TYPE = 9
_REST = 2


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns that a whole file has in common, from 0.

    ``types`` and ``keys``: where a layer's type and its keys begin; ``defaults``: where those of a default line do.
    """

    types: int
    keys: int
    defaults: int

    def indent(self, head: Head) -> int:
        """Where a statement's keys stand and the lines on which it runs on begin."""
        typed = len(head.words) == 2
        if head.layer:
            return self.keys if typed else self.types
        return self.defaults if typed else _SETTING

    def text(self, head: Head) -> str:
        """The words that a statement begins with."""
        first, *second = head.words
        before = (self.types if head.layer else _OPERAND) - 1
        return " ".join((first.ljust(before), *second)) if second else first

    def start(self, row: Row) -> int:
        """Where a row's items begin."""
        if row.rest:
            return self.indent(row.head) + _REST
        if not row.first:
            return self.indent(row.head)
        end = len(self.text(row.head))
        if len(row.head.words) == 2:
            return max(self.indent(row.head), end + 2)
        if row.head.layer:
            return max(self.types, end + 1)
        operand = bool(row.items) and not row.items[0].key
        return max(_OPERAND, end + 1) if operand else max(_SETTING, end + 2)


def columns(heads: Iterable[Head]) -> Columns:
    """The columns for these statements: as in alexnet.net, or further right where longer words need it."""
    layers: list[Head] = []
    defaults: list[Head] = []
    for head in heads:
        if head.layer:
            layers.append(head)
        elif len(head.words) == 2:
            defaults.append(head)
    types = _column(_NAME, 1, (head.words[0] for head in layers if len(head.words) == 2 or not head.bare))
    kinds = _column(_TYPE, 2, (head.words[1] for head in layers if len(head.words) == 2 and not head.bare))
    return Columns(types, types + kinds, _OPERAND + _column(0, 2, (head.words[1] for head in defaults)))


def _column(least: int, gap: int, cells: Iterable[str]) -> int:
    return max([least, *(len(cell) + gap for cell in cells if len(cell) <= WIDEST_CELL)])


def gap(item: Item, following: Item) -> str:
    """What stands between two items of a line: one space inside a phrase, and between values without keys."""
    return " " if (item.key, following.key) in _PHRASES or item.key == following.key == "" else "  "


def fold(row: Row, common: Columns) -> list[Row]:
    """A row as rows of at most ``WIDTH`` columns, before any alignment. Breaks that are there stay.

    An item is broken only if it is too long for any line. What was broken reads back to the same rows.
    """
    indent = common.indent(row.head)
    lines = [_Line(common.start(row))]
    for item in row.items:
        if not lines[-1].takes(item) and (lines[-1].items or lines[-1].start > indent):
            lines.append(_Line(indent))
        line = lines[-1]
        if line.takes(item):
            line.items.append(item)
            continue
        first, *rest = _pieces(item.text, WIDTH - line.start, WIDTH - indent - _REST)
        line.items.append(Item("" if item.key == ARROW else item.key, first))
        lines += [_Line(indent + _REST, [Item("", piece)], rest=True) for piece in rest]
        lines[-1].full = True
    first_line, *others = lines
    folded = [replace(row, items=tuple(first_line.items))]
    return folded + [Row(row.head, False, tuple(line.items), rest=line.rest) for line in others]


@dataclass(slots=True)
class _Line:
    """A line that is being filled from the column ``start``."""

    start: int
    items: list[Item] = field(default_factory=list)
    rest: bool = False
    full: bool = False

    def takes(self, item: Item) -> bool:
        """Whether there is room for an item."""
        return not self.full and self.start + len(joined((*self.items, item))) <= WIDTH


def joined(items: Iterable[Item], widths: Iterable[int] = ()) -> str:
    """Items side by side; those that another follows are filled up to their widths, as far as these go."""
    text = ""
    before: Item | None = None
    room = iter(widths)
    for item in items:
        if before:
            text = text.ljust(len(text) - len(before.text) + next(room, 0)) + gap(before, item)
        text += item.text
        before = item
    return text


def _pieces(text: str, first: int, other: int) -> Iterator[str]:
    """An item cut after commas and at spaces: a piece of ``first`` characters at most, then of ``other``."""
    piece, room = "", first
    for word in re.findall(r"[^, ]+,? ?|, ?", text):
        if piece and len(piece) + len(word.rstrip()) > room:
            yield piece.rstrip()
            piece, room = "", other
        piece += word
    yield piece.rstrip()
