"""The kind of connection tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.ir.table import ConnectionTable
from netspec.keys.kind import BadValue, shown
from netspec.language.syntax import Maps, Number, Value, Values


@dataclass(frozen=True, slots=True)
class Rows:
    """A list with one row per filter, the channels that it reads: ``0+1,1+2,2``. A row may have them in any order."""

    words: tuple[str, ...] = ()
    doc: str = "for each filter the channels that it reads, from 0, with + between them: 0+1,1+2,0+2"

    def read(self, value: Value) -> ConnectionTable:
        rows: Sequence[Value] = value.items if isinstance(value, Values) else (value,)
        return ConnectionTable(tuple(self._row(number, row) for number, row in enumerate(rows)))

    def _row(self, filter_: int, row: Value) -> tuple[int, ...]:
        channels: tuple[int, ...]
        if isinstance(row, Number) and isinstance(row.value, int):
            channels = (row.value,)
        elif isinstance(row, Maps):
            channels = row.values
        else:
            raise BadValue(f"needs {self.doc}; not '{shown(row)}'", row.span)
        if min(channels) < 0:
            raise BadValue(f"needs {self.doc}; not {row.span.text}", row.span)
        unique = tuple(dict.fromkeys(channels))
        if unique != channels:
            repeated = next(channel for channel in unique if channels.count(channel) > 1)
            raise BadValue(
                f"filter {filter_} reads channel {repeated} more than once",
                row.span,
                notes=(f"{row.span.text}: a filter has one kernel for each channel that it reads",),
                replacement="+".join(map(str, unique)),
            )
        return tuple(sorted(channels))
