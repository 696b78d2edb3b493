"""Build syntax from a statement's parse tree."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics import Diagnostic
from netspec.language.parser.grammar import Form, Words
from netspec.language.syntax import (
    Body,
    Call,
    Claim,
    Dims,
    FileName,
    Items,
    Maps,
    Number,
    Pair,
    Rounded,
    Section,
    Setting,
    Value,
    Values,
    Word,
)
from netspec.language.words import MAX_NAME_LENGTH, MAX_NUMBER_LENGTH
from netspec.source import Source, Span


class TooLong(Exception):
    """A word or number is longer than any that makes sense."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class Reader:
    """Builds syntax from the words of a text that begins at ``base`` in the source. Its methods raise ``TooLong``."""

    def __init__(self, source: Source, base: int, words: Words) -> None:
        self.source = source
        self.base = base
        self.kinds = words.kinds
        self.texts = words.texts
        self.places = words.places

    def section(self, form: Form) -> Section:
        """Return the layer of a statement's parse tree."""
        name, rest = form.parts
        assert isinstance(name, int)
        assert isinstance(rest, Form)
        items, word = self.body(rest), self._word(name)
        last = self._span(len(self.places) - 1) if any(items) else word.span
        return Section(word, Body.of(items), self._statement(last.end))

    def body(self, form: Form) -> Items:
        """Return what is in a layer's body."""
        return self._with_claim(form.parts)

    def setting(self, form: Form) -> Setting:
        """Return the setting of a statement's parse tree."""
        number, *rest = form.parts
        assert isinstance(number, int)
        word = self._word(number)
        values, pairs, claim = self._with_claim(rest)
        parts = (*values, *pairs) if claim is None else (claim,)
        last = max([word.span.end, *(part.span.end for part in parts)])
        return Setting(word, values, pairs, self._statement(last), claim)

    def _with_claim(self, parts: Sequence[Form | int]) -> Items:
        if parts and isinstance(last := parts[-1], Form) and last.rule == "claim":
            return Items(*self._items(parts[:-1]), Claim(*self._items(last.parts)))
        return Items(*self._items(parts))

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
        return Pair(self._word(key), self._value(value))

    def _value(self, part: Form | int) -> Value:
        if isinstance(part, int):
            return self._plain(part)
        if part.rule == "list":
            return Values(tuple([self._value(item) for item in part.parts]))
        name, *rest, close = part.parts
        assert isinstance(name, int)
        assert isinstance(close, int)
        args, named = self._items(rest)
        word = self._word(name)
        return Call(word, args, named, word.span.to(self._span(close)))

    def _plain(self, number: int) -> Value:
        kind = self.kinds[number]
        if kind == "NAME":
            return self._word(number)
        text, span = self.texts[number], self._span(number)
        match kind:
            case "NUMBER":
                return _number(text, span)
            case "DIMS":
                return Dims(tuple([_whole(part, span) for part in text.split("x")]), span)
            case "ROUNDED":
                return Rounded(_within_length(text, span), span)
            case "MAPS":
                return Maps(tuple([_whole(part, span) for part in text.split("+")]), span)
        return FileName(text, span)

    def _word(self, number: int) -> Word:
        text, span = self.texts[number], self._span(number)
        if len(text) > MAX_NAME_LENGTH:
            raise _too_long(span, f"this name is longer than {MAX_NAME_LENGTH} letters")
        return Word(text, span)

    def _span(self, number: int) -> Span:
        start, end = self.places[number]
        return Span(self.source, self.base + start, self.base + end)

    def _statement(self, end: int) -> Span:
        return Span(self.source, self.base, end)


def _number(text: str, span: Span) -> Number:
    if text.lstrip("+-").isdigit():
        return Number(_whole(text, span), span)
    value = float(text)
    if value in (float("inf"), float("-inf")) or len(text) > MAX_NUMBER_LENGTH:
        raise _too_long(span, "this number is too long or too large")
    return Number(value, span)


def _whole(digits: str, span: Span) -> int:
    return int(_within_length(digits, span))


def _within_length(number: str, span: Span) -> str:
    if len(number) > MAX_NUMBER_LENGTH:
        raise _too_long(span, "this number is too long or too large")
    return number


def _too_long(span: Span, message: str) -> TooLong:
    return TooLong(Diagnostic("bad-value", message, (span,)))
