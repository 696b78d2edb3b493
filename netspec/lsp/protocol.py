"""Convert plain data to the types of the language server protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from lsprotocol import types

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.diagnostics.fixes import insertion
from netspec.lsp import problems
from netspec.lsp.completion import Candidate
from netspec.lsp.document import Document
from netspec.lsp.hints import Hint
from netspec.lsp.positions import Encoding, position
from netspec.lsp.symbols import Symbol
from netspec.source import Source, Span

_COMPLETION_KINDS = {
    "setting": types.CompletionItemKind.Keyword,
    "type": types.CompletionItemKind.Class,
    "key": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "layer": types.CompletionItemKind.Variable,
    "shape": types.CompletionItemKind.Constant,
    "file": types.CompletionItemKind.File,
}


class Translator:
    """Converts plain data to protocol types, for one editor.

    ``encoding`` is the unit of the editor's columns, and ``document_of`` returns the document of a text. ``versioned``:
    the editor accepts edits that are bound to a version of a document.
    """

    def __init__(self, encoding: Encoding, document_of: Callable[[Source], Document], *, versioned: bool) -> None:
        self.encoding = encoding
        self.document_of = document_of
        self.versioned = versioned

    def position(self, source: Source, offset: int) -> types.Position:
        """Convert an offset to a position."""
        converted = position(source, offset, self.encoding)
        return types.Position(converted.line, converted.character)

    def range(self, span: Span) -> types.Range:
        """Convert a span to a range."""
        return types.Range(self.position(span.source, span.start), self.position(span.source, span.end))

    def location(self, span: Span) -> types.Location:
        """Convert a span to a location, a range with a URI."""
        return types.Location(self.document_of(span.source).uri, self.range(span))

    def text_edit(self, edit: Edit) -> types.TextEdit:
        """Convert an edit."""
        return types.TextEdit(self.range(edit.span), edit.text)

    def workspace_edit(self, edits: Iterable[Edit]) -> types.WorkspaceEdit:
        """Convert edits of one or several texts, bound to the texts' versions if the editor supports that."""
        by_document: dict[str, tuple[Document, list[types.TextEdit]]] = {}
        for edit in edits:
            document = self.document_of(edit.span.source)
            by_document.setdefault(document.uri, (document, []))[1].append(self.text_edit(edit))
        if not self.versioned:
            return types.WorkspaceEdit({uri: its for uri, (_, its) in by_document.items()})
        return types.WorkspaceEdit(
            document_changes=[
                types.TextDocumentEdit(types.OptionalVersionedTextDocumentIdentifier(uri, document.version), [*its])
                for uri, (document, its) in by_document.items()
            ]
        )

    def diagnostic(self, document: Document, diagnostic: Diagnostic) -> types.Diagnostic:
        """Convert a diagnostic of a document."""
        return types.Diagnostic(
            self.range(problems.shown_at(document, diagnostic)),
            problems.message(diagnostic),
            severity=types.DiagnosticSeverity.Error
            if diagnostic.severity == "error"
            else types.DiagnosticSeverity.Warning,
            code=diagnostic.code,
            source="netspec",
            related_information=[
                types.DiagnosticRelatedInformation(self.location(label.span), label.text)
                for label in problems.related(document, diagnostic)
            ],
        )

    def diagnostics(self, document: Document, diagnostics: Sequence[Diagnostic]) -> types.PublishDiagnosticsParams:
        """Convert all diagnostics of a document, with the version of the text that they refer to."""
        return types.PublishDiagnosticsParams(
            document.uri, [self.diagnostic(document, d) for d in diagnostics], version=document.version
        )

    def action(self, document: Document, diagnostic: Diagnostic, fix: Fix, *, preferred: bool) -> types.CodeAction:
        """Convert a fix to a code action."""
        return types.CodeAction(
            fix.text,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=[self.diagnostic(document, diagnostic)],
            is_preferred=preferred,
            edit=self.workspace_edit(fix.edits),
        )

    def completion(self, document: Document, candidate: Candidate, rank: int) -> types.CompletionItem:
        """Convert a completion. ``rank`` is its index in the list, by which the editor sorts."""
        span = Span(document.source, candidate.start, candidate.end)
        return types.CompletionItem(
            candidate.label,
            kind=_COMPLETION_KINDS[candidate.kind],
            detail=candidate.detail or None,
            documentation=_markdown(candidate.doc) if candidate.doc else None,
            sort_text=f"{rank:05}",
            filter_text=candidate.insert if candidate.kind == "shape" else candidate.label,
            text_edit=types.TextEdit(self.range(span), candidate.insert),
        )

    def hover(self, markdown: str, span: Span) -> types.Hover:
        """Convert a hover text."""
        return types.Hover(_markdown(markdown), self.range(span))

    def symbol(self, symbol: Symbol) -> types.DocumentSymbol:
        """Convert an entry of the outline."""
        kind = types.SymbolKind.Class if symbol.kind == "layer" else types.SymbolKind.Property
        return types.DocumentSymbol(
            symbol.name, kind, self.range(symbol.span), self.range(symbol.name_span), detail=symbol.detail or None
        )

    def hint(self, document: Document, hint: Hint) -> types.InlayHint:
        """Convert an inlay hint. A double click on it inserts the claim into the text."""
        edit = insertion(document.source, hint.offset, hint.claim)
        return types.InlayHint(
            self.position(document.source, hint.offset),
            hint.shape,
            kind=types.InlayHintKind.Type,
            text_edits=[self.text_edit(edit)],
            padding_left=True,
        )


def _markdown(text: str) -> types.MarkupContent:
    return types.MarkupContent(types.MarkupKind.Markdown, text)
