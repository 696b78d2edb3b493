"""Divide a text into words, numbers, strings and signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from netspec.diagnostics import Diagnostic, SpecError
from netspec.source import Source, Span

Kind = Literal["word", "number", "string", "sign", "end"]

_TOKEN = re.compile(
    r"""
    (?P<space>[\s]+|\#[^\r\n]*)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[fF]?)
    |(?P<string>"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')
    |(?P<sign>[{}<>\[\]:;,-])
    """,
    re.VERBOSE | re.ASCII,
)

_ESCAPE = re.compile(r"\\([0-7]{1,3}|[xX][0-9a-fA-F]{1,2}|u[0-9a-fA-F]{4}|U000[0-9a-fA-F]{5}|U0010[0-9a-fA-F]{4}|.)")
_ESCAPED = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
    "?": "?",
}  # fmt: skip


class Token(NamedTuple):
    """A word, a number, a string with its quotes, or a sign. The last token of a file is its end."""

    kind: Kind
    text: str
    span: Span


def tokens(source: Source) -> Iterator[Token]:
    """Yield the tokens of a text; white space and comments are none. Raises ``SpecError`` with ``caffe-syntax``."""
    place = 0
    while match := _TOKEN.match(source.text, place):
        kind, end = match.lastgroup, match.end()
        if kind == "number" and (after := _TOKEN.match(source.text, end)) and after.lastgroup in ("word", "number"):
            raise syntax_error("a space is missing after this number", Span(source, place, after.end()))
        if kind != "space":
            yield Token(kind, match[0], Span(source, place, end))  # type: ignore[arg-type]
        place = end
    if place < len(source.text):
        raise _unknown_character(source, place)
    yield Token("end", "", Span(source, _end(source), len(source.text)))


def _end(source: Source) -> int:
    """Return the place after the last character that is not white space."""
    return len(source.text.rstrip())


def _unknown_character(source: Source, place: int) -> SpecError:
    character = source.text[place]
    if character in "\"'":
        line_end = place + len(re.match(r"[^\r\n]*", source.text[place : place + 1000])[0])  # type: ignore[index]
        return syntax_error(f"this string has no closing {character} on its line", Span(source, place, line_end))
    if source.text.startswith(("//", "/*"), place):
        return syntax_error("comments begin with #", Span(source, place, place + 2))
    return syntax_error(f"the character {character!r} has no meaning here", Span(source, place, place + 1))


def unquoted(token: Token) -> str:
    """Return the value of a string. Raises ``SpecError`` if it has an unknown escape."""

    def value(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        if code[0] in "xXuU" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            start = token.span.start + 1 + match.start()
            raise syntax_error(f"\\{code} is no escape in a string", Span(token.span.source, start, start + 2))
        return _ESCAPED[code]

    inside = token.text[1:-1]
    return _ESCAPE.sub(value, inside) if "\\" in inside else inside


def syntax_error(message: str, span: Span, *notes: str) -> SpecError:
    """Return the error for a mistake of the text format."""
    return SpecError((Diagnostic("caffe-syntax", message, (span,), notes),))
