"""Diagnostics and fixes in the form that editors need: at one place in a document, with related places."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.check import allow
from netspec.diagnostics import Diagnostic, Fix, Label
from netspec.diagnostics.model import first_line_span
from netspec.lsp.document import Document
from netspec.source import Span


def shown_at(document: Document, diagnostic: Diagnostic) -> Span:
    """Return where to show a diagnostic. An error in a base spec is shown at the variant's ``from=``."""
    spans = (*diagnostic.spans, *(label.span for label in diagnostic.other_labels))
    here = next((span for span in spans if span.source.name == document.source.name), None)
    return here or document.base or first_line_span(document.source)


def message(diagnostic: Diagnostic) -> str:
    """Return the text of a diagnostic: message, labels, notes and rejected fixes, one per line."""
    labels = (label.text for label in diagnostic.labels)
    rejected = (rejected.text for rejected in diagnostic.rejected)
    return "\n".join([diagnostic.message, *labels, *diagnostic.notes, *rejected])


def related(document: Document, diagnostic: Diagnostic) -> list[Label]:
    """Return the other places of a diagnostic, with their labels."""
    labels = {label.span: label.text for label in diagnostic.labels}
    spans = dict.fromkeys((*diagnostic.spans, *labels))
    shown = shown_at(document, diagnostic)
    return [Label(span, labels.get(span, diagnostic.message)) for span in spans if span != shown]


def fixes(document: Document, diagnostics: Sequence[Diagnostic], start: int, end: int) -> list[tuple[Diagnostic, Fix]]:
    """Return the fixes of all diagnostics that are shown or have a label between two offsets."""
    result = []
    for diagnostic in diagnostics:
        spans = [shown_at(document, diagnostic), *(label.span for label in diagnostic.labels)]
        here = [span for span in spans if span.source.name == document.source.name]
        if any(span.start <= end and start <= span.end for span in here):
            result += [(diagnostic, fix) for fix in diagnostic.fixes]
    return result


def allowance(document: Document, diagnostic: Diagnostic) -> Fix | None:
    """Return the fix that silences a warning with a comment, or ``None`` for errors and for other files' warnings."""
    if diagnostic.severity != "warning" or diagnostic.span.source is not document.source:
        return None
    return Fix(f"Allow {diagnostic.code} on this line", (allow.silencing_edit(diagnostic),))


def allowances(
    document: Document, diagnostics: Sequence[Diagnostic], start: int, end: int
) -> list[tuple[Diagnostic, Fix]]:
    """Return the fixes that silence the warnings between two offsets with a comment."""
    overlapping = [d for d in diagnostics if d.span.start <= end and start <= d.span.end]
    return [(d, fix) for d in overlapping if (fix := allowance(document, d))]
