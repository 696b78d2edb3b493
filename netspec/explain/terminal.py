"""Print a page on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, TextIO, cast

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import Markdown, TableElement
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

_STYLES = Theme({"markdown.code": "bold cyan", "markdown.code_block": "cyan"})
"""rich's own styles give code a black background, which shows as bars on a light terminal."""

_ANY_WIDTH = 10_000


def show(page: str, file: TextIO) -> None:
    """Print a page with formatted headings, tables and code. There are no colours if ``NO_COLOR`` is set."""
    console = Console(file=file, theme=_STYLES)
    console.print(_Page(page, code_theme="ansi_dark", hyperlinks=False))


class _WholeWords(TableElement):
    """A table that never breaks a word: each column is at least as wide as its longest word.

    If there is no room for that, each row is printed as a list.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        (table,) = cast(Iterator[Table], super().__rich_console__(console, options))
        columns = [[cast(Text, cell) for cell in (column.header, *column.cells)] for column in table.columns]
        min_widths = [max(cell_len(word) for cell in cells for word in ("", *cell.plain.split())) for cells in columns]
        max_widths = [max(cell_len(cell.plain) for cell in cells) for cells in columns]
        frame = Measurement.get(console, options.update(width=_ANY_WIDTH), table).maximum - sum(max_widths)
        spare = options.max_width - frame - sum(min_widths)
        if spare < 0:
            yield from _as_lists(columns)
            return
        growth = sum(max_widths) - sum(min_widths)
        for column, narrow, wide in zip(table.columns, min_widths, max_widths, strict=True):
            column.width = narrow + (wide - narrow if growth <= spare else spare * (wide - narrow) // growth)
        yield table


def _as_lists(columns: list[list[Text]]) -> Iterator[RenderableType]:
    """Yield each row as its first cell, followed by a line with heading and text for each other cell."""
    (_, *names), *others = columns
    for number, name in enumerate(names, 1):
        yield Text()
        yield name
        for heading, *cells in others:
            if cells[number - 1].plain:
                yield Padding(Text.assemble(heading, ": ", cells[number - 1]), (0, 0, 0, 2))


class _Page(Markdown):
    elements: ClassVar = {**Markdown.elements, "table_open": _WholeWords}
