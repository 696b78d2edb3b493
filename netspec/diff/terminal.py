"""Print a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from netspec.diff.model import NetDifference
from netspec.diff.text import CHANGES, COSTS, cost_rows, not_compared, rows, summary

_STYLES = {"function": "bold", "nothing": "dim"}
_PLAIN = box.Box(str(box.SIMPLE_HEAD).replace("─", "-"), ascii=True)
"""The rules of a table for encodings without box-drawing characters."""

_GAP = 2
_MAX_FIRST_COLUMN = 72
"""The largest width of the first column, which lists the layers that have a difference in common."""


def show(difference: NetDifference, files: tuple[str, str], file: TextIO) -> None:
    """Print a comparison. On a terminal that is too narrow, cells are folded."""
    if difference.same:
        print(f"{files[0]} and {files[1]}: the same network", *not_compared(difference), sep="\n", file=file)
        return
    if file.isatty():
        _compose(Console(file=file, highlight=False), difference, files)
        return
    wide = max(_width(CHANGES, rows(difference)), _width(COSTS, cost_rows(difference)))
    page = Console(file=file, highlight=False, width=wide)  # captured; ``file`` only gives the encoding
    with page.capture() as printed:
        _compose(page, difference, files)
    for line in printed.get().splitlines():
        print(line.rstrip(), file=file)


def _compose(console: Console, difference: NetDifference, files: tuple[str, str]) -> None:
    console.print(Text(f"{files[0]} -> {files[1]}"), soft_wrap=True)
    console.print()
    for headings, lines in ((CHANGES, rows(difference)), (COSTS, cost_rows(difference))):
        if lines:
            _print(console, headings, lines)
    for line in summary(difference):
        console.print(Text(line), soft_wrap=not console.is_terminal)


def _print(console: Console, headings: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    rules = _PLAIN if console.options.ascii_only else box.SIMPLE_HEAD
    table = Table(box=rules, padding=(0, 1, 0, 0), show_edge=False)
    for number, heading in enumerate(headings):
        table.add_column(heading, overflow="fold", max_width=_MAX_FIRST_COLUMN if number == 0 else None)
    for cells in lines:
        table.add_row(*map(Text, cells), style=_STYLES.get(cells[-1], ""))
    console.print(table)
    console.print()


def _width(headings: Sequence[str], lines: Sequence[Sequence[str]]) -> int:
    first, *others = (max(map(len, column)) + _GAP for column in zip(headings, *lines, strict=True))
    return min(first, _MAX_FIRST_COLUMN + _GAP) + sum(others)
