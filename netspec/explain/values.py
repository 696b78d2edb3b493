"""Sections on words that are values of keys, such as ``plateau``, or arguments of values, such as ``patience``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from netspec.explain.keys import argument_line, owners
from netspec.explain.markdown import table
from netspec.keys import Argument, Key
from netspec.keys.calls import forms_of

MAX_OWNERS = 5
"""The most layer types that are listed for a key. The key's own page has all."""


@dataclass(frozen=True, slots=True)
class _Use:
    """One meaning of a word: a value of ``key``, or, if there is an ``argument``, this argument of the value
    ``value``."""

    key: Key
    owners: tuple[str, ...]
    value: str
    argument: Argument | None = None


@cache
def _uses() -> Mapping[str, tuple[_Use, ...]]:
    uses_by_word: dict[str, list[_Use]] = {}
    for definitions in owners().values():
        for key, owners_ in definitions:
            for word, use in _uses_of_key(key, owners_):
                uses_by_word.setdefault(word, []).append(use)
    return {word: tuple(uses) for word, uses in uses_by_word.items()}


def _uses_of_key(key: Key, owners_: tuple[str, ...]) -> Iterator[tuple[str, _Use]]:
    for word in key.kind.words:
        yield word, _Use(key, owners_, word)
    for word, form in forms_of(key.kind).items():
        for argument in form.arguments:
            yield argument.name, _Use(key, owners_, word, argument)


def names() -> tuple[str, ...]:
    """Return all such words, in alphabetical order."""
    return tuple(sorted(_uses()))


def sections(word: str) -> str:
    """Return tables of a word's meanings as a value and as an argument of a value; empty if it is neither."""
    uses = _uses().get(word, ())
    values = _merge_rows(_value_row(use) for use in uses if use.argument is None)
    numbers = [_argument_row(use, use.argument) for use in uses if use.argument is not None]
    parts = []
    if values:
        parts.append("## As a value\n\n" + table(("of", "arguments", "meaning"), values))
    if numbers:
        parts.append("## As an argument of a value\n\n" + table(("of", "value", "default"), numbers))
    return "\n".join(parts)


def _merge_rows(rows: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Merge rows that are equal except for their first cell."""
    merged: dict[tuple[str, ...], list[str]] = {}
    for first, *others in rows:
        merged.setdefault(tuple(others), []).append(first)
    return [("; ".join(firsts), *others) for others, firsts in merged.items()]


def _value_row(use: _Use) -> tuple[str, ...]:
    form = forms_of(use.key.kind).get(use.value)
    numbers = "; ".join(map(argument_line, form.arguments)) if form else ""
    return _owners_text(use), numbers, (form.doc if form else "") or use.key.doc


def _argument_row(use: _Use, argument: Argument) -> tuple[str, ...]:
    return f"`{use.value}`, a value of {_owners_text(use)}", argument.kind.doc, argument.shown_default


def _owners_text(use: _Use) -> str:
    named = ", ".join(f"`{owner}`" for owner in use.owners[:MAX_OWNERS])
    return f"`{use.key.name}` of {named}" + (" and others" if len(use.owners) > MAX_OWNERS else "")
