"""Print a table on a terminal or to a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from netspec.report.table import Column, Table

_GAP, _NARROW_GAP = 2, 1
"""Spaces between two columns, and where only fewer keep a column on a terminal."""


def show(table: Table, file: TextIO) -> None:
    """Print a table. If it does not fit on a terminal, some columns are left out and named under the table.

    The layout is computed here and not by rich, which searches every cell for a place to wrap it and takes 20 s for
    10,000 rows. Cells are never wrapped. A file that is not a terminal is written to directly, so errors in writing are
    raised; rich would end the program when the reader of a pipe has gone.
    """
    console = Console(file=file, highlight=False)
    if console.is_terminal:
        _print(table, console)
    else:
        file.writelines(f"{line}\n" for line in (*_title(table), *_lines(table, _dash(console.encoding)), *table.notes))


def _title(table: Table) -> tuple[str, ...]:
    return (table.title,) if table.title else ()


def _dash(encoding: str) -> str:
    """Return the character for rules: a hyphen if the encoding has no line character, as for files on Windows."""
    try:
        "─".encode(encoding)
    except UnicodeEncodeError:
        return "-"
    return "─"


def _lines(table: Table, dash: str, gap: int = _GAP) -> list[str]:
    """Return the lines of a table: headings, a rule, the rows, and the total after an empty line."""
    widths = _widths(table)

    def line(cells: Iterable[str]) -> str:
        return (" " * gap).join(map(_cell, cells, widths, table.columns)).rstrip()

    rule = dash * _full_width(widths, gap)
    lines = [line(column.name for column in table.columns), rule, *map(line, table.rows)]
    return lines if table.total is None else [*lines, "", line(table.total)]


def _cell(text: str, width: int, column: Column) -> str:
    """Return an aligned cell."""
    padding = " " * (width - cell_len(text))
    return padding + text if column.right else text + padding


def _print(table: Table, console: Console) -> None:
    fitted, left_out, gap = _fit(table, console.width)
    heading, *lines = _lines(fitted, _dash(console.encoding), gap)
    for title in _title(table):
        console.print(Text(title))
    # With soft wrapping the terminal itself wraps lines that are too long; rich would cut them off.
    console.print(Text(heading, style="bold"), soft_wrap=True)
    total = [Text(lines.pop(), style="bold")] if table.total is not None else []
    for line in (Text("\n".join(lines)), *total):
        console.print(line, soft_wrap=True)
    notes = list(table.notes)
    if left_out:
        notes.append(f"left out for lack of space: {', '.join(left_out)}; a wider terminal, a file or a pipe has them")
    for note in notes:
        console.print(Text(note))


def _fit(table: Table, width: int) -> tuple[Table, tuple[str, ...], int]:
    """Return the table without its least important columns, as many as needed to fit, the names of these, and the gap.

    Gaps are narrow where that keeps a column.
    """
    left_out: list[str] = []
    ranked = sorted((c for c in table.columns if c.rank), key=lambda c: -c.rank)
    fitted = table
    while _full_width(_widths(fitted), _NARROW_GAP) > width and ranked:
        left_out.append(ranked.pop(0).name)
        fitted = table.without(frozenset(left_out))
    gap = _GAP if _full_width(_widths(fitted), _GAP) <= width else _NARROW_GAP
    return fitted, tuple(left_out), gap


def _full_width(widths: Sequence[int], gap: int) -> int:
    """Return the width of the rule, which is a dash wider than the rows."""
    return sum(widths) + gap * (len(widths) - 1) + 1


def _widths(table: Table) -> Sequence[int]:
    """Return the width of each column. A wide character, as in Chinese or Japanese, takes two cells."""
    columns = zip([c.name for c in table.columns], *table.lines, strict=True)
    return [max(map(cell_len, column)) for column in columns]
