"""Parse text into syntax. The only package that imports Lark."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

from lark import UnexpectedInput

from netspec.diagnostics import Diagnostic
from netspec.language.parser import grammar
from netspec.language.parser.statements import statements
from netspec.language.parser.trees import Reader, TooLong
from netspec.language.syntax import Body, File, Items, Section, Setting, Word
from netspec.language.words import MAX_NAME_LENGTH, MAX_NUMBER_LENGTH, NAME
from netspec.source import Source, Span

MAX_MISTAKES = 1000
"""Parsing stops after this many mistakes: such a file is not a spec."""

_SPACE = " \t\f\r\n"
_HEAD = re.compile(rf"\[[{_SPACE}]*({NAME})[{_SPACE}]*\]")
_EXPONENT = re.compile(r"[0-9.][eE]")
_CHANGE_TARGET = re.compile(rf"\s*({NAME})\s*\.\s*")
_CHANGE = re.compile(rf"{_CHANGE_TARGET.pattern}{NAME}\s*=\s*\S")


def parse(source: Source) -> File:
    """Parse a whole spec. Never raises for a mistake in it: the result has the mistakes, one for each statement.

    What explains mistakes is imported only when there is one.
    """
    sections: list[Section] = []
    settings: list[Setting] = []
    diagnostics: list[Diagnostic] = []
    broken: list[Setting] = []
    parts: list[tuple[int, int]] = []
    mistakes: dict[tuple[int, int], Diagnostic] = {}
    for start, end, misplaced in statements(source):
        diagnostics += misplaced
        if len(diagnostics) + len(mistakes) >= MAX_MISTAKES:
            break
        if start == end:
            from netspec.language.parser.mistakes import broken_setting

            broken += broken_setting(source, start, misplaced[-1].span.end)
            continue
        parts.append((start, end))
        try:
            statement = _section(source, start, end) or _statement(source, start, end)
        except (UnexpectedInput, TooLong) as error:
            from netspec.language.parser.mistakes import broken_section, broken_setting

            mistakes[start, end] = _mistake(source, start, end, error)
            sections += broken_section(source, start, end)
            broken += broken_setting(source, start, end)
            continue
        if isinstance(statement, Section):
            sections.append(statement)
        else:
            settings.append(statement)
    if mistakes:
        diagnostics += _joined(source, parts, mistakes)
    if diagnostics and not any(section.values for section in sections):
        from netspec.language.foreign import foreign_to_specs

        other = foreign_to_specs(source)
        if other is not None:
            return File(source, (), (), (other,))
    return File(source, tuple(sections), tuple(settings), tuple(diagnostics), tuple(broken))


def _mistake(source: Source, start: int, end: int, error: UnexpectedInput | TooLong) -> Diagnostic:
    from netspec.language.parser.mistakes import syntax_error

    return error.diagnostic if isinstance(error, TooLong) else syntax_error(source, start, end, error)


def _joined(
    source: Source, parts: list[tuple[int, int]], mistakes: Mapping[tuple[int, int], Diagnostic]
) -> list[Diagnostic]:
    """Return the mistakes of a file's parts, those of layers that are pasted from a program as one."""
    from netspec.language.parser.pasted import joined

    pasted = joined(source, parts, mistakes)
    if pasted is None:
        return [*mistakes.values()]
    return [pasted[0], *(mistake for part, mistake in mistakes.items() if part not in pasted[1])]


def _section(source: Source, start: int, end: int) -> Section | None:
    """Return a layer if the statement is one and has no syntax error, else ``None``."""
    head = _HEAD.match(source.text, start, end)
    if head is None or len(head[1]) > MAX_NAME_LENGTH:
        return None
    parsed = _body(source.text[head.end() : end].rstrip(_SPACE))
    if parsed is None:
        return None  # parsing the whole statement then reports the mistake at its place in the file
    body, length = parsed
    name = Word(head[1], Span(source, head.start(1), head.end(1)))
    last = head.end() + length if length else name.span.end
    return Section(name, body, Span(source, start, last), head.end())


@functools.lru_cache(maxsize=16_384)
def _body(text: str) -> tuple[Body, int] | None:
    """Parse the text after a layer's name, and find where its last word ends; ``None`` if it has a syntax error.

    Cached, because networks repeat their layers, and the solver and editors parse the same ones many times. The body's
    syntax is not built before somebody asks for it: of a layer that says the same as another one, nobody does.
    """
    parsed = grammar.try_read(text, "body")
    if parsed is None:
        return None
    form, words = parsed

    def build(source: Source, offset: int) -> Items:
        return Reader(source, offset, words).body(form)

    if max(map(len, words.texts), default=0) > MAX_NUMBER_LENGTH or _EXPONENT.search(text):
        try:
            build(Source("", text), 0)
        except TooLong:
            return None
    texts, kinds, outline = words.texts, words.kinds, grammar.outline(form)
    lists = [[n for n in value if kinds[n] == "NAME"] for key, value in outline.pairs if texts[key] == "inputs"]
    left_out = {number for numbers in lists for number in numbers}
    body = Body(
        build,
        texts[outline.type] if outline.type is not None and kinds[outline.type] == "NAME" else "",
        frozenset([texts[key] for key, _ in outline.pairs]),
        tuple([texts[number] for number in lists[0]]) if lists else None,
        outline.has_claim,
        tuple([text for number, text in enumerate(texts) if number not in left_out]),
    )
    return body, words.end


def _statement(source: Source, start: int, end: int) -> Section | Setting:
    form, words = grammar.read(source.text[start:end], "statement")
    reader = Reader(source, start, words)
    return reader.section(form) if form.rule == "section" else reader.setting(form)


def is_change(text: str) -> bool:
    """Whether a text has the form ``name.key=value``, whatever its value is."""
    return _CHANGE.match(text) is not None


def parse_change(source: Source) -> File:
    """Parse a change of one key, ``conv1.stride=2`` or ``train.batch=64``, into a file with this one statement.

    The statement is always a section, because whether the name is a layer's or a setting's is not known here.
    """
    head = _CHANGE_TARGET.match(source.text)
    if head is None:
        return _not_a_change(source)
    name = Word(head[1], Span(source, head.start(1), head.end(1)))
    word = "set "
    statement = word + source.text[head.end() :]
    try:
        form, words = grammar.read(statement, "statement")
        setting = Reader(source, head.end() - len(word), words).setting(form)
    except (TooLong, UnexpectedInput) as error:
        return File(source, (), (), (_mistake(source, head.end() - len(word), len(source.text), error),))
    if setting.values or setting.claim or not setting.pairs:
        return _not_a_change(source)
    return File(source, (Section(name, Body.of(Items(pairs=setting.pairs)), name.span),), (), ())


def _not_a_change(source: Source) -> File:
    span = Span(source, 0, len(source.text))
    notes = ("a change is layer.key=value, conv1.stride=2, or setting.key=value, train.batch=64",)
    return File(source, (), (), (Diagnostic("syntax", "this is not a change of a key", (span,), notes),))
