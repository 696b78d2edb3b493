"""A table on a terminal."""

from __future__ import annotations

import io
from typing import TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from netspec.report.table import Table

_PADDING = 2


def show(table: Table, file: TextIO) -> None:
    """Print a table. On a terminal, columns that have no room are left out, and named under the table.

    Raises what writing to the file raises: rich itself would end the program where its reader has gone.
    """
    screen = Console(file=file, highlight=False)
    if screen.is_terminal:
        _print(table, screen)
        return
    page = io.StringIO()
    _print(table, Console(file=page, highlight=False, width=_width(table), color_system=None))
    file.write("".join(f"{line.rstrip()}\n" for line in page.getvalue().splitlines()))


def _print(table: Table, console: Console) -> None:
    fitting, left_out = _fit(table, console.width)
    room = console.width
    console.width = max(room, _width(fitting))  # a terminal breaks lines, where a table would cut numbers off
    rich_table = RichTable(
        title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False
    )
    for column in fitting.columns:
        rich_table.add_column(column.name, justify="right" if column.right else "left", no_wrap=True)
    for row in fitting.rows:
        rich_table.add_row(*map(Text, row))
    if fitting.total:
        rich_table.add_section()
        rich_table.add_row(*map(Text, fitting.total), style="bold")
    console.print(rich_table)
    console.width = room
    notes = list(table.notes)
    if left_out:
        notes.append(f"left out for want of room: {', '.join(left_out)}; --format markdown shows all columns")
    for note in notes:
        console.print(Text(note), soft_wrap=not console.is_terminal)


def _fit(table: Table, width: int) -> tuple[Table, tuple[str, ...]]:
    """The table without as many of its least important columns as it takes, and their names."""
    left_out: list[str] = []
    ranked = sorted((c for c in table.columns if c.rank), key=lambda c: -c.rank)
    fitting = table
    while _width(fitting) > width and ranked:
        left_out.append(ranked.pop(0).name)
        fitting = table.without(frozenset(left_out))
    return fitting, tuple(left_out)


def _width(table: Table) -> int:
    """The places that a table takes: two for each Chinese or Japanese letter."""
    rows = ([c.name for c in table.columns], *table.lines)
    return sum(max(cell_len(row[i]) for row in rows) + _PADDING for i in range(len(table.columns)))
