"""Read the text format of protocol buffers: ``name: value``, ``name { ... }``, ``name: [value, value]``.

A field may end with a comma or a semicolon, a message may stand between ``<`` and ``>``, and strings that follow each
other are one. https://protobuf.dev/reference/protobuf/textformat-spec describes the format.
"""

from __future__ import annotations

from netspec.importers.caffe.text.model import Field, Message, Scalar
from netspec.importers.caffe.text.tokens import Token, syntax_error, tokens, unquoted
from netspec.source import Source, Span

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
        self.tokens = tokens(source)
        self.opened: list[Token] = []
        self.next = next(self.tokens)

    def take(self) -> Token:
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

    def _list(self, name: Token, depth: int, *, colon: bool) -> list[Field]:
        self.opened.append(self.take())
        found: list[Field] = []
        while self.next.text != "]":
            value = self._value(name, depth, colon=colon)
            span = value.span if found else name.span.to(value.span)
            found.append(Field(name.text, value, span, name.span))
            if self.next.text == ",":
                self.take()
            elif self.next.text != "]":
                raise self._unexpected("a comma or ]")
        self.take()
        self.opened.pop()
        return found

    def _value(self, name: Token, depth: int, *, colon: bool) -> Scalar | Message:
        token = self.take()
        if token.kind == "sign" and token.text in _CLOSING:
            return self._message(token, depth)
        if not colon and token.kind != "end":
            raise syntax_error(f"a colon or a brace is missing after {name.text}", name.span.to(token.span))
        if token.kind == "string":
            return self._string(token)
        if token.kind == "sign" and token.text == "-" and self.next.kind in ("number", "word"):
            after = self.take()
            return _scalar(f"-{after.text}", after, token.span.to(after.span))
        if token.kind in ("word", "number"):
            return _scalar(token.text, token, token.span)
        if token.kind == "end":
            raise self._ended(token)
        raise syntax_error(f"{name.text} has no value", name.span.to(token.span))

    def _string(self, first: Token) -> Scalar:
        text, span = unquoted(first), first.span
        while self.next.kind == "string":
            token = self.take()
            text, span = text + unquoted(token), span.to(token.span)
        return Scalar(text, "string", span)

    def _message(self, opening: Token, depth: int) -> Message:
        if depth == MAX_DEPTH:
            raise syntax_error(f"more than {MAX_DEPTH} messages are inside each other", opening.span)
        self.opened.append(opening)
        fields = self.fields(_CLOSING[opening.text], depth + 1)
        self.opened.pop()
        return Message(fields, opening.span.to(self.take().span))

    def _no_name(self, token: Token) -> Exception:
        if token.kind == "end":
            return self._ended(token)
        if token.text in ("}", ">", "]"):
            wanted = _CLOSING.get(self.opened[-1].text) if self.opened else None
            note = f"the one that is open, in line {self.opened[-1].span.line}, ends with {wanted}" if wanted else ""
            return syntax_error(f"this {token.text} closes nothing", token.span, *([note] if note else []))
        if token.text == "[":
            return syntax_error("Caffe's messages have no extensions, [name]", token.span)
        return syntax_error(f"the name of a field is missing before {token.text}", token.span)

    def _ended(self, token: Token) -> Exception:
        if not self.opened:
            return syntax_error("the file ends before the value of its last field", token.span)
        opening = self.opened[-1]
        return syntax_error(f"this {opening.text} is never closed", opening.span)

    def _unexpected(self, wanted: str) -> Exception:
        if self.next.kind == "end":
            return self._ended(self.next)
        return syntax_error(f"{wanted} is missing before {self.next.text}", self.next.span)


def _scalar(text: str, token: Token, span: Span) -> Scalar:
    return Scalar(text, "number" if token.kind == "number" else "word", span)
