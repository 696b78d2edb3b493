"""Formatting: the canonical layout of a document."""

from __future__ import annotations

from netspec.diagnostics import Edit, SpecError
from netspec.language.formatter import formatted
from netspec.lsp.document import Document
from netspec.source import Span


def layout(document: Document) -> list[Edit]:
    """Return the edit that formats a document; empty if it is formatted already or has syntax errors."""
    if document.too_large:
        return []
    source = document.source
    try:
        text = formatted(source)
    except SpecError:
        return []
    return [Edit(Span(source, 0, len(source.text)), text)] if text != source.text else []
