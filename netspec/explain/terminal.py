"""A page on a terminal."""

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
"""Without the black background that code otherwise has, which a light terminal shows as bars."""

_ANY_WIDTH = 10_000


def show(page: str, file: TextIO) -> None:
    """Print a page with its headings, tables and code set off; without colours where ``NO_COLOR`` is set."""
    console = Console(file=file, theme=_STYLES)
    console.print(_Page(page, code_theme="ansi_dark", hyperlinks=False))


class _WholeWords(TableElement):
    """A table that cuts no word: its columns are as wide as their longest words at least. Where there is no room for
    that, each row is a list."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        (table,) = cast(Iterator[Table], super().__rich_console__(console, options))
        columns = [[cast(Text, cell) for cell in (column.header, *column.cells)] for column in table.columns]
        least = [max(cell_len(word) for cell in cells for word in ("", *cell.plain.split())) for cells in columns]
        most = [max(cell_len(cell.plain) for cell in cells) for cells in columns]
        frame = Measurement.get(console, options.update(width=_ANY_WIDTH), table).maximum - sum(most)
        spare = options.max_width - frame - sum(least)
        if spare < 0:
            yield from _as_lists(columns)
            return
        wanted = sum(most) - sum(least)
        for column, narrow, wide in zip(table.columns, least, most, strict=True):
            column.width = narrow + (wide - narrow if wanted <= spare else spare * (wide - narrow) // wanted)
        yield table


def _as_lists(columns: list[list[Text]]) -> Iterator[RenderableType]:
    """Each row as its first cell with the others below it, behind their headings."""
    (_, *names), *others = columns
    for number, name in enumerate(names, 1):
        yield Text()
        yield name
        for heading, *cells in others:
            if cells[number - 1].plain:
                yield Padding(Text.assemble(heading, ": ", cells[number - 1]), (0, 0, 0, 2))


class _Page(Markdown):
    elements: ClassVar = {**Markdown.elements, "table_open": _WholeWords}
