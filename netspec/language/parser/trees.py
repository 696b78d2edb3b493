"""Syntax of a statement's tree."""

from __future__ import annotations

from lark import Token, Tree

from netspec.diagnostics import Diagnostic
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
    """Makes syntax of the tree of a text that begins at ``base`` in the source. Raises ``TooLong``."""

    def __init__(self, source: Source, base: int) -> None:
        self.source = source
        self.base = base

    def section(self, tree: Tree[Token]) -> Section:
        """A layer of its statement's tree."""
        name, rest = tree.children
        assert isinstance(name, Token)
        assert isinstance(rest, Tree)
        body, word = self.body(rest), self._word(name)
        return Section(word, body, Span(self.source, self.base, word.span.end if body.end is None else body.end))

    def body(self, tree: Tree[Token]) -> Body:
        """What stands behind a layer's name, of its tree."""
        items, claim = list(tree.children), None
        if items and isinstance(items[-1], Tree) and items[-1].data == "claim":
            claim = self._claim(items.pop())  # type: ignore[arg-type]
        return Body(*self._items(items), claim)

    def setting(self, tree: Tree[Token]) -> Setting:
        """A setting of its statement's tree."""
        word, *rest = tree.children
        assert isinstance(word, Token)
        values, pairs = self._items(rest)
        last = max([self._span(word).end, *(v.span.end for v in values), *(p.span.end for p in pairs)])
        return Setting(self._word(word), values, pairs, Span(self.source, self.base, last))

    def _claim(self, tree: Tree[Token]) -> Claim:
        values, pairs = self._items(tree.children)
        spans = sorted((x.span for x in (*values, *pairs)), key=lambda s: s.start)
        return Claim(values, pairs, spans[0].to(spans[-1]))

    def _items(self, children: list[Token | Tree[Token]]) -> tuple[tuple[Value, ...], tuple[Pair, ...]]:
        values: list[Value] = []
        pairs: list[Pair] = []
        for child in children:
            if isinstance(child, Tree) and child.data in ("pair", "named"):
                pairs.append(self._pair(child))
            else:
                values.append(self._value(child))
        return tuple(values), tuple(pairs)

    def _pair(self, tree: Tree[Token]) -> Pair:
        key, value = tree.children
        assert isinstance(key, Token)
        word, read = self._word(key), self._value(value)
        return Pair(word, read, word.span.to(read.span))

    def _value(self, node: Token | Tree[Token]) -> Value:
        if isinstance(node, Token):
            if node.type == "NUMBER":
                return self._number(node)
            if node.type == "DIMS":
                return Dims(tuple(self._whole(node, part) for part in node.split("x")), self._span(node))
            if node.type == "MAPS":
                return Maps(tuple(self._whole(node, part) for part in node.split("+")), self._span(node))
            if node.type == "FILE":
                return FileName(str(node), self._span(node))
            return self._word(node)
        if node.data == "list":
            items = tuple(self._value(child) for child in node.children)
            return Values(items, items[0].span.to(items[-1].span))
        name, *rest, close = node.children
        assert isinstance(name, Token)
        assert isinstance(close, Token)
        args, named = self._items(rest)
        word = self._word(name)
        return Call(word, args, named, word.span.to(self._span(close)))

    def _number(self, token: Token) -> Number:
        span = self._span(token)
        if token.lstrip("+-").isdigit():
            return Number(self._whole(token, str(token)), span)
        value = float(token)
        if value in (float("inf"), float("-inf")) or len(token) > LONGEST_NUMBER:
            raise self._too_long(token, "this number is too long or too large")
        return Number(value, span)

    def _whole(self, token: Token, digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            raise self._too_long(token, "this number is too long or too large")
        return int(digits)

    def _too_long(self, token: Token, message: str) -> TooLong:
        return TooLong(Diagnostic("bad-value", message, (self._span(token),)))

    def _word(self, token: Token) -> Word:
        if len(token) > LONGEST_NAME:
            raise self._too_long(token, f"this name is longer than {LONGEST_NAME} letters")
        return Word(str(token), self._span(token))

    def _span(self, token: Token) -> Span:
        start = self.base + (token.start_pos or 0)
        return Span(self.source, start, start + len(token))
