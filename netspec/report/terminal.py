"""A table on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from netspec.report.table import Column, Table

_GAP = 2
"""Places between two columns."""


def show(table: Table, file: TextIO) -> None:
    """Print a table. On a terminal, columns that have no room are left out, and named under the table.

    Its lines are laid out here, since no cell is ever folded: rich looks into each for a place to break it, and takes
    20 s for 10,000 rows. Raises what writing to the file raises: rich itself would end the program where its reader
    has gone.
    """
    screen = Console(file=file, highlight=False)
    if screen.is_terminal:
        _print(table, screen)
    else:
        file.writelines(f"{line}\n" for line in (*_title(table), *_lines(table, _dash(screen.encoding)), *table.notes))


def _title(table: Table) -> tuple[str, ...]:
    return (table.title,) if table.title else ()


def _dash(encoding: str) -> str:
    """What rules are drawn with: a hyphen in encodings without a line, as that of a file on Windows."""
    try:
        "─".encode(encoding)
    except UnicodeEncodeError:
        return "-"
    return "─"


def _lines(table: Table, dash: str) -> list[str]:
    """The table line by line: headings, a rule, the rows, and behind an empty line the total."""
    widths = _widths(table)

    def line(cells: Iterable[str]) -> str:
        return "".join(map(_cell, cells, widths, table.columns)).rstrip()

    rule = dash * (sum(widths) - _GAP + 1)
    lines = [line(column.name for column in table.columns), rule, *map(line, table.rows)]
    return lines if table.total is None else [*lines, "", line(table.total)]


def _cell(text: str, width: int, column: Column) -> str:
    """A cell at its column's side, and the gap behind it. ``width`` includes the gap."""
    room = " " * (width - _GAP - cell_len(text))
    return (room + text if column.right else text + room) + " " * _GAP


def _print(table: Table, screen: Console) -> None:
    fitting, left_out = _fit(table, screen.width)
    heading, *lines = _lines(fitting, _dash(screen.encoding))
    for title in _title(table):
        screen.print(Text(title))
    # Soft: a terminal breaks a line that is wider than itself, where rich would leave its end out.
    screen.print(Text(heading, style="bold"), soft_wrap=True)
    total = [Text(lines.pop(), style="bold")] if table.total is not None else []
    for line in (Text("\n".join(lines)), *total):
        screen.print(line, soft_wrap=True)
    notes = list(table.notes)
    if left_out:
        notes.append(f"left out for want of room: {', '.join(left_out)}; --format markdown shows all columns")
    for note in notes:
        screen.print(Text(note))


def _fit(table: Table, width: int) -> tuple[Table, tuple[str, ...]]:
    """The table without as many of its least important columns as it takes, and their names."""
    left_out: list[str] = []
    ranked = sorted((c for c in table.columns if c.rank), key=lambda c: -c.rank)
    fitting = table
    while sum(_widths(fitting)) > width and ranked:
        left_out.append(ranked.pop(0).name)
        fitting = table.without(frozenset(left_out))
    return fitting, tuple(left_out)


def _widths(table: Table) -> Sequence[int]:
    """The places that each column takes with the gap behind it: two for each Chinese or Japanese letter."""
    columns = zip([c.name for c in table.columns], *table.lines, strict=True)
    return [max(map(cell_len, column)) + _GAP for column in columns]
