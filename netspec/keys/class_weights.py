"""The kind of weights of classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from netspec.keys.kind import BadValue, unknown_word
from netspec.keys.numbers import Real
from netspec.language.syntax import Value, Values, Word


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
