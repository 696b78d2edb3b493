"""Kinds of words and names, and of values for which a word may stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.keys.kind import BadValue, Kind, one_of, shown, unknown_word
from netspec.keys.numbers import Real, Whole
from netspec.language.syntax import Number, Value, Values, Word


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words. It is read as itself, or as the value that ``values`` has for it.

    ``absent``: words of other tools that are like one of these and mean something else, with a note on each.
    """

    words: tuple[str, ...]
    values: Mapping[str, Any] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def doc(self) -> str:
        return one_of(self.words)

    def read(self, value: Value) -> Any:
        if isinstance(value, Word) and value.text in self.words:
            return self.values.get(value.text, value.text)
        if isinstance(value, Word) and value.text in self.absent:
            raise BadValue(f"needs {self.doc}, not '{value.text}'", value.span, notes=(self.absent[value.text],))
        raise unknown_word(value, self.words, self.doc)


@dataclass(frozen=True, slots=True)
class Mirrors:
    """Whether images are mirrored. Other tools say how often."""

    words: tuple[str, ...] = ("horizontal", "none")
    doc: str = "horizontal or none"

    def read(self, value: Value) -> str:
        if isinstance(value, Word) and value.text in self.words:
            return value.text
        error = unknown_word(value, self.words, self.doc)
        if isinstance(value, Number):
            error.notes = ("an image is mirrored with a probability of one half",)
            error.replacement = {0.5: "horizontal", 0: "none"}.get(value.value)
        raise error


YES_NO = Choice(("yes", "no"), {"yes": True, "no": False})


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


@dataclass(frozen=True, slots=True)
class GpuPlace:
    """The number of a GPU group, several of them (read as a tuple), or ``all``."""

    words: tuple[str, ...] = ("all",)
    doc: str = "a whole number from 0, several of them, or all"

    def read(self, value: Value) -> Any:
        if isinstance(value, Word):
            if value.text == "all":
                return "all"
            raise unknown_word(value, self.words, self.doc)
        if isinstance(value, Values):
            numbers = tuple(Whole(0).read(item) for item in value.items)
            if len(set(numbers)) < len(numbers):
                raise BadValue("names a group twice", value.span)
            return numbers
        return Whole(0).read(value)


@dataclass(frozen=True, slots=True)
class LayerNames:
    """Names of layers. The checker looks them up."""

    words: tuple[str, ...] = ()
    doc: str = "names of layers"

    def read(self, value: Value) -> tuple[str, ...]:
        items: Sequence[Value] = value.items if isinstance(value, Values) else (value,)
        for item in items:
            if not isinstance(item, Word):
                raise BadValue(f"needs {self.doc}, not '{shown(item)}'", item.span)
        return tuple(item.text for item in items if isinstance(item, Word))
