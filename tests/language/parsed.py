"""Reading texts as specs, for tests of the parser."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic
from netspec.language.parser import parse
from netspec.language.syntax import File
from netspec.source import Source


def read(text: str) -> File:
    return parse(Source("a.net", text))


def places(text: str) -> list[tuple[str, int, int, str]]:
    """Return the code, line, column and marked text of each error."""
    return [(d.code, d.span.line, d.span.column, d.span.text) for d in read(text).diagnostics]


def only(text: str) -> Diagnostic:
    (diagnostic,) = read(text).diagnostics
    return diagnostic
