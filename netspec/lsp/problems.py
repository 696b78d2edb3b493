"""Diagnostics and fixes as an editor has them: at a place in this document, with the other places beside them."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.check import allow
from netspec.diagnostics import Diagnostic, Fix, Label
from netspec.diagnostics.model import whole
from netspec.lsp.document import Document
from netspec.source import Span


def place(document: Document, diagnostic: Diagnostic) -> Span:
    """Where a diagnostic is shown. What a variant inherits wrong is shown where it names the file it starts from."""
    places = (*diagnostic.spans, *(label.span for label in diagnostic.other_labels))
    own = next((span for span in places if span.source.name == document.source.name), None)
    return own or document.base or whole(document.source)


def message(diagnostic: Diagnostic) -> str:
    """What is wrong, with the arithmetic and with what would not help, a line each."""
    labels = (label.text for label in diagnostic.labels)
    rejected = (f"not a fix: {r.title}: {r.effect}" for r in diagnostic.rejected)
    return "\n".join([diagnostic.message, *labels, *diagnostic.notes, *rejected])


def related(document: Document, diagnostic: Diagnostic) -> list[Label]:
    """The other places that have a part in it, and what that is."""
    shown = place(document, diagnostic)
    said = {label.span: label.text for label in diagnostic.labels}
    every = dict.fromkeys((*diagnostic.spans, *said))
    return [Label(span, said.get(span, diagnostic.message)) for span in every if span != shown]


def fixes(document: Document, diagnostics: Sequence[Diagnostic], start: int, end: int) -> list[tuple[Diagnostic, Fix]]:
    """The fixes of the diagnostics that touch what lies between two offsets: of those with labels, at each of them."""
    found = []
    for diagnostic in diagnostics:
        spans = [place(document, diagnostic), *(label.span for label in diagnostic.labels)]
        own = [span for span in spans if span.source.name == document.source.name]
        if any(span.start <= end and start <= span.end for span in own):
            found += [(diagnostic, fix) for fix in diagnostic.fixes]
    return found


def allowance(document: Document, diagnostic: Diagnostic) -> Fix | None:
    """The comment that silences a warning, where it stands in this text; of an error there is none."""
    if diagnostic.severity != "warning" or diagnostic.span.source is not document.source:
        return None
    return Fix(f"Allow {diagnostic.code} on this line", (allow.allowance(diagnostic),))


def allowances(
    document: Document, diagnostics: Sequence[Diagnostic], start: int, end: int
) -> list[tuple[Diagnostic, Fix]]:
    """The comments that silence the warnings at what lies between two offsets."""
    at_hand = [d for d in diagnostics if d.span.start <= end and start <= d.span.end]
    return [(d, fix) for d in at_hand if (fix := allowance(document, d))]


def title(fix: Fix) -> str:
    """A fix in one line."""
    return f"{fix.title}: {fix.effect}" if fix.effect else fix.title
