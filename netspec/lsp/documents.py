"""The open documents, and the other spec files in their folders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pygls.uris import from_fs_path, to_fs_path

from netspec.diagnostics import CannotOpen, SpecError
from netspec.lsp.document import Document
from netspec.opening import MAX_FILES, open_folder, read_source
from netspec.source import Source


class Documents:
    """The open documents by URI. For open files, the text in the editor takes precedence over the saved one."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """Return the open document with this URI, if any."""
        return self._open.get(uri)

    def is_current(self, document: Document) -> bool:
        """Whether a document is the latest snapshot of an open text."""
        return self._open.get(document.uri) is document

    def put(self, uri: str, version: int | None, text: str) -> tuple[Document, ...]:
        """Open a document or replace its text.

        Returns the documents to check again: this one and all open variants, which may start from it.
        """
        document = self._document(uri, version, Source(self._name(uri), text))
        self._open[uri] = document
        return document, *self.refresh(skip=uri)

    def close(self, uri: str) -> tuple[Document, ...]:
        """Close a document. Returns the documents to check again, because they may start from the saved file now."""
        self._open.pop(uri, None)
        return self.refresh()

    def refresh(self, skip: str = "") -> tuple[Document, ...]:
        """Replace all open variants, except ``skip``, by new snapshots after a file has changed, and return them."""
        variants = [d for d in self if d.uri != skip and d.base is not None]
        for variant in variants:
            self._open[variant.uri] = self._document(variant.uri, variant.version, variant.source)
        return tuple(self._open[variant.uri] for variant in variants)

    def uri_of(self, source: Source) -> str:
        """Return the URI of a text: the one the editor uses if it is open, otherwise one made from its path."""
        for document in self:
            if document.source.name == source.name:
                return document.uri
        return from_fs_path(source.name) or source.name

    def document_of(self, source: Source) -> Document:
        """Return the open document of a text, or a new document if it is not open."""
        uri = self.uri_of(source)
        return self._open.get(uri) or self._document(uri, None, source)

    def others_in_folder(self, document: Document) -> Iterator[Document]:
        """Yield the other readable specs in a document's folder: open ones, saved or not, and files."""
        folder = self._folder(document.uri)
        if folder is None:
            return
        paths = {Path(other.source.name) for other in self if self._folder(other.uri) == folder}
        with suppress(OSError):
            paths.update(sorted(folder.glob("*.net"))[:MAX_FILES])
        for path in sorted(paths):
            if str(path) != document.source.name:
                with suppress(CannotOpen, SpecError):
                    yield self.document_of(self._read(path))

    def _document(self, uri: str, version: int | None, source: Source) -> Document:
        previous = self._open.get(uri)
        cache = previous.cache if previous else None
        return Document(uri, version, source, open_folder(self._folder(uri), self._read), self.is_current, cache)

    def _read(self, path: Path) -> Source:
        return next((d.source for d in self if d.source.name == str(path)), None) or read_source(path)

    @staticmethod
    def _name(uri: str) -> str:
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return str(Path(path)) if path else uri

    @classmethod
    def _folder(cls, uri: str) -> Path | None:
        return Path(cls._name(uri)).parent if uri.startswith("file:") else None
