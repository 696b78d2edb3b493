"""The columns of a formatted spec, and the wrapping of lines that are too long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from netspec.language.rows import ARROW, Head, Item, Row

WIDTH = 120
MAX_CELL_WIDTH = 24
"""A wider cell does not widen its column, because that would leave large gaps in all other lines."""

_PHRASES = {("crop", "from")}
"""Pairs of keys that read as one phrase, ``crop=224 from=256``, and are separated by one space."""

_OPERAND_COLUMN = 8
_SETTING_KEYS_COLUMN = 9
_TYPE_COLUMN = 9
_TYPE_WIDTH = 9
_CONTINUATION_INDENT = 2


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns that all lines of a file share, counted from 0.

    ``types`` and ``keys``: where a layer's type and keys begin; ``defaults``: where those of ``default`` lines begin.
    """

    types: int
    keys: int
    defaults: int

    def indent(self, head: Head) -> int:
        """Return the column of a statement's keys, at which its continuation lines begin too."""
        typed = len(head.words) == 2
        if head.layer:
            return self.keys if typed else self.types
        return self.defaults if typed else _SETTING_KEYS_COLUMN

    def text(self, head: Head) -> str:
        """Return the words that a statement begins with, the second one in its column."""
        first, *second = head.words
        before = (self.types if head.layer else _OPERAND_COLUMN) - 1
        return " ".join((first.ljust(before), *second)) if second else first

    def start(self, row: Row) -> int:
        """Return the column at which a row's items begin."""
        if row.rest:
            return self.indent(row.head) + _CONTINUATION_INDENT
        if not row.first:
            return self.indent(row.head)
        end = len(self.text(row.head))
        if len(row.head.words) == 2:
            return max(self.indent(row.head), end + 2)
        if row.head.layer:
            return max(self.types, end + 1)
        operand = bool(row.items) and not row.items[0].key
        return max(_OPERAND_COLUMN, end + 1) if operand else max(_SETTING_KEYS_COLUMN, end + 2)


def choose_columns(heads: Iterable[Head]) -> Columns:
    """Return the columns for these statements: those of ``alexnet.net``, moved right where longer words need it."""
    names: list[str] = []
    types: list[str] = []
    default_types: list[str] = []
    for head in heads:
        typed = len(head.words) == 2
        if head.layer and (typed or not head.bare):
            names.append(head.words[0])
        if typed and not head.layer:
            default_types.append(head.words[1])
        elif typed and not head.bare:
            types.append(head.words[1])
    type_column = _width(_TYPE_COLUMN, names, 1)
    return Columns(
        type_column, type_column + _width(_TYPE_WIDTH, types, 2), _OPERAND_COLUMN + _width(0, default_types, 2)
    )


def _width(least: int, cells: Iterable[str], space: int) -> int:
    """Return the width of a column of cells with ``space`` spaces after the longest."""
    return max([least, *(len(cell) + space for cell in cells if len(cell) <= MAX_CELL_WIDTH)])


def _spaces_between(item: Item, following: Item) -> str:
    """Return the spaces between two items of a line: one inside a phrase and between values without keys, else two."""
    return " " if (item.key, following.key) in _PHRASES or item.key == following.key == "" else "  "


def wrap_row(row: Row, common: Columns) -> list[Row]:
    """Wrap a row into rows of at most ``WIDTH`` columns, not counting alignment.

    An item is broken only if it is too long for a line of its own. Formatting the result again wraps it the same way.
    """
    indent = common.indent(row.head)
    lines = [_Line(common.start(row))]
    for item in row.items:
        if not lines[-1].has_room_for(item) and (lines[-1].items or lines[-1].start > indent):
            lines.append(_Line(indent))
        line = lines[-1]
        if line.has_room_for(item):
            line.items.append(item)
            continue
        first, *rest = _pieces(item.text, WIDTH - line.start, WIDTH - indent - _CONTINUATION_INDENT)
        line.items.append(Item("" if item.key == ARROW else item.key, first))
        lines += [_Line(indent + _CONTINUATION_INDENT, [Item("", piece)], rest=True) for piece in rest]
        lines[-1].full = True
    first_line, *others = lines
    wrapped = [replace(row, items=tuple(first_line.items))]
    return wrapped + [Row(row.head, first=False, items=tuple(line.items), rest=line.rest) for line in others]


@dataclass(slots=True)
class _Line:
    """A line that is being filled, from column ``start`` on."""

    start: int
    items: list[Item] = field(default_factory=list)
    rest: bool = False
    full: bool = False

    def has_room_for(self, item: Item) -> bool:
        """Whether there is room for an item."""
        return not self.full and self.start + len(join_items((*self.items, item))) <= WIDTH


def join_items(items: Iterable[Item], widths: Iterable[int] = ()) -> str:
    """Return items side by side, each but the last padded to its width. Items without a width are not padded."""
    text = ""
    previous: Item | None = None
    remaining_widths = iter(widths)
    for item in items:
        if previous:
            text = text.ljust(len(text) - len(previous.text) + next(remaining_widths, 0))
            text += _spaces_between(previous, item)
        text += item.text
        previous = item
    return text


def _pieces(text: str, first: int, other: int) -> Iterator[str]:
    """Cut an item after commas and at spaces: the first piece has at most ``first`` characters, the rest ``other``."""
    piece, room = "", first
    for word in re.findall(r"[^, ]+,? ?|, ?", text):
        if piece and len(piece) + len(word.rstrip()) > room:
            yield piece.rstrip()
            piece, room = "", other
        piece += word
    yield piece.rstrip()
