"""Helpers for the tests of the language server: documents, and texts with a marked cursor."""

from __future__ import annotations

from netspec.diagnostics import CannotOpen
from netspec.language.bases import Folder
from netspec.lsp.document import Document
from netspec.source import Source, Span

CURSOR = "|"


def document(text: str, others: dict[str, str] | None = None) -> Document:
    """A document ``a.net`` in a folder that contains the files ``others``."""

    def read(name: str) -> Source:
        if name not in (others or {}):
            raise CannotOpen(f"cannot open {name}")
        return Source(name, (others or {})[name])

    return Document("file:///a.net", 1, Source("a.net", text), Folder(read, lambda: others or {}))


def at_cursor(text: str, others: dict[str, str] | None = None) -> tuple[Document, int]:
    """Return a document, and the offset of the cursor (``|``), which is removed from its text."""
    assert text.count(CURSOR) == 1
    return document(text.replace(CURSOR, ""), others), text.index(CURSOR)


def lines(spans: list[Span]) -> list[tuple[str, int, str]]:
    """Each span's file, line and text."""
    return [(span.source.name.rpartition("/")[2], span.line, span.text) for span in spans]
