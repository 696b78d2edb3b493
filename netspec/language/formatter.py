"""The canonical layout of a spec: that of ``specs/alexnet.net``.

Columns are counted from 0 here. They are fixed, so that a change of one line does not move the others; only what does
not fit makes them move.

* A setting's word stands in column 0, its operand (``net alexnet``) in column 8, keys in column 9; the keys of
  ``default`` lines begin in one column.
* A layer's name stands in column 0, its type in column 9, its keys in column 18; in a file with longer names or types,
  one space after the longest name and two after the longest type.
* Items are two spaces apart; values without keys (``drop norm1 norm2``) one, as in the phrase ``crop=224 from=256``.
* In a block of layers (without blank lines between) the items of one type are columns as far as their keys agree: those
  of ``filters=96   kernel=11  stride=4`` and ``filters=256  kernel=5   pad=2`` down to ``kernel``. The lines of
  ``default`` are aligned in the same way.
* Claims stand in column 73; in a block with a longer claim than fits there, two spaces after the block's longest items.
  A claim after longer items follows them after two spaces.
* Comments stay with their line, in column 36 after settings and in the column of the claims after layers; where one of
  a block's lines is too long for that, two spaces after the longest. One that does not fit stands after two spaces.
* Lines with only a comment stay in their place: in column 0 if they are there, else under the keys of the statement
  above.
* A statement's own line breaks stay, but not inside an item. What passes column 120 runs on under the keys. Comments,
  and single words, are never broken.
* One blank line at most, none at either end; no tabs, no spaces at the end of a line. Lines end as the first one
  does, so that those of a checkout with CRLF stay as they are.
* A cell of more than 24 columns takes no part in the alignment. Numbers and words stay as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netspec.diagnostics import SpecError, in_order
from netspec.language.columns import WIDEST_CELL, WIDTH, Columns, columns, fold, joined
from netspec.language.parser import parse
from netspec.language.rows import Blank, Item, Line, Remark, Row, read_rows
from netspec.source import Source

_CLAIMS = 73
_SETTING_COMMENTS = 36

_Place = tuple[str, ...]
"""What makes a column: the group of statements, and the keys of the items up to it."""


def formatted(source: Source) -> str:
    """A spec in its canonical layout. It says the same, and its own layout is itself.

    Raises ``SpecError`` for a spec with syntax errors, which has no layout; what it means does not matter.
    """
    file = parse(source)
    if file.diagnostics:
        raise SpecError(in_order(file.diagnostics))
    lines = read_rows(file)
    common = columns(line.head for line in lines if isinstance(line, Row) and line.first)
    folded: list[Line] = []
    for line in lines:
        folded += fold(line, common) if isinstance(line, Row) else [line]
    texts = [text for block in _blocks(folded) for text in _block(block, common)]
    return "".join(f"{text}{source.newline}" for text in _without_needless_blanks(texts))


def _blocks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Runs of settings and runs of layers without a blank line between statements, with the other lines among them."""
    block: list[Line] = []
    kind: bool | None = None
    parted = False
    for line in lines:
        if isinstance(line, Row):
            if line.first and (parted or line.head.layer != kind):
                yield block
                block, kind = [], line.head.layer
            parted = False
        parted = parted or isinstance(line, Blank)
        block.append(line)
    yield block


def _block(block: Sequence[Line], common: Columns) -> Iterator[str]:
    """The text of a block's lines."""
    rows = [line for line in block if isinstance(line, Row)]
    code = iter(_with_comments(rows, *_with_claims(rows, _code(rows, common), common)))
    indent = 0
    for line in block:
        if isinstance(line, Row):
            indent = common.indent(line.head)
            yield next(code)
        elif isinstance(line, Remark):
            yield " " * indent * line.indented + line.comment
        else:
            yield ""


def _code(rows: Sequence[Row], common: Columns) -> list[str]:
    """Each row without its claim and comment; its items aligned with the block's, unless that makes it too long."""
    widths: dict[_Place, int] = {}
    for row in rows:
        for place, item in _aligned(row):
            widths[place] = max(widths.get(place, 0), len(item.text))
    texts = []
    for row in rows:
        before = (common.text(row.head) if row.first else "").ljust(common.start(row))
        text = before + joined(row.cells, [widths[place] for place, _ in _aligned(row)])
        if len(text) + len(f"  {row.claim}" if row.claim else "") > WIDTH:
            text = before + joined(row.cells)
        texts.append(text.rstrip())
    return texts


def _aligned(row: Row) -> Iterator[tuple[_Place, Item]]:
    """The items of a row that are filled up to a column, and which. The last item is not: nothing follows it."""
    place: _Place = (row.head.group,)
    for item in row.cells[:-1] if row.first else ():
        if len(item.text) > WIDEST_CELL:
            return
        place = (*place, item.key)
        yield place, item


def _with_claims(rows: Sequence[Row], code: Sequence[str], common: Columns) -> tuple[list[str], int]:
    """The rows with their claims, and the column of the claims."""
    column = _CLAIMS
    nearest = [
        (len(text) + 2 if row.cells else common.start(row)) if row.claim else 0
        for row, text in zip(rows, code, strict=True)
    ]
    if any(_CLAIMS + len(row.claim) > WIDTH for row in rows):
        column = min(_CLAIMS, max(nearest))
    texts = []
    for row, text, place in zip(rows, code, nearest, strict=True):
        fits = place <= column and column + len(row.claim) <= WIDTH
        texts.append(text.ljust(column if fits else place) + row.claim if row.claim else text)
    return texts, column


def _with_comments(rows: Sequence[Row], code: Sequence[str], claims: int) -> Iterator[str]:
    """The rows with their comments."""
    column = claims if any(row.head.layer for row in rows) else _SETTING_COMMENTS
    column = max([column, *(len(text) + 2 for row, text in zip(rows, code, strict=True) if row.comment)])
    for row, text in zip(rows, code, strict=True):
        if row.comment:
            fits = column + len(row.comment) <= WIDTH
            text = text.ljust(column if fits else len(text) + 2) + row.comment
        yield text


def _without_needless_blanks(lines: Iterable[str]) -> Iterator[str]:
    """At most one empty line between others, and none at the ends."""
    waiting = begun = False
    for line in lines:
        if line:
            if waiting and begun:
                yield ""
            waiting, begun = False, True
            yield line
        else:
            waiting = True
