"""A spec as the formatter sees it: rows of words and items, with the comments and blank lines between them.

Each line of the text becomes one row, except lines that only continue an item of an earlier line. The text of items is
normalised: there are no spaces inside an item, except one after each comma of a call's arguments.
"""

from __future__ import annotations

import bisect
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from netspec.language.syntax import File, Pair, Section, Setting, Word

ARROW = "->"

_COMMENT = re.compile(r"#[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Item:
    """``kernel=11``, a value without a key (then ``key`` is empty), or a claim (``key`` is the arrow)."""

    key: str
    text: str


@dataclass(frozen=True, slots=True)
class Head:
    """The one or two words that a statement begins with: ``[conv1]`` and ``conv``, ``default`` and ``fc``, ``train``.

    ``layer``: the statement is a layer, not a setting. ``bare``: nothing follows these words except perhaps a claim.
    """

    words: tuple[str, ...]
    layer: bool
    bare: bool

    @property
    def group(self) -> str:
        """Statements of the same group are aligned with each other: layers of one type, the ``default`` lines."""
        return self.words[-1] if self.layer else self.words[0]


@dataclass(frozen=True, slots=True)
class Row:
    """A line of code: items of the statement that begins with ``head``. ``first``: this row begins with the head.

    ``rest``: the row holds the rest of an item that is too long for one line.
    """

    head: Head
    first: bool
    items: tuple[Item, ...]
    comment: str = ""
    rest: bool = False

    @property
    def cells(self) -> tuple[Item, ...]:
        """The items without the claim."""
        return self.items[:-1] if self.claim else self.items

    @property
    def claim(self) -> str:
        return self.items[-1].text if self.items and self.items[-1].key == ARROW else ""


@dataclass(frozen=True, slots=True)
class Remark:
    """A line with only a comment. If ``indented``, it belongs to the statement above."""

    comment: str
    indented: bool


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty line."""


Line = Row | Remark | Blank


@dataclass(frozen=True, slots=True)
class _Part:
    """A head (``item`` is ``None``) or an item, and the lines (from 1) on which it begins and ends."""

    head: Head
    item: Item | None
    begin: int
    end: int


def read_rows(file: File) -> list[Line]:
    """Return the lines of a spec without syntax errors."""
    source = file.source
    starting: defaultdict[int, list[_Part]] = defaultdict(list)
    continued: set[int] = set()
    for part in _parts(file):
        starting[part.begin].append(part)
        continued.update(range(part.begin + 1, part.end + 1))
    rows: list[Line] = []
    for number in range(1, len(source.line_starts) + 1):
        line = source.line(number)
        comment = _comment(line)
        if number in starting:
            items = tuple(part.item for part in starting[number] if part.item)
            first = starting[number][0]
            rows.append(Row(first.head, first.item is None, items, comment))
        elif comment:
            rows.append(Remark(comment, indented=line[0] != "#"))
        elif not line.strip() and number not in continued:
            rows.append(Blank())
    return rows


def _comment(line: str) -> str:
    """Return a line's comment with its tabs expanded. The language has no quotes: every ``#`` begins a comment."""
    match = _COMMENT.search(line)
    return match[0].rstrip().expandtabs() if match else ""


def _parts(file: File) -> Iterator[_Part]:
    """Yield the heads and items of all statements in file order."""
    # Replacing comments by spaces hides them and keeps all offsets.
    code = _COMMENT.sub(lambda match: " " * len(match[0]), file.source.text)
    unsorted: tuple[Section | Setting, ...] = (*file.sections, *file.settings)
    statements = sorted(unsorted, key=lambda statement: statement.span.start)
    ends = [*(statement.span.start for statement in statements), len(code)][1:]
    starts = file.source.line_starts

    for statement, end in zip(statements, ends, strict=True):
        words, items = _words_and_items(statement, code, end)
        bare = not items or items[0][1].key == ARROW
        head = Head(words, isinstance(statement, Section), bare)
        parts = [(statement.span.start, None), *items]
        for (start, item), after in zip(parts, [*(start for start, _ in items), end], strict=True):
            last = start + len(code[start:after].rstrip())
            yield _Part(head, item, bisect.bisect_right(starts, start), bisect.bisect_left(starts, last))


def _words_and_items(
    statement: Section | Setting, code: str, end: int
) -> tuple[tuple[str, ...], list[tuple[int, Item]]]:
    """Return the words that a statement begins with, and its items with the offsets where they begin."""
    nodes = sorted((*statement.values, *statement.pairs), key=lambda node: node.span.start)
    claim = statement.claim
    arrow = code.rindex(ARROW, statement.span.start, claim.span.start) if claim else end
    word = f"[{statement.name.text}]" if isinstance(statement, Section) else statement.word.text
    words: tuple[str, ...] = (word,)
    if nodes and isinstance(nodes[0], Word) and (isinstance(statement, Section) or word == "default"):
        words = (word, nodes.pop(0).span.text)
    starts = [node.span.start for node in nodes]
    items = [
        (start, Item(node.key.text if isinstance(node, Pair) else "", _spelled(code[start:after])))
        for node, start, after in zip(nodes, starts, [*starts[1:], arrow], strict=False)
    ]
    if claim:
        claim_starts = sorted(node.span.start for node in (*claim.values, *claim.pairs))
        spelled = [_spelled(code[a:b]) for a, b in zip(claim_starts, [*claim_starts[1:], end], strict=True)]
        items.append((arrow, Item(ARROW, " ".join((ARROW, *spelled)))))
    return words, items


def _spelled(code: str) -> str:
    """Return an item with its spaces removed, and one space after each comma inside brackets."""
    depth = 0
    spelled = []
    for character in "".join(code.split()):
        depth += (character == "(") - (character == ")")
        spelled.append(", " if character == "," and depth else character)
    return "".join(spelled)
