"""The canonical layout of a spec: that of ``specs/alexnet.net``.

Columns are counted from 0 here. They are fixed, so that changing one line does not move the others; they move only
where something does not fit.

* A setting's word is in column 0, its operand (``net alexnet``) in column 8, its keys in column 9. The keys of all
  ``default`` lines begin in the same column.
* A layer's name is in column 0, its type in column 9, its keys in column 18. In a file with longer names or types,
  types begin one space after the longest name, and keys two spaces after the longest type.
* Two spaces separate items. One space separates values without keys (``drop norm1 norm2``) and the two halves of the
  phrase ``crop=224 from=256``.
* In a block of layers (without blank lines between them), the items of layers of one type are aligned as far as their
  keys agree: ``filters=96   kernel=11  stride=4`` and ``filters=256  kernel=5   pad=2`` up to ``kernel``. ``default``
  lines are aligned in the same way.
* Claims of layers are in column 73. In a block with a claim that does not fit there, they begin two spaces after the
  block's longest items. After items that reach past that column, a claim follows after two spaces, as that of a
  setting does.
* Comments at the end of a line are in column 36 after settings, and in the column of the claims after layers. Where a
  line of the block is too long for that, they begin two spaces after the longest. A comment that would not fit follows
  its line after two spaces.
* Lines with only a comment stay in their place: in column 0 if they begin there, else under the keys of the statement
  above.
* Line breaks between the items of a statement stay; those inside an item are removed. A line that would pass column 120
  continues on the next, under the keys. Comments and single words are never broken.
* There is one blank line at most, and none at either end; no tabs, no trailing spaces. All lines end as the first one
  does, so that a checkout with CRLF keeps it.
* A cell of more than 24 columns is not aligned. Numbers and words are left as they are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from netspec.diagnostics import SpecError, in_order
from netspec.language.columns import MAX_CELL_WIDTH, WIDTH, Columns, choose_columns, join_items, wrap_row
from netspec.language.parser import parse
from netspec.language.rows import Blank, Item, Line, Remark, Row, read_rows
from netspec.source import Source

_CLAIMS = 73
_SETTING_COMMENTS = 36

_Place = tuple[str, ...]
"""Identifies a column of items: the group of statements, and the keys of all items up to this one."""


def formatted(source: Source) -> str:
    """Return a spec in its canonical layout. The meaning does not change, and formatting again changes nothing.

    Raises ``SpecError`` if the spec has syntax errors. Any other mistakes do not matter here.
    """
    file = parse(source)
    if file.diagnostics:
        raise SpecError(in_order(file.diagnostics))
    lines = read_rows(file)
    common = choose_columns(line.head for line in lines if isinstance(line, Row) and line.first)
    wrapped: list[Line] = []
    for line in lines:
        wrapped += wrap_row(line, common) if isinstance(line, Row) else [line]
    texts = [text for block in _blocks(wrapped) for text in _block(block, common)]
    return "".join(f"{text}{source.newline}" for text in _without_needless_blanks(texts))


def _blocks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield the lines in blocks: settings or layers with no blank line between them, and the comments among them."""
    block: list[Line] = []
    kind: bool | None = None
    blank_seen = False
    for line in lines:
        if isinstance(line, Row):
            if line.first and (blank_seen or line.head.layer != kind):
                yield block
                block, kind = [], line.head.layer
            blank_seen = False
        blank_seen = blank_seen or isinstance(line, Blank)
        block.append(line)
    yield block


def _block(block: Sequence[Line], common: Columns) -> Iterator[str]:
    """Yield the text of a block's lines."""
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
    """Return each row without its claim and comment. Its items are aligned unless that makes the row too long."""
    widths: dict[_Place, int] = {}
    for row in rows:
        for place, item in _aligned(row):
            widths[place] = max(widths.get(place, 0), len(item.text))
    texts = []
    for row in rows:
        before = (common.text(row.head) if row.first else "").ljust(common.start(row))
        text = before + join_items(row.cells, [widths[place] for place, _ in _aligned(row)])
        if len(text) + len(f"  {row.claim}" if row.claim else "") > WIDTH:
            text = before + join_items(row.cells)
        texts.append(text.rstrip())
    return texts


def _aligned(row: Row) -> Iterator[tuple[_Place, Item]]:
    """Yield the items of a row that are aligned, each with its column. The last item is not: nothing follows it."""
    place: _Place = (row.head.group,)
    for item in row.cells[:-1] if row.first else ():
        if len(item.text) > MAX_CELL_WIDTH:
            return
        place = (*place, item.key)
        yield place, item


def _with_claims(rows: Sequence[Row], code: Sequence[str], common: Columns) -> tuple[list[str], int]:
    """Return the rows with their claims added, and the column of the claims."""
    column = _CLAIMS
    earliest = [
        (len(text) + 2 if row.cells else common.start(row)) if row.claim else 0
        for row, text in zip(rows, code, strict=True)
    ]
    if any(_CLAIMS + len(row.claim) > WIDTH for row in rows):
        column = min(_CLAIMS, max(earliest))
    texts = []
    for row, text, start in zip(rows, code, earliest, strict=True):
        fits = row.head.layer and start <= column and column + len(row.claim) <= WIDTH
        texts.append(text.ljust(column if fits else start) + row.claim if row.claim else text)
    return texts, column


def _with_comments(rows: Sequence[Row], code: Sequence[str], claims: int) -> Iterator[str]:
    """Yield the rows with their comments added."""
    column = claims if any(row.head.layer for row in rows) else _SETTING_COMMENTS
    column = max([column, *(len(text) + 2 for row, text in zip(rows, code, strict=True) if row.comment)])
    for row, text in zip(rows, code, strict=True):
        if row.comment:
            fits = column + len(row.comment) <= WIDTH
            text = text.ljust(column if fits else len(text) + 2) + row.comment
        yield text


def _without_needless_blanks(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines with at most one empty line between others, and none at the ends."""
    blank_pending = started = False
    for line in lines:
        if line:
            if blank_pending and started:
                yield ""
            blank_pending, started = False, True
            yield line
        else:
            blank_pending = True
