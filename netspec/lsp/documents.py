"""All documents that are open, and the files beside them that they start from or that start from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pygls.uris import from_fs_path, to_fs_path

from netspec.diagnostics import CannotOpen, SpecError
from netspec.lsp.document import Document
from netspec.opening import MOST_FILES, beside, read_source
from netspec.source import Source


class Documents:
    """The open documents by their address. A file that is open is read as it stands in the editor, saved or not."""

    def __init__(self) -> None:
        self._open: dict[str, Document] = {}

    def __iter__(self) -> Iterator[Document]:
        return iter(tuple(self._open.values()))

    def get(self, uri: str) -> Document | None:
        """The document that is open under an address."""
        return self._open.get(uri)

    def is_current(self, document: Document) -> bool:
        """Whether no later text has come since."""
        return self._open.get(document.uri) is document

    def put(self, uri: str, version: int | None, text: str) -> tuple[Document, ...]:
        """Open a document or give it another text. The answer is all documents that this makes anew: itself, and
        variants, which may start from it."""
        document = self._document(uri, version, Source(self._name(uri), text))
        self._open[uri] = document
        return document, *self.refresh(but=uri)

    def close(self, uri: str) -> tuple[Document, ...]:
        """Close a document; it is what its file is again. The answer is the documents that this makes anew."""
        self._open.pop(uri, None)
        return self.refresh()

    def refresh(self, but: str = "") -> tuple[Document, ...]:
        """Make variants anew after a change of another file, and answer them."""
        variants = [d for d in self if d.uri != but and d.base is not None]
        for variant in variants:
            self._open[variant.uri] = self._document(variant.uri, variant.version, variant.source)
        return tuple(self._open[variant.uri] for variant in variants)

    def uri_of(self, source: Source) -> str:
        """The address of a text: the editor's own where it is open."""
        for document in self:
            if document.source.name == source.name:
                return document.uri
        return from_fs_path(source.name) or source.name

    def view(self, source: Source) -> Document:
        """The document of a text: the open one, or one of a file that is not open."""
        uri = self.uri_of(source)
        return self._open.get(uri) or self._document(uri, None, source)

    def beside(self, document: Document) -> Iterator[Document]:
        """The other specs of a document's folder, as far as they can be read: those that are open, saved or not, and
        the files."""
        folder = self._folder(document.uri)
        if folder is None:
            return
        paths = {Path(other.source.name) for other in self if self._folder(other.uri) == folder}
        with suppress(OSError):
            paths.update(sorted(folder.glob("*.net"))[:MOST_FILES])
        for path in sorted(paths):
            if str(path) != document.source.name:
                with suppress(CannotOpen, SpecError):
                    yield self.view(self._read(path))

    def _document(self, uri: str, version: int | None, source: Source) -> Document:
        before = self._open.get(uri)
        known = before.known if before else None
        return Document(uri, version, source, beside(self._folder(uri), self._read), self.is_current, known)

    def _read(self, path: Path) -> Source:
        return next((d.source for d in self if d.source.name == str(path)), None) or read_source(path)

    @staticmethod
    def _name(uri: str) -> str:
        path = to_fs_path(uri) if uri.startswith("file:") else None
        return str(Path(path)) if path else uri

    @classmethod
    def _folder(cls, uri: str) -> Path | None:
        return Path(cls._name(uri)).parent if uri.startswith("file:") else None
