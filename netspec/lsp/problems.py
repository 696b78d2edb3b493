"""Diagnostics and fixes as an editor has them: at a place in this document, with the other places beside them."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics import Diagnostic, Fix
from netspec.diagnostics.model import whole
from netspec.lsp.document import Document
from netspec.source import Span


def place(document: Document, diagnostic: Diagnostic) -> Span:
    """Where a diagnostic is shown. What a variant inherits wrong is shown where it names the file it starts from."""
    own = next((span for span in diagnostic.spans if span.source.name == document.source.name), None)
    return own or document.base or whole(document.source)


def message(diagnostic: Diagnostic) -> str:
    """What is wrong, with the arithmetic and with what would not help, a line each."""
    rejected = (f"not a fix: {r.title}: {r.effect}" for r in diagnostic.rejected)
    return "\n".join([diagnostic.message, *diagnostic.notes, *rejected])


def related(document: Document, diagnostic: Diagnostic) -> list[Span]:
    """The other places that have a part in it."""
    shown = place(document, diagnostic)
    return [span for span in diagnostic.spans if span != shown]


def fixes(document: Document, diagnostics: Sequence[Diagnostic], start: int, end: int) -> list[tuple[Diagnostic, Fix]]:
    """The fixes of the diagnostics that touch what lies between two offsets."""
    found = []
    for diagnostic in diagnostics:
        span = place(document, diagnostic)
        if span.start <= end and start <= span.end:
            found += [(diagnostic, fix) for fix in diagnostic.fixes]
    return found


def title(fix: Fix) -> str:
    """A fix in one line."""
    return f"{fix.title}: {fix.effect}" if fix.effect else fix.title
