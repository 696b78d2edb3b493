"""Determine what is being written at an offset, in a statement that may be incomplete.

The parser rejects incomplete statements like ``[conv1] conv kernel=``. This module therefore reads the tokens before
the cursor one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from netspec.source import Source

_TOKEN = re.compile(r"(?P<comment>#[^\r\n]*)|(?P<mark>->|[=,()\[\]])|(?P<word>(?:(?!->)[^\s=,()\[\]#])+)")

Kind = Literal["start", "name", "type", "item", "value", "argument", "choice", "claim", "count", "nothing"]


@dataclass(frozen=True, slots=True)
class Context:
    """What may be written at an offset.

    ``kind`` is the syntactic position: the start of a statement, a layer's name or type, an item (a key), the value of
    a key, an argument in parentheses, a claim, the number of a count in it, or nothing.

    ``start`` and ``end`` delimit the word under the cursor. ``head`` is the first token of the statement, which for a
    layer is ``[``. ``name`` is the layer's name, and ``operand`` the layer's type or the word after a setting's name.
    ``key`` is the key whose value or argument, or the count whose number, is being written, ``call`` the word before
    the parentheses, and ``listed`` the words already in this value. ``given`` are the keys that the statement has.
    ``followed``: the word is followed by an equals sign.
    """

    kind: Kind
    start: int
    end: int
    head: str = ""
    name: str = ""
    operand: str = ""
    key: str = ""
    call: str = ""
    listed: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    followed: bool = False


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def context(source: Source, offset: int) -> Context | None:
    """Return what may be written at an offset, or ``None`` inside a comment."""
    tokens = list(_tokens(source.text, *statement_around(source, offset)))
    if any(t.kind == "comment" and t.start < offset <= t.end for t in tokens):
        return None
    tokens = [t for t in tokens if t.kind != "comment"]
    word = next((t for t in tokens if t.kind == "word" and t.start <= offset <= t.end), None)
    start, end = (word.start, word.end) if word else (offset, offset)
    before = [t for t in tokens if t.end <= start and t is not word]
    after = [t for t in tokens if t.start >= end and t is not word]
    scanner = _Scanner()
    for token in before:
        scanner.step(token)
    return Context(
        scanner.kind,
        start,
        end,
        scanner.head,
        scanner.name,
        scanner.operand,
        scanner.key,
        scanner.call,
        tuple(scanner.listed),
        _given([*before, *after]),
        bool(after) and after[0].text == "=",
    )


def statement_around(source: Source, offset: int) -> tuple[int, int]:
    """Return the start and end of the statement that contains an offset.

    A statement starts with a line that is not indented or begins with ``[``, and extends to the next such line. If the
    offset is in the first column, a new statement starts there.
    """
    first, column = source.position(offset)
    last = first + 1
    while first > 1 and column > 1 and not _begins(source.line(first)):
        first -= 1
    while last <= len(source.line_starts) and not _begins(source.line(last)):
        last += 1
    end = source.line_starts[last - 1] if last <= len(source.line_starts) else len(source.text)
    return source.line_starts[first - 1], end


def _begins(line: str) -> bool:
    content = line.strip()
    return bool(content) and content[0] != "#" and (line[0] not in " \t\f" or content[0] == "[")


def _tokens(text: str, start: int, end: int) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text, start, end):
        yield _Token(match.lastgroup or "", match[0], match.start(), match.end())


def _given(tokens: Sequence[_Token]) -> frozenset[str]:
    """Return the keys that a statement has, without those in its claim."""
    scanner, keys = _Scanner(), set[str]()
    for token in tokens:
        scanner.step(token)
        if scanner.kind == "value":
            keys.add(scanner.key)
    return frozenset(keys)


@dataclass
class _Scanner:
    """The state of a scan: what has been read of a statement so far, and what may come next."""

    kind: Kind = "start"
    head: str = ""
    name: str = ""
    operand: str = ""
    key: str = ""
    call: str = ""
    listed: list[str] = field(default_factory=list)
    previous: str = ""
    in_claim: bool = False

    def step(self, token: _Token) -> None:
        """Read the next token."""
        if not self.head:
            self.head = token.text
            self.kind = "name" if token.text == "[" else "type" if token.text == "default" else "item"
        elif self.kind == "name":
            self.name = token.text if token.kind == "word" else self.name
            self.kind = "type" if token.text == "]" else "name"
        elif token.kind == "word":
            self._word(token.text)
        else:
            self._mark(token.text)
        self.previous = token.text

    def _word(self, text: str) -> None:
        if self.kind == "type" or (self.kind == "item" and self.previous == self.head and not self.operand):
            self.operand = text
        if self.kind in ("value", "argument") or self.head == "drop":
            self.listed.append(text)
        if self.call:
            self.kind = "nothing"
        else:
            self.kind = "claim" if self.in_claim else "item"

    def _mark(self, text: str) -> None:
        match text:
            case "->":
                self.kind, self.in_claim, self.key, self.call = "claim", True, "", ""
            case "=" if self.call:
                self.kind = "choice"
            case "=" if self.in_claim:
                self.kind, self.key = "count", self.previous
            case "=":
                self.kind, self.key, self.listed = "value", self.previous, []
                self.operand = "" if self.operand == self.previous else self.operand
            case "(" if self.key:
                self.kind, self.call, self.listed = "argument", self.previous, []
            case "," if self.call:
                self.kind = "argument"
            case "," if self.key:
                self.kind = "value"
            case ")":
                self.kind, self.call = ("claim" if self.in_claim else "item"), ""
            case _:
                self.kind = "nothing"
