"""Syntax of a statement's form."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics import Diagnostic
from netspec.language.parser.grammar import Form, Words
from netspec.language.parser.words import LONGEST_NAME, LONGEST_NUMBER
from netspec.language.syntax import (
    Body,
    Call,
    Claim,
    Dims,
    FileName,
    Maps,
    Number,
    Pair,
    Section,
    Setting,
    Value,
    Values,
    Word,
)
from netspec.source import Source, Span


class TooLong(Exception):
    """A word or number that is too long to be meant."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Reader:
    """Makes syntax of the words of a text that begins at ``base`` in the source. Raises ``TooLong``."""

    def __init__(self, source: Source, base: int, words: Words) -> None:
        self.source = source
        self.base = base
        self.kinds = words.kinds
        self.places = words.places

    def section(self, form: Form) -> Section:
        """A layer of its statement's form."""
        name, rest = form.parts
        assert isinstance(name, int)
        assert isinstance(rest, Form)
        body, word = self.body(rest), self._word(name)
        return Section(word, body, Span(self.source, self.base, word.span.end if body.end is None else body.end))

    def body(self, form: Form) -> Body:
        """What stands behind a layer's name, of its form."""
        parts, claim = form.parts, None
        if parts and isinstance(last := parts[-1], Form) and last.rule == "claim":
            parts, claim = parts[:-1], self._claim(last)
        return Body(*self._items(parts), claim)

    def setting(self, form: Form) -> Setting:
        """A setting of its statement's form."""
        number, *rest = form.parts
        assert isinstance(number, int)
        word = self._word(number)
        values, pairs = self._items(rest)
        last = max([word.span.end, *(v.span.end for v in values), *(p.span.end for p in pairs)])
        return Setting(word, values, pairs, Span(self.source, self.base, last))

    def _claim(self, form: Form) -> Claim:
        values, pairs = self._items(form.parts)
        spans = sorted((x.span for x in (*values, *pairs)), key=lambda s: s.start)
        return Claim(values, pairs, spans[0].to(spans[-1]))

    def _items(self, parts: Sequence[Form | int]) -> tuple[tuple[Value, ...], tuple[Pair, ...]]:
        values: list[Value] = []
        pairs: list[Pair] = []
        for part in parts:
            if isinstance(part, Form) and part.rule in ("pair", "named"):
                pairs.append(self._pair(part))
            else:
                values.append(self._value(part))
        return tuple(values), tuple(pairs)

    def _pair(self, form: Form) -> Pair:
        key, value = form.parts
        assert isinstance(key, int)
        word, read = self._word(key), self._value(value)
        return Pair(word, read, word.span.to(read.span))

    def _value(self, part: Form | int) -> Value:
        if isinstance(part, int):
            return self._plain(part)
        if part.rule == "list":
            items = tuple([self._value(item) for item in part.parts])
            return Values(items, items[0].span.to(items[-1].span))
        name, *rest, close = part.parts
        assert isinstance(name, int)
        assert isinstance(close, int)
        args, named = self._items(rest)
        word = self._word(name)
        return Call(word, args, named, word.span.to(self._span(close)))

    def _plain(self, number: int) -> Value:
        span = self._span(number)
        match self.kinds[number]:
            case "NUMBER":
                return _number(span)
            case "DIMS":
                return Dims(tuple([_whole(span, part) for part in span.text.split("x")]), span)
            case "MAPS":
                return Maps(tuple([_whole(span, part) for part in span.text.split("+")]), span)
            case "FILE":
                return FileName(span.text, span)
        return _word(span)

    def _word(self, number: int) -> Word:
        return _word(self._span(number))

    def _span(self, number: int) -> Span:
        start, end = self.places[number]
        return Span(self.source, self.base + start, self.base + end)


def _word(span: Span) -> Word:
    if span.end - span.start > LONGEST_NAME:
        raise _too_long(span, f"this name is longer than {LONGEST_NAME} letters")
    return Word(span.text, span)


def _number(span: Span) -> Number:
    text = span.text
    if text.lstrip("+-").isdigit():
        return Number(_whole(span, text), span)
    value = float(text)
    if value in (float("inf"), float("-inf")) or len(text) > LONGEST_NUMBER:
        raise _too_long(span, "this number is too long or too large")
    return Number(value, span)


def _whole(span: Span, digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise _too_long(span, "this number is too long or too large")
    return int(digits)


def _too_long(span: Span, message: str) -> TooLong:
    return TooLong(Diagnostic("bad-value", message, (span,)))
