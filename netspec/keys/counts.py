"""Counts as claims state them: exact, or rounded as a paper prints them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from netspec.formatting import format_count
from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Whole
from netspec.language.printed_counts import LETTERS
from netspec.language.syntax import Number, Rounded, Value

OF_LAYER: Mapping[str, str] = {
    "units": "output values",
    "weights": "learnt numbers of its own without biases",
    "parameters": "learnt numbers of its own with biases",
    "connections": "multiply-accumulates of one image's forward pass",
}
"""What a layer may state, with a description of each."""

OF_NETWORK: Mapping[str, str] = {
    "units": "output values of the convolutions and fully connected layers",
    "weights": "learnt numbers without biases",
    "parameters": "learnt numbers with biases",
    "connections": "multiply-accumulates of one image's forward pass",
    "depth": "the most convolutions and fully connected layers on a way from the input to an output",
}
"""What the network may state."""

MAX_COUNT = 2**62
SCALES = {letter: 10**power for letter, power in LETTERS.items()}
"""What a number is multiplied by, by the letter behind it."""


_ROUNDED = re.compile(r"(\d+)(?:\.(\d+))?([KMG])")


class Count(NamedTuple):
    """A count as it is stated, ``34848`` or ``34.8K``. ``unit`` is one step of its last digit: 1, or 100 for 34.8K."""

    number: int
    unit: int = 1
    letter: str = ""

    def holds(self, true: int) -> bool:
        """Whether the true number is written so: rounded to the last digit that is stated, or cut off behind it."""
        return 2 * (self.number - true) <= self.unit and true - self.number < self.unit

    def of(self, true: int) -> Count:
        """Return the true number, rounded to as many digits as this one has, but not to fewer than its letter shows."""
        letter = max((one for one in SCALES if SCALES[one] <= true), key=SCALES.__getitem__, default="")
        if not self.letter or not letter:
            return Count(true)
        digits = len(str(self.number // self.unit))
        unit = min(10 ** max(0, len(str(true)) - digits), SCALES[letter])
        return Count((2 * true + unit) // (2 * unit) * unit, unit, letter)

    def corrected(self, true: int) -> Count:
        """Return the count to claim instead: this one rounded, if it then holds because its last zeros only fill it up,
        as in 0.65M for 650,000, or else the true one."""
        step = 10 ** (len(str(self.number)) - len(str(self.number).rstrip("0")))
        for letter, scale in SCALES.items():
            rounded = Count(self.number, min(step, scale), letter)
            if SCALES["K"] <= self.number < 1000 * scale and rounded.unit > self.unit and rounded.holds(true):
                return rounded
        return self.of(true)

    @property
    def shown(self) -> str:
        """The count as messages show it, with commas between the thousands."""
        return str(self) if self.letter else format_count(self.number)

    def __str__(self) -> str:
        scale = SCALES[self.letter] if self.letter else 1
        decimals = len(str(scale // self.unit)) - 1
        whole, rest = divmod(self.number, scale)
        return f"{whole}{f'.{rest // self.unit:0{decimals}}' if decimals else ''}{self.letter}"


def all_hold(stated: Mapping[str, Count], true: Mapping[str, int]) -> bool:
    """Whether all stated counts hold of the true numbers, by name."""
    return all(name in true and count.holds(true[name]) for name, count in stated.items())


@dataclass(frozen=True, slots=True)
class Counts:
    """The kind of values that are counts. ``read`` raises ``BadValue``."""

    doc: str = Whole(0, MAX_COUNT).doc + ", or rounded: 61.0M"
    words: tuple[str, ...] = ()

    def read(self, value: Value) -> Count:
        if isinstance(value, Number) and isinstance(value.value, int):
            return Count(Whole(0, MAX_COUNT).read(value))
        if not isinstance(value, Rounded):
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        match = _ROUNDED.fullmatch(value.text)
        assert match is not None
        whole, decimals, letter = match[1], match[2] or "", match[3]
        unit, too_fine = divmod(SCALES[letter], 10 ** len(decimals))
        number = int(whole + decimals) * unit
        if too_fine:
            message = f"needs a whole number, and '{shown(value)}' has a fraction of one"
            raise BadValue(message, value.span)
        if number > MAX_COUNT:
            raise BadValue(f"is at most {format_count(MAX_COUNT)}, not {shown(value)}", value.span)
        return Count(number, unit, letter)
