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

Sort = Literal["start", "name", "type", "item", "value", "argument", "claim", "nothing"]


@dataclass(frozen=True, slots=True)
class Context:
    """What may be written at an offset.

    ``sort`` is the syntactic position: the start of a statement, a layer's name or type, an item (a key), the value of
    a key, an argument in parentheses, a claim, or nothing.

    ``start`` and ``end`` delimit the word under the cursor. ``head`` is the first token of the statement, which for a
    layer is ``[``. ``name`` is the layer's name, and ``operand`` the layer's type or the word after a setting's name.
    ``key`` is the key whose value or argument is being written, ``call`` the word before the parentheses, and
    ``listed`` the words already in this value. ``given`` are the keys that the statement has. ``followed``: the word is
    followed by an equals sign.
    """

    sort: Sort
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
    sort: str
    text: str
    start: int
    end: int


def context(source: Source, offset: int) -> Context | None:
    """Return what may be written at an offset, or ``None`` inside a comment."""
    tokens = list(_tokens(source.text, *statement_around(source, offset)))
    if any(t.sort == "comment" and t.start < offset <= t.end for t in tokens):
        return None
    tokens = [t for t in tokens if t.sort != "comment"]
    word = next((t for t in tokens if t.sort == "word" and t.start <= offset <= t.end), None)
    start, end = (word.start, word.end) if word else (offset, offset)
    before = [t for t in tokens if t.end <= start and t is not word]
    after = [t for t in tokens if t.start >= end and t is not word]
    reading = _Reading()
    for token in before:
        reading.step(token)
    return Context(
        reading.sort,
        start,
        end,
        reading.head,
        reading.name,
        reading.operand,
        reading.key,
        reading.call,
        tuple(reading.listed),
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
    for found in _TOKEN.finditer(text, start, end):
        yield _Token(found.lastgroup or "", found[0], found.start(), found.end())


def _given(tokens: Sequence[_Token]) -> frozenset[str]:
    """Return the keys that a statement has, without those in its claim."""
    reading, keys = _Reading(), set()
    for token in tokens:
        reading.step(token)
        if reading.sort == "value":
            keys.add(reading.key)
    return frozenset(keys)


@dataclass
class _Reading:
    """The state of a scan: what has been read of a statement so far, and what may come next."""

    sort: Sort = "start"
    head: str = ""
    name: str = ""
    operand: str = ""
    key: str = ""
    call: str = ""
    listed: list[str] = field(default_factory=list)
    last: str = ""
    claimed: bool = False

    def step(self, token: _Token) -> None:
        """Read the next token."""
        if not self.head:
            self.head = token.text
            self.sort = "name" if token.text == "[" else "type" if token.text == "default" else "item"
        elif self.sort == "name":
            self.name = token.text if token.sort == "word" else self.name
            self.sort = "type" if token.text == "]" else "name"
        elif token.sort == "word":
            self._word(token.text)
        else:
            self._mark(token.text)
        self.last = token.text

    def _word(self, text: str) -> None:
        if self.sort == "type" or (self.sort == "item" and self.last == self.head and not self.operand):
            self.operand = text
        if self.sort in ("value", "argument") or self.head == "drop":
            self.listed.append(text)
        if self.call:
            self.sort = "nothing"
        else:
            self.sort = "claim" if self.claimed else "item"

    def _mark(self, text: str) -> None:
        match text:
            case "->":
                self.sort, self.claimed, self.key, self.call = "claim", True, "", ""
            case "=" if self.call or self.claimed:
                self.sort = "nothing"
            case "=":
                self.sort, self.key, self.listed = "value", self.last, []
                self.operand = "" if self.operand == self.last else self.operand
            case "(" if self.key:
                self.sort, self.call, self.listed = "argument", self.last, []
            case "," if self.call:
                self.sort = "argument"
            case "," if self.key:
                self.sort = "value"
            case ")":
                self.sort, self.call = ("claim" if self.claimed else "item"), ""
            case _:
                self.sort = "nothing"
