"""A table as data: columns, rows of text, and notes printed under it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading and alignment. ``rank``: columns of higher rank are left out first on a narrow terminal; those
    of rank 0 are never left out."""

    name: str
    right: bool = True
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table. Each row has as many cells as there are columns. ``total`` is a separate last row."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[tuple[str, ...], ...]:
        """All rows, the total included."""
        return self.rows if self.total is None else (*self.rows, self.total)

    def without_notes(self, notes: Collection[str]) -> Table:
        """Return the table without these notes."""
        return replace(self, notes=tuple(note for note in self.notes if note not in notes))

    def without(self, names: frozenset[str]) -> Table:
        """Return the table without these columns."""
        keep = [i for i, column in enumerate(self.columns) if column.name not in names]

        def cut(row: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(row[i] for i in keep)

        return Table(
            self.title,
            tuple(self.columns[i] for i in keep),
            tuple(cut(row) for row in self.rows),
            self.total and cut(self.total),
            self.notes,
        )


@dataclass(frozen=True, slots=True)
class ColumnOf(Generic[R]):
    """A column, with the text of its cell for each thing that has a row, and that of the total."""

    name: str
    cell: Callable[[R], str]
    total: str = ""
    right: bool = True
    rank: int = 0


def table_of(title: str, columns: Sequence[ColumnOf[R]], things: Iterable[R], notes: tuple[str, ...] = ()) -> Table:
    """Return the table with a row for each thing, and one of totals if a column has one."""
    total = tuple(column.total for column in columns)
    return Table(
        title,
        tuple(Column(column.name, column.right, column.rank) for column in columns),
        tuple(tuple(column.cell(thing) for column in columns) for thing in things),
        total if any(total) else None,
        notes,
    )


def markdown(table: Table) -> str:
    """Return a table in Markdown, with its title above and its notes as a list below."""
    head = [c.name for c in table.columns]
    rule = ["---:" if c.right else "---" for c in table.columns]
    lines = [f"**{table.title}**", "", *("| " + " | ".join(row) + " |" for row in (head, rule, *table.lines))]
    if table.notes:
        lines += ["", *(f"- {note}" for note in table.notes)]
    return "\n".join(lines) + "\n"


def csv_text(table: Table) -> str:
    """Return a table's rows as CSV, without title and notes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([c.name for c in table.columns])
    writer.writerows(table.lines)
    return out.getvalue()
