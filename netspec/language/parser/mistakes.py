"""Diagnostics for statements with syntax errors, and what can still be read of such statements."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostic
from netspec.language.habits import hint, rewritten
from netspec.language.parser import grammar
from netspec.language.parser.words import LONGEST_NAME, LONGEST_NUMBER, NAME
from netspec.language.syntax import Body, Claim, Dims, Section, Setting, Word
from netspec.source import Source, Span

_NAME = re.compile(NAME)
_HEAD = re.compile(rf"\[\s*({NAME}[^\s\[\]#]*)")
"""A name with everything attached to it, so that [layer1.0] and [layer1.1] do not count as two layers named layer1."""

_BEGUN_HEAD = re.compile(r"\[[^\]\r\n]*")
_REST_OF_HEAD = re.compile(r"[^\[\],\"'\r\n][^\]\r\n=]*\]")
_COMMA_BEFORE_KEY = re.compile(rf",\s*{NAME}\s*$")
_LACKS_VALUE = re.compile(rf"({NAME})(\s*=)\s*({NAME}\s*)?(?:#[^\r\n]*\s*)*$")
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


def syntax_error(source: Source, start: int, end: int, error: UnexpectedInput) -> Diagnostic:
    """Return the diagnostic for Lark's error in the statement at ``start`` to ``end`` of the source."""
    last = start + len(source.text[start:end].rstrip())
    if isinstance(error, UnexpectedCharacters):
        place = start + (error.pos_in_stream or 0)
        character = source.text[place]
        notes = _notes(source.text, start, place) or _expected(error.allowed)
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
    return _unfit(span, str(token), _notes(source.text, start, place) or wanted, start, end)


def _unfit(span: Span, said: str, notes: tuple[str, ...], start: int, end: int) -> Diagnostic:
    """Return the diagnostic for text that is not allowed where it is, with a fix if the statement can be rewritten."""
    found = rewritten(span.source, start, end)
    fixes = (found[0],) if found and _is_read(found[1]) else ()
    return Diagnostic("syntax", f"{_quoted(said)} cannot stand here", (span,), notes, fixes)


def _is_read(statement: str) -> bool:
    """Whether a statement has no syntax error, or is only a comment."""
    return statement.startswith("#") or grammar.read_if_right(statement, "statement") is not None


def _notes(text: str, start: int, place: int) -> tuple[str, ...]:
    if _BEGUN_HEAD.fullmatch(text, start, place) and _REST_OF_HEAD.match(text, place):
        return ("a layer's name is letters, digits, _ and -, and begins with a letter or _",)
    said = hint(text, place)
    return (said,) if said else ()


def _expected(names: Iterable[str] | None) -> tuple[str, ...]:
    """Return a note that lists the terminals allowed here, none if no listed name is meant for users."""
    said = sorted({_SAID[name] for name in names or () if name in _SAID})
    if not said:
        return ()
    return (f"expected {', '.join(said[:-1])} or {said[-1]}" if len(said) > 1 else f"expected {said[0]}",)


def _quoted(text: str) -> str:
    return f"'{text}'" if text.isprintable() else f"character U+{ord(text[0]):04X}"


def broken_section(source: Source, start: int, end: int) -> Section | None:
    """Return what can be read of a layer with a syntax error: its name, and its claimed shape."""
    text = source.text[start:end]
    head = _HEAD.match(text)
    if not head:
        return None
    name = Word(head[1][:LONGEST_NAME], Span(source, start + head.start(1), start + head.end(1)))
    claim = None
    stated = _STATED_SHAPE.search(text)
    if stated and all(len(part) <= LONGEST_NUMBER for part in stated[1].split("x")):
        span = Span(source, start + stated.start(1), start + stated.end(1))
        claim = Claim((Dims(tuple(map(int, stated[1].split("x"))), span),), ())
    return Section(name, Body((), (), claim), name.span, broken=True)


def broken_setting(source: Source, start: int, end: int) -> tuple[Setting, ...]:
    """Return what can be read of a setting with a syntax error: its word. Empty if it does not begin with one."""
    head = _NAME.match(source.text, start)
    if not head:
        return ()
    word = Word(head[0][:LONGEST_NAME], Span(source, start, head.end()))
    return (Setting(word, (), (), Span(source, start, end)),)
