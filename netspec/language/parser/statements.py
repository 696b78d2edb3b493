"""Cut a file into statements."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.diagnostics.fixes import insertion
from netspec.language.words import NAME
from netspec.source import Source, Span

_CONTINUATION = re.compile(rf"{NAME}\s*=(?!\s*[\w.]*Sequential\()|->")
"""A key or a claim, but not the list of a program's layers."""

_NAMED_NET = re.compile(r"net[ \t]*=[ \t]*")


def statements(source: Source) -> Iterator[tuple[int, int, list[Diagnostic]]]:
    """Yield (start, end, mistakes) for each statement: a line that begins in column 1 and the indented lines below it.

    A line in column 1 that can only continue the statement above (a key or a claim) is added to it, with a mistake. A
    continuation with no statement above is yielded as an empty statement, with its mistake.
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
        indented = text[0] in " \t\f"
        indented_layer = indented and content[0] == "["
        unindented = None if indented else _CONTINUATION.match(text)
        continues = unindented or (indented and not indented_layer)
        if begin is not None and continues:
            if unindented:
                misplaced.append(_unindented(source, begin, start, start + unindented.end()))
            finish = end
            continue
        if begin is not None:
            yield begin, finish, misplaced
        begin, finish, misplaced = start, end, []
        if not (indented_layer or continues):
            continue
        content_start, content_end = start + text.index(content), start + len(text.rstrip())
        if indented_layer:
            begin = content_start
            misplaced = [_indented(source, start, content_start, content_end)]
        else:
            begin = None
            yield content_start, content_start, [_orphan(source, content_start, content_end, indented=indented)]
    if begin is not None:
        yield begin, finish, misplaced


def _orphan(source: Source, start: int, end: int, *, indented: bool) -> Diagnostic:
    """Return the mistake of a line that nothing begins: ``net = a`` is a net's name as other formats write it."""
    span, how = Span(source, start, end), "is indented" if indented else "begins with a key"
    message = f"this line {how}, but there is no statement above it that it could continue"
    name = None if indented else _NAMED_NET.match(span.text)
    fixes = (Fix("write net", (Edit(Span(source, start, start + name.end()), "net "),)),) if name else ()
    notes = ("a statement begins in the line's first column: [name] type key=value ...",)
    return Diagnostic("syntax", message, (span,), notes, fixes)


def _unindented(source: Source, statement: int, start: int, end: int) -> Diagnostic:
    word = source.text[statement:start].split(maxsplit=1)[0]
    return Diagnostic(
        "unindented-continuation",
        "a line that continues a statement must be indented",
        (Span(source, start, end),),
        ("an indented line continues the statement above it",),
        (Fix(f"indent it, as a part of {word}", (insertion(source, start, "  "),)),),
    )


def _indented(source: Source, line: int, start: int, end: int) -> Diagnostic:
    message = "a layer must begin in the line's first column"
    fix = Fix("leave out the space before it", (Edit(Span(source, line, start), ""),))
    return Diagnostic("indented-layer", message, (Span(source, start, end),), fixes=(fix,))
