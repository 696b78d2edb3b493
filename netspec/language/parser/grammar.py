"""Parse statements by the grammar in ``netspec.lark``, with a cache.

Lark takes a tenth of a millisecond for a layer. A large network has thousands of layers, but they differ mostly in
numbers and names. So a text is cut into words (tokens) by a regular expression built from the grammar's terminals, and
Lark parses each sequence of token kinds only once. Texts that differ only in their digits are cut alike, so the regular
expression is applied only to the first of them.
"""

from __future__ import annotations

import bisect
import functools
import itertools
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
_DIGITS = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """A node of a parse tree: the grammar's rule, and its children. A child is a form, or the number of a word."""

    rule: str
    parts: tuple[Form | int, ...]


class Words(NamedTuple):
    """The words of a text: the terminal that matched each, and its text.

    ``whole``: the text ends with its last word. ``exponents``: it has numbers such as 1e5.
    """

    text: str
    kinds: tuple[str, ...]
    texts: tuple[str, ...]
    whole: bool
    exponents: bool

    def places(self) -> list[tuple[int, int]]:
        """Find where each word begins and ends."""
        return [match.span(match.lastgroup or 0) for match in _matches(self.text)]

    @property
    def end(self) -> int:
        """Where the last word ends; 0 if there is none."""
        return len(self.text) if self.whole else max((end for _, end in self.places()), default=0)


class _Layout(NamedTuple):
    """The words of all texts that differ only in their digits. A text is a list of pieces: in turn one without digits
    and one of digits.

    ``texts`` are the words' texts, with digits to be replaced: ``numbers`` has the words that are one piece, each with
    the piece's index. ``mixed`` has the others: what is before the digits, the indices of the first piece and of that
    after the last, and what is after the digits.
    """

    kinds: tuple[str, ...]
    texts: tuple[str, ...]
    numbers: tuple[tuple[int, int], ...]
    mixed: tuple[tuple[int, str, int, int, str], ...]
    whole: bool
    exponents: bool


def read(text: str, start: Start) -> tuple[Form, Words]:
    """Parse a statement, or the text after a layer's name. Raises ``lark.UnexpectedInput`` for a syntax error."""
    result = try_read(text, start)
    if result is None:
        _text_parser().parse(text, start=start)  # fails too, with the place of the mistake in the text
        raise AssertionError(text)
    return result


def try_read(text: str, start: Start) -> tuple[Form, Words] | None:
    """Parse as ``read`` does, but return ``None`` for a syntax error, which is cheaper than locating it."""
    words = words_of(text)
    form = _parse_kinds(words.kinds, start)
    return (form, words) if form is not None else None


def words_of(text: str) -> Words:
    """Cut a text into words."""
    pieces = _DIGITS.split(text)
    layout = _layout(tuple(pieces[::2]))
    texts = [*layout.texts]
    for word, piece in layout.numbers:
        texts[word] = pieces[piece]
    for word, before, first, last, after in layout.mixed:
        texts[word] = f"{before}{''.join(pieces[first:last])}{after}"
    return Words(text, layout.kinds, tuple(texts), layout.whole, layout.exponents)


@functools.lru_cache(maxsize=4096)
def _layout(between: tuple[str, ...]) -> _Layout:
    """Return the layout of the texts with these pieces ``between`` digits.

    No terminal distinguishes digits, or one of them from several; so the words are found in a text whose numbers have
    one digit. (Where a digit is no part of a word, there may be other words; but then the text has a syntax error.)
    """
    text = "1".join(between)
    digits = list(itertools.accumulate((len(piece) + 1 for piece in between[:-1]), initial=-1))[1:]
    numbers: list[tuple[int, int]] = []
    mixed: list[tuple[int, str, int, int, str]] = []
    kinds, texts, end = [], [], 0
    for word, match in enumerate(_matches(text)):
        start, end = match.span(match.lastgroup or 0)
        kinds.append(str(match.lastgroup))
        texts.append(text[start:end])
        first, last = bisect.bisect_left(digits, start), bisect.bisect_left(digits, end)
        if last - first == 1 and end - start == 1:
            numbers.append((word, 2 * first + 1))
        elif last > first:
            before, after = text[start : digits[first]], text[digits[last - 1] + 1 : end]
            mixed.append((word, before, 2 * first + 1, 2 * last, after))
    whole = bool(texts) and end == len(text)
    exponents = any(kind == "NUMBER" and "e" in word.lower() for kind, word in zip(kinds, texts, strict=True))
    return _Layout(tuple(kinds), tuple(texts), tuple(numbers), tuple(mixed), whole, exponents)


def _matches(text: str) -> Iterator[re.Match[str]]:
    """Yield the match of each word of a text."""
    return (match for match in _word_pattern().finditer(text) if match.lastgroup)


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
