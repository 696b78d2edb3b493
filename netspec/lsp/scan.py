"""What is being written at an offset, in a statement that need not be complete.

The parser says nothing of ``[conv1] conv kernel=``; here its words are read one by one up to the cursor.
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
    """What may stand at an offset: the beginning of a statement, a layer's name, its type, an item (a key), a key's
    value, an argument inside a value's brackets, something stated, or nothing that is known here.

    The word being written is ``start`` to ``end``. ``head`` is the statement's first word, of a layer ``[``; ``name``
    the layer's; ``operand`` the word behind it, of a layer its type. ``key`` is the key whose value or argument is
    written, ``call`` the word before the brackets, and ``listed`` the words that stand there already. ``given`` are the
    statement's keys. ``followed``: an equals sign stands behind the word.
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
    """What may be written at an offset; ``None`` in a comment."""
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
    """Start and end of the statement that an offset lies in or goes on: a line that begins in the first column (or
    with a bracket), and what stands below it up to the next one. In the first column always a new one begins."""
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
    """The keys of a statement, its claim's left out."""
    reading, keys = _Reading(), set()
    for token in tokens:
        reading.step(token)
        if reading.sort == "value":
            keys.add(reading.key)
    return frozenset(keys)


@dataclass
class _Reading:
    """What has been read of a statement so far, and what may come next."""

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
        """Read one more token."""
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
