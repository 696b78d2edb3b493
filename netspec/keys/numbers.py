"""Kinds of numbers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from netspec.formatting import format_count, format_number
from netspec.keys.kind import BadValue, one_of, shown, unknown_word
from netspec.language.syntax import Number, Value, Values, Word

MAX_WHOLE = 2**31
"""The largest whole number in a spec, and the most units or weights of a layer."""


MAX_REAL = 3.4e38
"""The largest absolute value of a number in a spec: float32, in which networks compute, does not hold larger ones."""


MIN_POSITIVE_REAL = 1.2e-38
"""The smallest number that float32 holds at full precision. Numbers that must be above 0 may not be smaller, because
they could become 0."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number within bounds."""

    low: int = 1
    high: int = MAX_WHOLE
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        return f"a whole number from {self.low}" + (f" to {format_count(self.high)}" if self.high < MAX_WHOLE else "")

    def read(self, value: Value) -> int:
        if not isinstance(value, Number) or not isinstance(value.value, int):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, replacement=without_commas(value))
        if value.value > self.high:
            raise BadValue(f"is at most {format_count(self.high)}, not {value.value}", value.span)
        if value.value < self.low:
            raise BadValue(f"needs {self.doc}, not {value.value}", value.span)
        return value.value


def without_commas(value: Value) -> str | None:
    """Return a number with commas between its thousands, 12,582,912, without them."""
    grouped = isinstance(value, Values) and re.fullmatch(r"\d{1,3}(?:,\d{3})+", value.span.text)
    return value.span.text.replace(",", "") if grouped else None


@dataclass(frozen=True, slots=True)
class Real:
    """A number within bounds and in the range of float32. ``above`` and ``below`` exclude the bound itself."""

    low: float | None = None
    high: float | None = None
    above: float | None = None
    below: float | None = None
    words: tuple[str, ...] = ()

    @property
    def doc(self) -> str:
        bounds = [
            f"{word} {format_count(int(bound)) if bound >= 1000 else format_number(bound)}"
            for word, bound in (
                ("from", self.low),
                ("above", self.above),
                ("up to", self.high),
                ("below", self.below),
            )
            if bound is not None
        ]
        return " ".join(["a number", *bounds])

    def read(self, value: Value) -> float:
        if not isinstance(value, Number):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        number = float(value.value)
        fits = (
            (self.low is None or number >= self.low)
            and (self.high is None or number <= self.high)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )
        if not fits:
            raise BadValue(f"needs {self.doc}, not {format_number(number)}", value.span)
        if abs(number) > MAX_REAL:
            bounds = f"-{format_number(MAX_REAL)} to {format_number(MAX_REAL)}"
            raise BadValue(f"needs a number that float32 holds ({bounds}), not {format_number(number)}", value.span)
        if self.above == 0 and number < MIN_POSITIVE_REAL:
            least = f"of {format_number(MIN_POSITIVE_REAL)} or more, the least above 0 that float32 holds well"
            raise BadValue(f"needs a number {least}, not {format_number(number)}", value.span)
        return number


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of several whole numbers, or a word."""

    numbers: tuple[int, ...]
    words: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """All that may be written."""
        return (*map(str, self.numbers), *self.words)

    @property
    def doc(self) -> str:
        return one_of(self.values)

    def read(self, value: Value) -> int | str:
        if isinstance(value, Number) and value.value in self.numbers:
            return int(value.value)
        if isinstance(value, Word) and value.text in self.words:
            return value.text
        raise unknown_word(value, self.words, self.doc)


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """A number from 0 for each class, at least one of them above 0: read as a tuple; ``none`` is read as ``None``."""

    words: tuple[str, ...] = ("balanced", "none")
    doc: str = "a number from 0 for each class, 1,5,5, balanced, or none"

    def read(self, value: Value) -> tuple[float, ...] | Literal["balanced"] | None:
        if isinstance(value, Word) and value.text == "none":
            return None
        if isinstance(value, Word) and value.text == "balanced":
            return "balanced"
        if not isinstance(value, Values):
            raise unknown_word(value, self.words, self.doc)
        weights = tuple(map(_weight, value.items))
        if not any(weights):
            raise BadValue("needs a number above 0: with these, no class is learnt", value.span)
        return weights


def _weight(item: Value) -> float:
    weight = Real(low=0).read(item)
    return Real(above=0).read(item) if weight else 0.0
