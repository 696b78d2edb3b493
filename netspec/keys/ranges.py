"""Kinds of ranges, from which a number is drawn: the least and the greatest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.formatting import format_number
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Real, Whole
from netspec.language.syntax import Number, Value, Values


@dataclass(frozen=True, slots=True)
class Sides:
    """A whole number, or two: read as a number, or as a tuple if the two differ."""

    words: tuple[str, ...] = ()
    doc: str = "a whole number from 1, or the least and the greatest: 256,512"

    def read(self, value: Value) -> int | tuple[int, int]:
        if not isinstance(value, Values):
            if isinstance(value, Number) and isinstance(value.value, int) and value.value >= 1:
                return Whole().read(value)
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        if len(value.items) != 2:
            raise BadValue(f"needs {self.doc}, not {len(value.items)} numbers", value.span)
        low, high = (Whole().read(item) for item in value.items)
        _check_order(low, high, value)
        return low if low == high else (low, high)


@dataclass(frozen=True, slots=True)
class Range:
    """Two numbers above 0, the least and the greatest, which is at most ``high``. A single one means it and ``high``,
    or without ``high`` that nothing is drawn."""

    example: str
    high: float | None = None
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        bound = "" if self.high is None else f" up to {format_number(self.high)}"
        return f"two numbers above 0{bound}, the least and the greatest: {self.example}"

    def read(self, value: Value) -> tuple[float, float]:
        items = value.items if isinstance(value, Values) else (value,)
        if len(items) != 2:
            message = f"needs {self.doc}, not '{shown(value)}'"
            raise BadValue(message, value.span, replacement=self._completed(value))
        try:
            low, high = (Real(above=0, high=self.high).read(item) for item in items)
        except BadValue as error:
            error.replacement, error.span = self._as_shares(items), value.span
            raise
        _check_order(low, high, value)
        return low, high

    def _as_shares(self, items: Sequence[Value]) -> str | None:
        """Return percentages as shares of 1."""
        numbers = [item.value for item in items if isinstance(item, Number) and 0 < item.value <= 100]
        if self.high != 1 or len(numbers) < len(items) or max(numbers) <= 1:
            return None
        return ",".join(format_number(number / 100) for number in numbers)

    def _completed(self, value: Value) -> str | None:
        """Return the range that a single number may stand for."""
        if not isinstance(value, Number) or not 0 < value.value <= (self.high or value.value):
            return None
        other = format_number(self.high) if self.high is not None else shown(value)
        return f"{shown(value)},{other}"


def _check_order(low: float, high: float, value: Value) -> None:
    if low > high and isinstance(value, Values):
        first, second = map(shown, value.items)
        message = f"has the least first: {second},{first}"
        raise BadValue(message, value.span, replacement=f"{second},{first}")
