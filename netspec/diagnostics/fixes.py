"""Make the edits and fixes that are needed most often."""

from __future__ import annotations

from collections.abc import Iterable

from netspec.diagnostics.model import Edit, Fix
from netspec.diagnostics.nearest import is_slip
from netspec.source import Source, Span


def replacement(span: Span, text: str, known: Iterable[str] = ()) -> Fix:
    """Return the fix that replaces a span with ``text``. ``known`` are the words that may stand there."""
    return Fix(f"write {text}", (Edit(span, text),), spelling=is_slip(span.text, text, known))


def insertion(source: Source, place: int, text: str) -> Edit:
    """Return the edit that inserts a text before the character at ``place``."""
    return Edit(Span(source, place, place), text)


def removal(span: Span) -> Edit:
    """Return the edit that removes a span together with the spaces before it on its line."""
    before = span.source.text[: span.start]
    return Edit(Span(span.source, len(before.rstrip(" \t")), span.end), "")
