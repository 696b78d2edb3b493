"""Parse statements by the grammar in ``netspec.lark``, with a cache.

Lark takes a tenth of a millisecond for a layer. A large network has thousands of layers, but they differ mostly in
numbers and names. So a text is cut into words (tokens) by a regular expression built from the grammar's terminals, and
Lark parses each sequence of token kinds only once.
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
_UNKNOWN = "STRANGE"
"""The kind of a character that belongs to no word. No rule accepts it."""


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A node of a parse tree: the grammar's rule, and its children. A child is a form, or the number of a word."""

    rule: str
    parts: tuple[Form | int, ...]


class Words(NamedTuple):
    """The words of a text: the terminal that matched each, its text, and where it begins and ends."""

    kinds: tuple[str, ...]
    texts: tuple[str, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        """Where the last word ends; 0 if there is none."""
        return self.places[-1][1] if self.places else 0


class Outline(NamedTuple):
    """Where the parts of a layer's body are, by the numbers of its words: its type, if that is one word, and of each
    pair the key and what is plain in the value."""

    type: int | None
    pairs: tuple[tuple[int, tuple[int, ...]], ...]
    has_claim: bool


@functools.lru_cache(maxsize=4096)
def outline(body: Form) -> Outline:
    """Return the outline of a body's parse tree."""
    values: list[Form | int] = []
    pairs: list[tuple[int, tuple[int, ...]]] = []
    claims = [part for part in body.parts if isinstance(part, Form) and part.rule == "claim"]
    for part in body.parts:
        if isinstance(part, Form) and part.rule == "pair":
            key, value = part.parts
            assert isinstance(key, int)
            items = value.parts if isinstance(value, Form) and value.rule == "list" else (value,)
            pairs.append((key, tuple([item for item in items if isinstance(item, int)])))
        elif part not in claims:
            values.append(part)
    first = values[0] if values else None
    return Outline(first if isinstance(first, int) else None, tuple(pairs), bool(claims))


def read(text: str, start: Start) -> tuple[Form, Words]:
    """Parse a statement, or the text after a layer's name. Raises ``lark.UnexpectedInput`` for a syntax error."""
    result = try_read(text, start)
    if result is None:
        _text_parser().parse(text, start=start)  # fails too, with the place of the mistake in the text
        raise AssertionError(text)
    return result


def try_read(text: str, start: Start) -> tuple[Form, Words] | None:
    """Parse as ``read`` does, but return ``None`` for a syntax error, which is cheaper than locating it."""
    words = _words_of(text)
    form = _parse_kinds(words.kinds, start)
    return (form, words) if form is not None else None


def _words_of(text: str) -> Words:
    """Cut a text into words."""
    matches = [
        (match.lastgroup, match.span(match.lastgroup)) for match in _word_pattern().finditer(text) if match.lastgroup
    ]
    places = tuple([place for _, place in matches])
    return Words(tuple([kind for kind, _ in matches]), tuple([text[start:end] for start, end in places]), places)


@functools.lru_cache(maxsize=4096)
def _parse_kinds(kinds: tuple[str, ...], start: Start) -> Form | None:
    try:
        return _to_form(_kinds_parser().parse(kinds, start=start))
    except UnexpectedInput:
        return None


def _to_form(tree: Tree[Token]) -> Form:
    parts = tuple(_to_form(part) if isinstance(part, Tree) else int(part) for part in tree.children)
    return Form(str(tree.data), parts)


class _Kinds(Lexer):
    """A Lark lexer for input that is tokenised already. A token's text is its number."""

    def __init__(self, conf: Any) -> None:
        """Accept the configuration that Lark passes to its lexers. It is not needed."""

    def lex(self, kinds: tuple[str, ...]) -> Iterator[Token]:  # type: ignore[override]
        """Yield a token for each word."""
        for number, kind in enumerate(kinds):
            yield Token(kind, str(number))


def _grammar() -> str:
    return Path(__file__).parent.with_name("netspec.lark").read_text(encoding="utf-8")


@functools.cache
def _kinds_parser() -> Lark:
    return Lark(_grammar(), parser="lalr", lexer=_Kinds, maybe_placeholders=False, start=_STARTS)


@functools.cache
def _text_parser() -> Lark:
    return Lark(_grammar(), parser="lalr", maybe_placeholders=False, start=_STARTS)


@functools.cache
def _word_pattern() -> re.Pattern[str]:
    """Compile a pattern that skips ignored text and matches the next word, in a group named after its terminal.

    Terminals are tried in the order in which Lark tries them. At the end of the text the pattern matches no group.
    """
    lark = _kinds_parser()
    order = sorted(lark.terminals, key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    ignored = "|".join(t.pattern.to_regexp() for t in order if t.name in lark.ignore_tokens)
    words = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in order if t.name not in lark.ignore_tokens)
    return re.compile(rf"(?>(?:{ignored})*)(?:{words}|(?P<{_UNKNOWN}>(?s:.))|\Z)")
