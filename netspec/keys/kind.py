"""What a kind of value is, and what is said of a value that is of none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from netspec.diagnostics.nearest import nearest
from netspec.language.syntax import Call, Pair, Value, Word
from netspec.source import Span

_COMMENT = re.compile(r"#[^\r\n]*")


class BadValue(Exception):
    """A value that its key cannot have. ``replacement`` is the text that would mend it, if one is near, and ``beside``
    the key, with its value, that it holds with alone; ``others`` is what else is wrong with the same value."""

    others: tuple[BadValue, ...] = ()
    beside: tuple[str, str] | None = None

    def __init__(
        self, message: str, span: Span, *, notes: tuple[str, ...] = (), replacement: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.notes = notes
        self.replacement = replacement


class Kind(Protocol):
    """How a key's value is read, and what it may be, in words."""

    @property
    def doc(self) -> str: ...

    @property
    def words(self) -> tuple[str, ...]:
        """The words that may stand here, for suggestions and completion."""
        ...

    def read(self, value: Value) -> Any: ...


def unknown_word(value: Value, words: tuple[str, ...], doc: str) -> BadValue:
    """The complaint about a word that is none of those that may stand here."""
    word = value.text if isinstance(value, Word) else value.name.text if isinstance(value, Call) else None
    span = value.name.span if isinstance(value, Call) else value.span
    near = nearest(word, words) if word else None
    if near and near != word:
        return BadValue(
            f"'{word}' is unknown; did you mean {near}?", span, notes=(f"it may be {doc}",), replacement=near
        )
    return BadValue(f"needs {doc}, not '{shown(value)}'", value.span)


def shown(value: Value | Pair) -> str:
    """A value, or a key with its value, as it is written, without comments between its lines, shortened."""
    text = " ".join(_COMMENT.sub("", value.span.text).split())
    return text if len(text) <= 40 else text[:37] + "..."


def one_of(words: Sequence[str]) -> str:
    """``a, b or c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
