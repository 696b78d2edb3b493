"""Read the text format of protocol buffers: ``name: value``, ``name { ... }``, ``name: [value, value]``.

A field may end with a comma or a semicolon, a message may stand between ``<`` and ``>``, and strings that follow each
other are one. https://protobuf.dev/reference/protobuf/textformat-spec describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from netspec.diagnostics import Diagnostic, SpecError
from netspec.source import Source, Span


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value: a word (``MAX``, ``true``, ``-inf``), a string without quotes and escapes, or a number as written."""

    text: str
    kind: Literal["word", "string", "number"]
    span: Span


@dataclass(frozen=True, slots=True)
class Field:
    """A field: ``pad: 2`` or ``lrn_param { ... }``. Each item of a list is a field of its own.

    ``span`` is the whole field, ``name_span`` its name. The span of an item after the first is that of the item.
    """

    name: str
    value: Scalar | Message
    span: Span
    name_span: Span


@dataclass(frozen=True, slots=True)
class Message:
    """A message: a file, or what stands between two braces, whose ``span`` includes them."""

    fields: tuple[Field, ...]
    span: Span


MAX_DEPTH = 50
"""The most messages inside each other. Caffe's own have fewer than ten."""

_CLOSING = {"{": "}", "<": ">"}


def read(source: Source) -> Message:
    """Read a text. Raises ``SpecError`` with ``caffe-syntax``, at the first mistake."""
    reader = _Reader(source)
    fields = reader.fields("", 0)
    return Message(fields, Span(source, 0, len(source.text)))


class _Reader:
    """The state of reading: the token that is next. ``opened`` are the brackets that are open."""

    def __init__(self, source: Source) -> None:
        self.tokens = _tokens(source)
        self.opened: list[_Token] = []
        self.next = next(self.tokens)

    def take(self) -> _Token:
        token = self.next
        if token.kind != "end":
            self.next = next(self.tokens)
        return token

    def fields(self, closing: str, depth: int) -> tuple[Field, ...]:
        """Read fields up to a closing bracket, or to the end of the file for none."""
        found: list[Field] = []
        while not (self.next.text == closing and self.next.kind in ("sign", "end")):
            found += self._field(depth)
            if self.next.text in (",", ";") and self.next.kind == "sign":
                self.take()
        return tuple(found)

    def _field(self, depth: int) -> list[Field]:
        name = self.take()
        if name.kind != "word":
            raise self._no_name(name)
        colon = self.next.text == ":" and self.next.kind == "sign"
        if colon:
            self.take()
        if self.next.kind == "sign" and self.next.text == "[":
            return self._list(name, depth, colon=colon)
        value = self._value(name, depth, colon=colon)
        return [Field(name.text, value, name.span.to(value.span), name.span)]

    def _list(self, name: _Token, depth: int, *, colon: bool) -> list[Field]:
        self.opened.append(self.take())
        found: list[Field] = []
        while self.next.text != "]":
            value = self._value(name, depth, colon=colon)
            span = value.span if found else name.span.to(value.span)
            found.append(Field(name.text, value, span, name.span))
            if self.next.text == ",":
                self.take()
            elif self.next.text != "]":
                raise self._no_comma()
        self.take()
        self.opened.pop()
        return found

    def _value(self, name: _Token, depth: int, *, colon: bool) -> Scalar | Message:
        token = self.take()
        if token.kind == "sign" and token.text in _CLOSING:
            return self._message(token, depth)
        if not colon and token.kind != "end":
            raise _syntax_error(f"a colon or a brace is missing after {name.text}", name.span.to(token.span))
        if token.kind == "string":
            return self._string(token)
        if token.kind == "sign" and token.text == "-" and self.next.kind in ("number", "word"):
            after = self.take()
            return _scalar(f"-{after.text}", after, token.span.to(after.span))
        if token.kind in ("word", "number"):
            return _scalar(token.text, token, token.span)
        if token.kind == "end":
            raise self._ended(token)
        raise _syntax_error(f"{name.text} has no value", name.span.to(token.span))

    def _string(self, first: _Token) -> Scalar:
        text, span = _unquoted(first), first.span
        while self.next.kind == "string":
            token = self.take()
            text, span = text + _unquoted(token), span.to(token.span)
        return Scalar(text, "string", span)

    def _message(self, opening: _Token, depth: int) -> Message:
        if depth == MAX_DEPTH:
            raise _syntax_error(f"more than {MAX_DEPTH} messages are inside each other", opening.span)
        self.opened.append(opening)
        fields = self.fields(_CLOSING[opening.text], depth + 1)
        self.opened.pop()
        return Message(fields, opening.span.to(self.take().span))

    def _no_name(self, token: _Token) -> Exception:
        if token.kind == "end":
            return self._ended(token)
        if token.text in ("}", ">", "]"):
            wanted = _CLOSING.get(self.opened[-1].text) if self.opened else None
            note = f"the one that is open, in line {self.opened[-1].span.line}, ends with {wanted}" if wanted else ""
            return _syntax_error(f"this {token.text} closes nothing", token.span, *([note] if note else []))
        if token.text == "[":
            return _syntax_error("Caffe's messages have no extensions, [name]", token.span)
        return _syntax_error(f"the name of a field is missing before {token.text}", token.span)

    def _ended(self, token: _Token) -> Exception:
        if not self.opened:
            return _syntax_error("the file ends before the value of its last field", token.span)
        opening = self.opened[-1]
        return _syntax_error(f"this {opening.text} is never closed", opening.span)

    def _no_comma(self) -> Exception:
        if self.next.kind == "end":
            return self._ended(self.next)
        return _syntax_error(f"a comma or ] is missing before {self.next.text}", self.next.span)


def _scalar(text: str, token: _Token, span: Span) -> Scalar:
    return Scalar(text, "number" if token.kind == "number" else "word", span)


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


class _Token(NamedTuple):
    """A word, a number, a string with its quotes, or a sign. The last token of a file is its end."""

    kind: Literal["word", "number", "string", "sign", "end"]
    text: str
    span: Span


def _tokens(source: Source) -> Iterator[_Token]:
    """Yield the tokens of a text; white space and comments are none. Raises ``SpecError`` with ``caffe-syntax``."""
    place = 0
    while match := _TOKEN.match(source.text, place):
        kind, end = match.lastgroup, match.end()
        if kind == "number" and (after := _TOKEN.match(source.text, end)) and after.lastgroup in ("word", "number"):
            raise _syntax_error("a space is missing after this number", Span(source, place, after.end()))
        if kind != "space":
            yield _Token(kind, match[0], Span(source, place, end))  # type: ignore[arg-type]
        place = end
    if place < len(source.text):
        raise _unknown_character(source, place)
    yield _Token("end", "", Span(source, _end(source), len(source.text)))


def _end(source: Source) -> int:
    """Return the place after the last character that is not white space."""
    return len(source.text.rstrip())


def _unknown_character(source: Source, place: int) -> SpecError:
    character = source.text[place]
    if character in "\"'":
        line_end = place + len(re.match(r"[^\r\n]*", source.text[place : place + 1000])[0])  # type: ignore[index]
        return _syntax_error(f"this string has no closing {character} on its line", Span(source, place, line_end))
    if source.text.startswith(("//", "/*"), place):
        return _syntax_error("comments begin with #", Span(source, place, place + 2))
    return _syntax_error(f"the character {character!r} has no meaning here", Span(source, place, place + 1))


def _unquoted(token: _Token) -> str:
    """Return the value of a string. Raises ``SpecError`` if it has an unknown escape."""

    def value(match: re.Match[str]) -> str:
        code = match[1]
        if code[0] in "01234567":
            return chr(int(code, 8) & 0xFF)
        if code[0] in "xXuU" and len(code) > 1:
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            start = token.span.start + 1 + match.start()
            raise _syntax_error(f"\\{code} is no escape in a string", Span(token.span.source, start, start + 2))
        return _ESCAPED[code]

    inside = token.text[1:-1]
    return _ESCAPE.sub(value, inside) if "\\" in inside else inside


def _syntax_error(message: str, span: Span, *notes: str) -> SpecError:
    """Return the error for a mistake of the text format."""
    return SpecError((Diagnostic("caffe-syntax", message, (span,), notes),))
