"""The interface of a kind of values, and the error for values that are not of that kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from netspec.diagnostics.nearest import nearest
from netspec.language.syntax import Call, Pair, Value, Word
from netspec.source import Span

_COMMENT = re.compile(r"#[^\r\n]*")


class BadValue(Exception):
    """A key cannot have this value.

    ``replacement`` is a text that would correct the value, if one suggests itself. ``companions``: keys and
    their values that the replacement needs too, unless they are given. ``others``: further errors in the same value.
    """

    others: tuple[BadValue, ...] = ()
    companions: tuple[tuple[str, str], ...] = ()

    def __init__(
        self, message: str, span: Span, *, notes: tuple[str, ...] = (), replacement: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.notes = notes
        self.replacement = replacement


_LONG = 100
"""The most characters of what a key needs that a message may have."""


class Kind(Protocol):
    """A kind of values: reads a key's value, and describes the values that it accepts.

    A kind whose words take arguments, or have docs of their own, has them as ``forms``, by word.
    """

    @property
    def doc(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """The words that it accepts, for suggestions and completion."""
        ...

    def read(self, value: Value) -> Any: ...


def unknown_word(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """Return the error for a value that is not one of these words."""
    word = value.text if isinstance(value, Word) else value.name.text if isinstance(value, Call) else None
    span = value.name.span if isinstance(value, Call) else value.span
    near = nearest(word, words) if word else None
    if near and near != word:
        known = doc if len(doc) <= _LONG else one_of(words)  # without arguments, because one word is suggested
        return BadValue(
            f"'{word}' is unknown; did you mean {near}?", span, notes=(f"it may be {known}",), replacement=near
        )
    return none_of(value, doc)


def none_of(value: Value, doc: str) -> BadValue:
    """Return the error for a value that is none of those that ``doc`` describes, which are a note if they are many."""
    if len(doc) <= _LONG:
        return BadValue(f"needs {doc}, not '{shown(value)}'", value.span)
    word = value.name.text if isinstance(value, Call) else shown(value)
    return BadValue(f"'{word}' is unknown", value.span, notes=(f"it may be {doc}",))


def shown(value: Value | Pair) -> str:
    """Return a value, or a key with its value, as it is written, but on one line, without comments, and shortened."""
    text = " ".join(_COMMENT.sub("", value.span.text).split())
    return text if len(text) <= 40 else text[:37] + "..."


def one_of(words: Sequence[str]) -> str:
    """Return ``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
