"""Diagnostics for statements with syntax errors, and what can still be read of such statements."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lark import Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.language.habits import hint, rewritten
from netspec.language.parser import grammar
from netspec.language.syntax import Body, Claim, Dims, Items, Section, Setting, Word
from netspec.language.words import MAX_NAME_LENGTH, MAX_NUMBER_LENGTH, NAME
from netspec.source import Source, Span

_NAME = re.compile(NAME)
_HEAD = re.compile(r"\[\s*([^\s\[\]#]+)")
"""A name with everything attached to it, so that [layer1.0] and [layer1.1] do not count as two layers named layer1."""

_BARE_HEAD = re.compile(rf"({NAME})(?:[ \t]*(:))?[ \t]*(?:({NAME})(?![\w-]*[ \t]*[=:]))?")
"""The beginning of a layer without brackets: its name, perhaps with a colon, and its type, or its type alone."""

_NEVER_LAYERS = ("default", "net")
"""Settings whose first value is a word, as a layer's type is."""

_OPEN_HEAD = re.compile(r"\[[^\]\r\n]*")
_REST_OF_HEAD = re.compile(r"[^\[\],\"'\r\n][^\]\r\n=]*\]")
_PIECE = re.compile(r"[^\s=,()\[\]#]*")
_ITEM = r"[A-Za-z0-9_.][\w.+-]*"
_MISSING_COMMA = re.compile(rf"=[ \t]*(?:{_ITEM}[ \t]*,[ \t]*)*({_ITEM})([ \t]+)({_ITEM})[ \t]*$")
"""A list up to a comma that cannot be read, because the two items before it have none between them."""

_MORE_NUMBERS = re.compile(r"(?:[ \t]*,[ \t]*[+-]?[0-9.][\w.+-]*)+")
_COMMA_BEFORE = {"EQUAL": re.compile(rf",\s*{NAME}\s*$"), "__ANON_0": re.compile(r",\s*$")}
"""A comma before a key, up to its =, and before a claim."""
_LACKS_VALUE = re.compile(rf"({NAME})(\s*=)\s*({NAME}\s*)?(?:#[^\r\n]*\s*)*$")
_EMPTY_CLAIM = re.compile(r"->\s*(?:#[^\r\n]*\s*)*$")
_STATED_SHAPE = re.compile(r"->\s*([0-9]+(?:x[0-9]+)*)(?![A-Za-z0-9_.@*\u00d7])")
_TERMINAL_NAMES = {
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
    head = _bare_head(source.text[start:end])
    if head:
        return _unbracketed(source, start, end, head)
    if isinstance(error, UnexpectedCharacters):
        return _unknown_characters(source, start, end, error)
    assert isinstance(error, UnexpectedToken)
    return _unexpected_token(source, start, end, error)


def _bare_head(text: str) -> re.Match[str] | None:
    """Return the beginning of a statement that is a layer without brackets: it has a claim, or a colon after a name."""
    head = _BARE_HEAD.match(text)
    if head is None or head[1] in _NEVER_LAYERS:
        return None
    claimed = any("->" in line.partition("#")[0] for line in text.splitlines())
    return head if claimed or (head[2] and head[3] and text[head.end() :].strip()) else None


def _unbracketed(source: Source, start: int, end: int, head: re.Match[str]) -> Diagnostic:
    name, _, layer_type = head.groups()
    span = Span(source, start, start + (head.end(2) if head[2] else head.end(1)))
    text = f"[{name}]" if layer_type else f"[{name}] {name}"
    valid = _is_valid(text + source.text[span.end : end])
    fixes = (Fix(f"write {text}", (Edit(span, text),), spelling=bool(layer_type)),) if valid else ()
    notes = ("a layer is [name] type key=value ...",)
    return Diagnostic("syntax", "a layer begins with its name in brackets", (span,), notes, fixes)


def _unknown_characters(source: Source, start: int, end: int, error: UnexpectedCharacters) -> Diagnostic:
    place = start + (error.pos_in_stream or 0)
    notes = _notes(source.text, start, place) or _expected(error.allowed)
    piece = _PIECE.match(source.text, place)
    stop = max(place + 1, piece.end() if piece else place + 1)
    text = source.text[place:stop] if stop - place <= MAX_NUMBER_LENGTH else source.text[place]
    return _misplaced(Span(source, place, stop), text, notes, start, end)


def _unexpected_token(source: Source, start: int, end: int, error: UnexpectedToken) -> Diagnostic:
    expected = _expected(error.accepts or error.expected)
    token = error.token
    last = start + len(source.text[start:end].rstrip())
    place = start + (token.start_pos or 0)
    key = _LACKS_VALUE.search(source.text[start : last if token.type == "$END" else place])
    if key and bool(key[3]) == (token.type == "EQUAL") and token.type in ("$END", "EQUAL", "__ANON_0"):
        span = Span(source, start + key.start(1), start + key.end(2))
        return Diagnostic("syntax", f"{key[1]} has no value", (span,), ("a value follows its key: kernel=11",))
    arrow = _EMPTY_CLAIM.search(source.text[start:end])
    if token.type == "$END" and arrow:
        span = Span(source, start + arrow.start(), start + arrow.start() + 2)
        return Diagnostic(
            "syntax", "the claim is empty", (span,), ("a claim states a shape or counts: -> 96x55x55 weights=34848",)
        )
    if token.type == "$END":
        span = Span(source, max(start, last - 1), last)
        return Diagnostic("syntax", "the statement is incomplete", (span,), expected, _rewriting(source, start, end))
    comma = _COMMA_BEFORE[token.type].search(source.text[start:place]) if token.type in _COMMA_BEFORE else None
    if comma:
        place, token = start + comma.start(), Token("COMMA", ",")
    missing = _MISSING_COMMA.search(source.text[start:place]) if token.type == "COMMA" and not comma else None
    if missing:
        return _missing_brackets(source, start, end, missing) or _missing_comma(source, start, end, missing)
    span = Span(source, place, place + max(1, len(token)))
    return _misplaced(span, str(token), _notes(source.text, start, place) or expected, start, end)


def _missing_brackets(source: Source, start: int, end: int, missing: re.Match[str]) -> Diagnostic | None:
    """Return the diagnostic for a word with a list of numbers after it, if the statement is valid with brackets."""
    numbers = _MORE_NUMBERS.match(source.text, start + missing.end(), end)
    if numbers is None or not _NAME.fullmatch(missing[1]) or not missing[3][0].isdecimal():
        return None
    span = Span(source, start + missing.start(1), numbers.end())
    text = f"{missing[1]}({missing[3]}{numbers[0]})"
    if not _is_valid(source.text[start : span.start] + text + source.text[span.end : end]):
        return None
    message = f"the numbers of {missing[1]} are written in brackets"
    return Diagnostic("syntax", message, (span,), (), (Fix(f"write {text}", (Edit(span, text),)),))


def _missing_comma(source: Source, start: int, end: int, missing: re.Match[str]) -> Diagnostic:
    span = Span(source, start + missing.start(2), start + missing.end(2))
    fixed = source.text[start : span.start] + "," + source.text[span.end : end]
    fixes = (Fix(f"write {missing[1]},{missing[3]}", (Edit(span, ","),)),) if _is_valid(fixed) else ()
    place = Span(source, start + missing.start(1), start + missing.end(3))
    message = f"a comma is missing between {missing[1]} and {missing[3]}"
    return Diagnostic(
        "syntax", message, (place,), ("the values of a list have commas between them: inputs=a,b",), fixes
    )


def _misplaced(span: Span, text: str, notes: tuple[str, ...], start: int, end: int) -> Diagnostic:
    """Return the diagnostic for text that is not allowed where it is, with a fix if the statement can be rewritten."""
    return Diagnostic("syntax", f"unexpected {_quoted(text)}", (span,), notes, _rewriting(span.source, start, end))


def _rewriting(source: Source, start: int, end: int) -> tuple[Fix, ...]:
    """Return the fix that replaces all foreign notation in a statement, if the statement is valid with it."""
    rewrite = rewritten(source, start, end)
    return (rewrite[0],) if rewrite and _is_valid(rewrite[1]) else ()


def _is_valid(statement: str) -> bool:
    """Whether a statement has no syntax error, or is only a comment."""
    return statement.startswith("#") or grammar.try_read(statement, "statement") is not None


def _notes(text: str, start: int, place: int) -> tuple[str, ...]:
    if _OPEN_HEAD.fullmatch(text, start, place) and _REST_OF_HEAD.match(text, place):
        return ("a layer's name is letters, digits, _ and -, and begins with a letter or _",)
    note = hint(text, place)
    return (note,) if note else ()


def _expected(terminals: Iterable[str] | None) -> tuple[str, ...]:
    """Return a note that lists the terminals allowed here, none if no listed name is meant for users."""
    names = sorted({_TERMINAL_NAMES[name] for name in terminals or () if name in _TERMINAL_NAMES})
    if not names:
        return ()
    return (f"expected {', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else f"expected {names[0]}",)


def _quoted(text: str) -> str:
    return f"'{text}'" if text.isprintable() else f"character U+{ord(text[0]):04X}"


def broken_section(source: Source, start: int, end: int) -> tuple[Section, ...]:
    """Return what can be read of a layer with a syntax error: its name and claimed shape. Empty if it is no layer."""
    text = source.text[start:end]
    head = _HEAD.match(text) or _bare_head(text)
    if not head or not head[1].isprintable():
        return ()
    name = Word(head[1][:MAX_NAME_LENGTH], Span(source, start + head.start(1), start + head.end(1)))
    claim = None
    shape = _STATED_SHAPE.search(text)
    if shape and all(len(part) <= MAX_NUMBER_LENGTH for part in shape[1].split("x")):
        span = Span(source, start + shape.start(1), start + shape.end(1))
        claim = Claim((Dims(tuple(map(int, shape[1].split("x"))), span),), ())
    return (Section(name, Body.of(Items(claim=claim)), name.span, broken=True),)


def broken_setting(source: Source, start: int, end: int) -> tuple[Setting, ...]:
    """Return what can be read of a setting with a syntax error: its word. Empty if it does not begin with one."""
    head = _NAME.match(source.text, start)
    if not head:
        return ()
    word = Word(head[0][:MAX_NAME_LENGTH], Span(source, start, head.end()))
    return (Setting(word, (), (), Span(source, start, end)),)
