"""The kind of values that may be ``none``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netspec.keys.kind import BadValue, Kind, shown
from netspec.keys.numbers import Real
from netspec.language.syntax import Value, Word


@dataclass(frozen=True, slots=True)
class OrNone:
    """A value of another kind, or the word ``none``, which is read as ``None``."""

    kind: Kind

    @property
    def words(self) -> tuple[str, ...]:
        return (*self.kind.words, "none")

    @property
    def doc(self) -> str:
        return f"{self.kind.doc}, or none"

    def read(self, value: Value) -> Any:
        if isinstance(value, Word):
            if value.text == "none":
                return None
            raise BadValue(f"needs {self.doc}, not '{shown(value)}'", value.span)
        return self.kind.read(value)


BOUND = OrNone(Real(above=0))
"""A bound above 0, or none."""
