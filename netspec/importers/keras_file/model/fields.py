"""Checked access to the fields of a model's JSON."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")

MOST = 2**31
"""No number of filters, pixels or units of a spec is larger."""

_LARGEST = 3e38


class Broken(Exception):
    """A file is not a model of Keras, or Keras would reject it. The message says why."""


def shortened(text: str) -> str:
    """Return a text of a file as messages have it, of which the end is left out if it is long."""
    return text if len(text) < 60 else text[:57] + "..."


def _shortest(value: float) -> float:
    """Return a number that was rounded to float32 as the number with the fewest digits that is rounded to it."""
    if abs(value) > _LARGEST or struct.unpack("f", struct.pack("f", value))[0] != value:
        return value
    texts = (f"{value:.{digits}g}" for digits in range(1, 10))
    return next(float(text) for text in texts if struct.pack("f", float(text)) == struct.pack("f", value))


@dataclass(frozen=True, slots=True)
class Fields:
    """An object of JSON. ``owner`` is what messages call it. A field that is ``null`` is not given."""

    values: Mapping[str, Any]
    owner: str

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field's value, unchecked."""
        value = self.values.get(name)
        return default if value is None else value

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text."""
        return self._checked(name, default, str, "a text")

    def flag(self, name: str, default: bool) -> bool:
        """Return a truth value."""
        return self._checked(name, default, bool, "true or false")

    def real(self, name: str, default: float | None = None) -> float:
        """Return a finite number."""
        return self.number(self.get(name, default), name)

    def whole(self, name: str, default: int | None = None, low: int = 1) -> int:
        """Return a whole number of at least ``low``."""
        return self.count(self.get(name, default), name, low)

    def pair(self, name: str, default: int | Sequence[int] | None = None, low: int = 1) -> tuple[int, int]:
        """Return two whole numbers, of which one may be given for both."""
        value = self.get(name, default)
        values = [value, value] if isinstance(value, int) else value
        if not isinstance(values, (list, tuple)) or len(values) != 2:
            raise self.wrong(name, value, "two whole numbers")
        return self.count(values[0], name, low), self.count(values[1], name, low)

    def fields(self, name: str) -> Fields | None:
        """Return an object, ``None`` if it is not given."""
        value = self.get(name)
        if value is not None and not isinstance(value, dict):
            raise self.wrong(name, value, "an object")
        return None if value is None else Fields(value, self.owner)

    def items(self, name: str) -> list[Any]:
        """Return a list, an empty one if it is not given."""
        found: list[Any] = self._checked(name, [], list, "a list")
        return found

    def number(self, value: Any, name: str) -> float:
        """Return a value that must be a finite number."""
        if isinstance(value, dict):  # a number of NumPy, as Keras 3 or 2 writes it
            value = value["config"].get("value") if isinstance(value.get("config"), dict) else value.get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) > 1e38 or math.isnan(value):
            raise self.wrong(name, value, "a number")
        return _shortest(float(value))

    def count(self, value: Any, name: str, low: int) -> int:
        """Return a value that must be a whole number of at least ``low``."""
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= MOST:
            raise self.wrong(name, value, f"a whole number from {low} to 2^31")
        return value

    def wrong(self, name: str, value: Any, needed: str) -> Broken:
        """Return the error for a field that is not given or is something else than what is needed."""
        if value is None:
            return Broken(f"{self.owner} does not state {name}")
        return Broken(f"{self.owner}: {name} is {shortened(repr(value))}, not {needed}")

    def _checked(self, name: str, default: T | None, type_: type[T], needed: str) -> T:
        value = self.get(name, default)
        if not isinstance(value, type_):
            raise self.wrong(name, value, needed)
        return value
