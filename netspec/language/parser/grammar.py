"""The grammar, and what a text is by it.

Lark reads character by character and rule by rule, which takes a tenth of a millisecond for a layer. A large network
has thousands of layers, but writes them in few ways: what differs is numbers and names. So a text is cut into words by
the grammar's own terminals, and Lark is asked once for all texts whose words are of the same kinds in the same order.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from lark import Lark, Token, Tree, UnexpectedInput
from lark.lexer import Lexer

Start = Literal["statement", "body"]

_STARTS: list[Start] = ["statement", "body"]
_STRANGE = "STRANGE"
"""The kind of a character that is of no word: no rule has it."""


@dataclass(frozen=True, slots=True)
class Form:
    """What some words make by a rule. A part of it is again a form, or a word by its number."""

    rule: str
    parts: tuple[Form | int, ...]


class Words(NamedTuple):
    """The words of a text: of which terminal each is, where it begins and ends, and what it says."""

    kinds: tuple[str, ...]
    places: tuple[tuple[int, int], ...]
    texts: tuple[str, ...]


def read(text: str, start: Start) -> tuple[Form, Words]:
    """A statement, or what stands behind a layer's name, by the grammar. Raises ``lark.UnexpectedInput``."""
    found = read_if_right(text, start)
    if found is None:
        _of_characters().parse(text, start=start)  # where words of these kinds end it ends too, and knows the place
        raise AssertionError(text)
    return found


def read_if_right(text: str, start: Start) -> tuple[Form, Words] | None:
    """The same, and ``None`` where the text is not by the grammar: what is wrong with it costs more to find out."""
    words = _words(text)
    form = _form(words.kinds, start)
    return (form, words) if form is not None else None


def _words(text: str) -> Words:
    found = [(match, group) for match in _word().finditer(text) if (group := match.lastindex)]
    return Words(
        tuple([str(match.lastgroup) for match, _ in found]),
        tuple([match.span(group) for match, group in found]),
        tuple([match[group] for match, group in found]),
    )


@functools.lru_cache(maxsize=4096)
def _form(kinds: tuple[str, ...], start: Start) -> Form | None:
    try:
        return _numbered(_of_kinds().parse(kinds, start=start))
    except UnexpectedInput:
        return None


def _numbered(tree: Tree[Token]) -> Form:
    parts = tuple(_numbered(part) if isinstance(part, Tree) else int(part) for part in tree.children)
    return Form(str(tree.data), parts)


class _Kinds(Lexer):
    """Hands on words that are found already, each as its number."""

    def __init__(self, conf: Any) -> None:
        """Lark makes it, and says what it needs not know."""

    def lex(self, kinds: tuple[str, ...]) -> Iterator[Token]:  # type: ignore[override]
        """Each word's kind and number."""
        for number, kind in enumerate(kinds):
            yield Token(kind, str(number))


def _grammar() -> str:
    return Path(__file__).parent.with_name("netspec.lark").read_text(encoding="utf-8")


@functools.cache
def _of_kinds() -> Lark:
    return Lark(_grammar(), parser="lalr", lexer=_Kinds, maybe_placeholders=False, start=_STARTS)


@functools.cache
def _of_characters() -> Lark:
    return Lark(_grammar(), parser="lalr", maybe_placeholders=False, start=_STARTS)


@functools.cache
def _word() -> re.Pattern[str]:
    """What finds the next word, the terminals tried in the order in which Lark tries them, past all that is to be
    ignored; and the end of the text, as no group."""
    lark = _of_kinds()
    order = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    ignored = "|".join(t.pattern.to_regexp() for t in order if t.name in lark.ignore_tokens)
    words = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in order if t.name not in lark.ignore_tokens)
    return re.compile(rf"(?>(?:{ignored})*)(?:{words}|(?P<{_STRANGE}>(?s:.))|\Z)")
