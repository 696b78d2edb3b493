"""The server: it holds the editor's documents, checks them after every change, and publishes diagnostics.

The editor sends the whole text with every change: a spec is only a few kilobytes, and incremental updates could get out
of sync. A document is checked after a short pause in typing. The search for fixes, which needs many checks, then runs
in a thread until the text changes. Published diagnostics carry the version of the text that they refer to, and none are
published for an outdated text.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from importlib.metadata import version

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.lsp.server import LanguageServer

from netspec.diagnostics import Diagnostic
from netspec.lsp.document import Document
from netspec.lsp.documents import Documents
from netspec.lsp.positions import Encoding, Position, offset
from netspec.lsp.protocol import Translator

PAUSE = 0.03
"""Seconds without a keystroke before a document is checked."""


class Server(LanguageServer):
    """A language server for specs. ``netspec.lsp.handlers`` registers the request handlers."""

    def __init__(self) -> None:
        super().__init__(
            "netspec", version("netspec-compiler"), text_document_sync_kind=types.TextDocumentSyncKind.Full
        )
        self.documents = Documents()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._solving = asyncio.Lock()

    @property
    def translator(self) -> Translator:
        """A converter to protocol types for this editor's capabilities."""
        versioned = get_capability(self.client_capabilities, "workspace.workspace_edit.document_changes", False)
        return Translator(self._encoding, self.documents.document_of, versioned=bool(versioned))

    @property
    def _encoding(self) -> Encoding:
        agreed = types.PositionEncodingKind(self.server_capabilities.position_encoding or "utf-16")
        return agreed.value

    def offset(self, document: Document, position: types.Position) -> int:
        """Convert an LSP position to a character offset in the document."""
        return offset(document.source, Position(position.line, position.character), self._encoding)

    def check(self, documents: Iterable[Document]) -> None:
        """Schedule checks of new documents, and cancel those of their earlier texts."""
        for document in documents:
            earlier = self._tasks.get(document.uri)
            if earlier is not None:
                earlier.cancel()
            self._tasks[document.uri] = asyncio.get_running_loop().create_task(self._check(document))

    def forget(self, uri: str) -> None:
        """Cancel the check of a closed document, and clear its diagnostics in the editor."""
        task = self._tasks.pop(uri, None)
        if task is not None:
            task.cancel()
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    async def diagnostics(self, document: Document) -> tuple[Diagnostic, ...]:
        """Return a document's diagnostics with fixes; empty if its text has changed in the meantime."""
        if not document.checked.diagnostics:
            return ()
        async with self._solving:
            current = self.documents.is_current(document)
            diagnostics = await asyncio.to_thread(lambda: document.diagnostics) if current else ()
        return diagnostics if self.documents.is_current(document) else ()

    async def _check(self, document: Document) -> None:
        await asyncio.sleep(PAUSE)
        self._publish(document, document.checked.diagnostics)
        if document.checked.diagnostics:
            diagnostics = await self.diagnostics(document)
            if self.documents.is_current(document):
                self._publish(document, diagnostics)

    def _publish(self, document: Document, diagnostics: Iterable[Diagnostic]) -> None:
        self.text_document_publish_diagnostics(self.translator.diagnostics(document, tuple(diagnostics)))
