"""Text to syntax. The only file that knows Lark."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lark import Lark, Token, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostic
from netspec.language.habits import hint, rewritten
from netspec.language.syntax import (
    Call,
    Claim,
    Dims,
    File,
    FileName,
    Number,
    Pair,
    Section,
    Setting,
    Value,
    Values,
    Word,
)
from netspec.source import Source, Span

MOST_MISTAKES = 1000
"""After so many mistakes the rest of a file is not read: it is no spec."""

LONGEST_NUMBER = 40
LONGEST_NAME = 100

_NAME = r"[A-Za-z_](?:[A-Za-z0-9_]|-(?!>))*"
_HEAD = re.compile(rf"\[\s*({_NAME})")
_GOES_ON = re.compile(rf"{_NAME}\s*=|->")
_CHANGED = re.compile(rf"\s*({_NAME})\s*\.\s*")
_CHANGE = re.compile(rf"{_CHANGED.pattern}{_NAME}\s*=\s*\S")
_COMMA_BEFORE_KEY = re.compile(rf",\s*{_NAME}\s*$")
_LACKS_VALUE = re.compile(rf"({_NAME})(\s*=)\s*({_NAME}\s*)?(?:#[^\r\n]*\s*)*$")
_STATED_SHAPE = re.compile(r"->\s*([0-9]+(?:x[0-9]+)*)(?![A-Za-z0-9_.])")
_SAID = {
    "NAME": "a name",
    "NUMBER": "a number",
    "DIMS": "a size such as 3x224x224",
    "LSQB": "'['",
    "RSQB": "']'",
    "LPAR": "'('",
    "RPAR": "')'",
    "EQUAL": "'='",
    "COMMA": "','",
    "__ANON_0": "'->'",
    "$END": "the end of the statement",
}


def parse(source: Source) -> File:
    """Read a whole spec. Never raises for a mistake in it: mistakes are in the result, one a statement."""
    sections: list[Section] = []
    settings: list[Setting] = []
    diagnostics: list[Diagnostic] = []
    lost: list[Setting] = []
    for start, end, misplaced in _statements(source):
        diagnostics += misplaced
        if len(diagnostics) >= MOST_MISTAKES:
            break
        reader = _Reader(source, start)
        if start == end:
            lost += reader.broken_setting(start, misplaced[-1].span.end)
            continue
        try:
            tree = _tree(source.text[start:end])
            statement = reader.section(tree) if tree.data == "section" else reader.setting(tree)
        except (UnexpectedInput, _TooLong) as error:
            read = error.diagnostic if isinstance(error, _TooLong) else _syntax_error(source, start, end, error)
            diagnostics.append(read)
            broken = reader.broken_section(start, end)
            if broken:
                sections.append(broken)
            lost += reader.broken_setting(start, end)
            continue
        if isinstance(statement, Section):
            sections.append(statement)
        else:
            settings.append(statement)
    return File(source, tuple(sections), tuple(settings), tuple(diagnostics), tuple(lost))


def is_change(text: str) -> bool:
    """Whether a text has the form ``name.key=value``, whatever its value is."""
    return _CHANGE.match(text) is not None


def parse_change(source: Source) -> File:
    """Read ``conv1.stride=2`` or ``train.batch=64``, one change of a key, as a file with this one statement.

    Whether the name is a layer's or a setting's is for the reader to know: it is given as a section.
    """
    head = _CHANGED.match(source.text)
    if head is None:
        return _no_change(source)
    name = Word(head[1], Span(source, head.start(1), head.end(1)))
    word = "set "
    statement = word + source.text[head.end() :]
    try:
        setting = _Reader(source, head.end() - len(word)).setting(_tree(statement))
    except _TooLong as error:
        return File(source, (), (), (error.diagnostic,))
    except UnexpectedInput as error:
        return File(source, (), (), (_syntax_error(source, head.end() - len(word), len(source.text), error),))
    if setting.values or not setting.pairs:
        return _no_change(source)
    return File(source, (Section(name, (), setting.pairs, None, name.span),), (), ())


def _no_change(source: Source) -> File:
    span = Span(source, 0, len(source.text))
    notes = ("a change is layer.key=value, conv1.stride=2, or setting.key=value, train.batch=64",)
    return File(source, (), (), (Diagnostic("syntax", "this is no change of a key", (span,), notes),))


def _statements(source: Source) -> Iterator[tuple[int, int, list[Diagnostic]]]:
    """(start, end, mistakes) of each statement: a line that begins in column 1 and the indented lines below it.

    A line in column 1 that can only be the rest of the statement above is taken as that, with its mistake.
    """
    begin: int | None = None
    finish = 0
    misplaced: list[Diagnostic] = []
    starts = source.line_starts
    for start, end in zip(starts, [*starts[1:], len(source.text)], strict=True):
        text = source.text[start:end]
        content = text.strip()
        if not content or content[0] == "#":
            continue
        if text[0] in " \t\f" and content[0] == "[":
            place = start + text.index("[")
            if begin is not None:
                yield begin, finish, misplaced
            begin, finish = place, end
            misplaced = [_indented(source, place, start + len(text.rstrip()))]
            continue
        indented = text[0] in " \t\f"
        goes_on = not indented and _GOES_ON.match(text)
        if begin is not None and (indented or goes_on):
            if goes_on:
                misplaced.append(_unindented(source, start, start + goes_on.end()))
            finish = end
            continue
        if begin is not None:
            yield begin, finish, misplaced
            misplaced = []
        if indented or goes_on:
            place = start + len(text) - len(text.lstrip())
            misplaced.append(
                Diagnostic(
                    "syntax",
                    "this line goes on, but no statement stands above it",
                    (Span(source, place, start + len(text.rstrip())),),
                    ("a statement begins in the line's first column: [name] type key=value ...",),
                )
            )
            yield place, place, misplaced
            misplaced, begin = [], None
            continue
        begin, finish = start, end
    if begin is not None:
        yield begin, finish, misplaced


def _unindented(source: Source, start: int, end: int) -> Diagnostic:
    return Diagnostic(
        "unindented-continuation",
        "a line that goes on must be indented",
        (Span(source, start, end),),
        ("it is read as part of the statement above",),
    )


def _indented(source: Source, start: int, end: int) -> Diagnostic:
    return Diagnostic("indented-layer", "a layer must begin in the line's first column", (Span(source, start, end),))


@functools.cache
def _lark() -> Lark:
    grammar = Path(__file__).with_name("netspec.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", maybe_placeholders=False)


@functools.lru_cache(maxsize=16_384)
def _tree(statement: str) -> Tree[Token]:
    """The parse tree of a statement. Kept, because the solver and an editor read the same statements many times."""
    return _lark().parse(statement)


class _TooLong(Exception):
    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


class _Reader:
    """Makes syntax of a statement's tree; ``base`` is where the statement begins in the source."""

    def __init__(self, source: Source, base: int) -> None:
        self.source = source
        self.base = base

    def section(self, tree: Tree[Token]) -> Section:
        name, *rest = tree.children
        assert isinstance(name, Token)
        claim = None
        if rest and isinstance(rest[-1], Tree) and rest[-1].data == "claim":
            claim = self.claim(rest.pop())  # type: ignore[arg-type]
        values, pairs = self.items(rest)
        end = claim.span if claim else pairs[-1].span if pairs else values[-1].span if values else self.span(name)
        return Section(self.word(name), values, pairs, claim, Span(self.source, self.base, end.end))

    def setting(self, tree: Tree[Token]) -> Setting:
        word, *rest = tree.children
        assert isinstance(word, Token)
        values, pairs = self.items(rest)
        last = max([self.span(word).end, *(v.span.end for v in values), *(p.span.end for p in pairs)])
        return Setting(self.word(word), values, pairs, Span(self.source, self.base, last))

    def broken_section(self, start: int, end: int) -> Section | None:
        """What can be saved of a layer whose statement cannot be read: its name, and the shape that it states."""
        text = self.source.text[start:end]
        head = _HEAD.match(text)
        if not head:
            return None
        name = Word(head[1][:LONGEST_NAME], Span(self.source, start + head.start(1), start + head.end(1)))
        claim = None
        stated = _STATED_SHAPE.search(text)
        if stated and all(len(part) <= LONGEST_NUMBER for part in stated[1].split("x")):
            span = Span(self.source, start + stated.start(1), start + stated.end(1))
            claim = Claim((Dims(tuple(map(int, stated[1].split("x"))), span),), (), span)
        return Section(name, (), (), claim, name.span, broken=True)

    def broken_setting(self, start: int, end: int) -> tuple[Setting, ...]:
        """What can be saved of a setting that cannot be read: its word, and that it is there."""
        head = re.compile(_NAME).match(self.source.text, start)
        if not head:
            return ()
        word = Word(head[0][:LONGEST_NAME], Span(self.source, start, head.end()))
        return (Setting(word, (), (), Span(self.source, start, end)),)

    def claim(self, tree: Tree[Token]) -> Claim:
        values, pairs = self.items(tree.children)
        spans = sorted((x.span for x in (*values, *pairs)), key=lambda s: s.start)
        return Claim(values, pairs, spans[0].to(spans[-1]))

    def items(self, children: list[Token | Tree[Token]]) -> tuple[tuple[Value, ...], tuple[Pair, ...]]:
        values: list[Value] = []
        pairs: list[Pair] = []
        for child in children:
            if isinstance(child, Tree) and child.data in ("pair", "named"):
                pairs.append(self.pair(child))
            else:
                values.append(self.value(child))
        return tuple(values), tuple(pairs)

    def pair(self, tree: Tree[Token]) -> Pair:
        key, value = tree.children
        assert isinstance(key, Token)
        word, read = self.word(key), self.value(value)
        return Pair(word, read, word.span.to(read.span))

    def value(self, node: Token | Tree[Token]) -> Value:
        if isinstance(node, Token):
            if node.type == "NUMBER":
                return self.number(node)
            if node.type == "DIMS":
                return Dims(tuple(self.whole(node, part) for part in node.split("x")), self.span(node))
            if node.type == "FILE":
                return FileName(str(node), self.span(node))
            return self.word(node)
        if node.data == "list":
            items = tuple(self.value(child) for child in node.children)
            return Values(items, items[0].span.to(items[-1].span))
        name, *rest, close = node.children
        assert isinstance(name, Token)
        assert isinstance(close, Token)
        args, named = self.items(rest)
        word = self.word(name)
        return Call(word, args, named, word.span.to(self.span(close)))

    def number(self, token: Token) -> Number:
        span = self.span(token)
        if token.lstrip("+-").isdigit():
            return Number(self.whole(token, str(token)), span)
        value = float(token)
        if value in (float("inf"), float("-inf")) or len(token) > LONGEST_NUMBER:
            raise self.too_long(token, "this number is too long or too large")
        return Number(value, span)

    def whole(self, token: Token, digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            raise self.too_long(token, "this number is too long or too large")
        return int(digits)

    def too_long(self, token: Token, message: str) -> _TooLong:
        return _TooLong(Diagnostic("bad-value", message, (self.span(token),)))

    def word(self, token: Token) -> Word:
        if len(token) > LONGEST_NAME:
            raise self.too_long(token, f"this name is longer than {LONGEST_NAME} letters")
        return Word(str(token), self.span(token))

    def span(self, token: Token) -> Span:
        start = self.base + (token.start_pos or 0)
        return Span(self.source, start, start + len(token))


def _syntax_error(source: Source, start: int, end: int, error: UnexpectedInput) -> Diagnostic:
    """What Lark says of a statement, in words, at its place in the file."""
    last = start + len(source.text[start:end].rstrip())
    if isinstance(error, UnexpectedCharacters):
        place = start + (error.pos_in_stream or 0)
        character = source.text[place]
        notes = _notes(source.text, place) or _expected(error.allowed)
        stretch = re.compile(r"[^\s=,()\[\]#]*").match(source.text, place)
        stop = max(place + 1, stretch.end() if stretch else place + 1)
        said = source.text[place:stop] if stop - place <= LONGEST_NUMBER else character
        return _unfit(Span(source, place, stop), said, notes, start, end)
    assert isinstance(error, UnexpectedToken)
    wanted = _expected(error.accepts or error.expected)
    token = error.token
    lacking = _LACKS_VALUE.search(source.text[start : last if token.type == "$END" else start + (token.start_pos or 0)])
    if lacking and bool(lacking[3]) == (token.type == "EQUAL") and token.type in ("$END", "EQUAL", "__ANON_0"):
        span = Span(source, start + lacking.start(1), start + lacking.end(2))
        return Diagnostic("syntax", f"{lacking[1]} has no value", (span,), ("a value follows its key: kernel=11",))
    if token.type == "$END":
        return Diagnostic("syntax", "the statement ends too early", (Span(source, max(start, last - 1), last),), wanted)
    place = start + (token.start_pos or 0)
    comma = _COMMA_BEFORE_KEY.search(source.text[start:place]) if token.type == "EQUAL" else None
    if comma:
        place, token = start + comma.start(), Token("COMMA", ",")
    span = Span(source, place, place + max(1, len(token)))
    return _unfit(span, str(token), _notes(source.text, place) or wanted, start, end)


def _unfit(span: Span, said: str, notes: tuple[str, ...], start: int, end: int) -> Diagnostic:
    """What says that something cannot stand where it does, with the way in which it is written here."""
    found = rewritten(span.source, start, end)
    fixes = (found[0],) if found and _is_read(found[1]) else ()
    return Diagnostic("syntax", f"{_quoted(said)} cannot stand here", (span,), notes, fixes)


def _is_read(statement: str) -> bool:
    """Whether a statement can be read, or is only a comment."""
    try:
        return statement.startswith("#") or bool(_tree(statement))
    except UnexpectedInput:
        return False


def _notes(text: str, place: int) -> tuple[str, ...]:
    said = hint(text, place)
    return (said,) if said else ()


def _expected(names: Iterable[str] | None) -> tuple[str, ...]:
    """What may stand here instead, in words."""
    said = sorted({_SAID[name] for name in names or () if name in _SAID})
    if not said:
        return ()
    return (f"expected {', '.join(said[:-1])} or {said[-1]}" if len(said) > 1 else f"expected {said[0]}",)


def _quoted(text: str) -> str:
    return f"'{text}'" if text.isprintable() else f"character U+{ord(text[0]):04X}"
