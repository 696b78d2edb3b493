"""The kind of weights of classes."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.keys.kind import BadValue, shown
from netspec.keys.numbers import Real
from netspec.language.syntax import Value, Values, Word

_BALANCED = (
    "scikit-learn's balanced weights are images / (classes * images of the class); netspec check-data --format json "
    "has these numbers as balanced_weights"
)


@dataclass(frozen=True, slots=True)
class ClassWeights:
    """A number from 0 for each class, at least one of them above 0: read as a tuple; ``none`` is read as ``None``."""

    words: tuple[str, ...] = ("none",)
    doc: str = "a number from 0 for each class, 1,5,5, or none"

    def read(self, value: Value) -> tuple[float, ...] | None:
        if isinstance(value, Word) and value.text == "none":
            return None
        if not isinstance(value, Values):
            notes = (_BALANCED,) if isinstance(value, Word) and value.text == "balanced" else ()
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span, notes=notes)
        weights = tuple(map(_weight, value.items))
        if not any(weights):
            raise BadValue("needs a number above 0: with these, no class is learnt", value.span)
        return weights


def _weight(item: Value) -> float:
    weight = Real(low=0).read(item)
    return Real(above=0).read(item) if weight else 0.0
