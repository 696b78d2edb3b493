"""The handlers of the protocol's requests and notifications."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from netspec.lsp import completion, hints, hover, layout, names, problems, symbols
from netspec.lsp.document import Document
from netspec.lsp.server import Server


def did_open(ls: Server, params: types.DidOpenTextDocumentParams) -> None:
    """Check a document that was opened in the editor."""
    opened = params.text_document
    ls.check(ls.documents.put(opened.uri, opened.version, opened.text))


def did_change(ls: Server, params: types.DidChangeTextDocumentParams) -> None:
    """Check a document whose text has changed. Each change carries the whole text, so the last one counts."""
    if params.content_changes:
        changed = params.text_document
        ls.check(ls.documents.put(changed.uri, changed.version, params.content_changes[-1].text))


def did_close(ls: Server, params: types.DidCloseTextDocumentParams) -> None:
    """Forget a document that was closed, and check its variants again, which now start from the saved file."""
    variants = ls.documents.close(params.text_document.uri)
    ls.forget(params.text_document.uri)
    ls.check(variants)


def did_change_files(ls: Server, params: types.DidChangeWatchedFilesParams) -> None:
    """Check the open variants again, because the files that they start from may have changed on disk."""
    ls.check(ls.documents.refresh())


def hover_(ls: Server, document: Document, params: types.HoverParams) -> types.Hover | None:
    """Return the hover text of the word at a position."""
    result = hover.hover(document, ls.offset(document, params.position))
    return ls.translator.hover(result.markdown, result.span) if result else None


def complete(ls: Server, document: Document, params: types.CompletionParams) -> list[types.CompletionItem]:
    """Return the completions at a position."""
    candidates = completion.complete(document, ls.offset(document, params.position))
    return [ls.translator.completion(document, candidate, rank) for rank, candidate in enumerate(candidates)]


def definition(ls: Server, document: Document, params: types.DefinitionParams) -> types.Location | None:
    """Return the place where the layer named at a position is defined."""
    span = names.definition(document, ls.offset(document, params.position))
    return ls.translator.location(span) if span else None


def references(ls: Server, document: Document, params: types.ReferenceParams) -> list[types.Location]:
    """Return all places that name the layer named at a position."""
    offset, definitions = ls.offset(document, params.position), params.context.include_declaration
    spans = names.references(ls.documents, document, offset, definitions=definitions)
    return [ls.translator.location(span) for span in spans]


def prepare_rename(ls: Server, document: Document, params: types.PrepareRenameParams) -> types.Range | None:
    """Return the range of the layer name at a position, or ``None`` if there is nothing to rename."""
    span = names.renamable(document, ls.offset(document, params.position))
    return ls.translator.range(span) if span else None


def rename(ls: Server, document: Document, params: types.RenameParams) -> types.WorkspaceEdit:
    """Return the edits that rename the layer at a position."""
    try:
        edits = names.rename(ls.documents, document, ls.offset(document, params.position), params.new_name)
    except names.RenameError as problem:
        raise JsonRpcInvalidParams(str(problem)) from None
    return ls.translator.workspace_edit(edits)


def outline(ls: Server, document: Document, params: types.DocumentSymbolParams) -> list[types.DocumentSymbol]:
    """Return the document's outline: its layers and settings."""
    return [ls.translator.symbol(symbol) for symbol in symbols.symbols(document)]


def format_(ls: Server, document: Document, params: types.DocumentFormattingParams) -> list[types.TextEdit]:
    """Return the edits that format a document."""
    return [ls.translator.text_edit(edit) for edit in layout.layout(document)]


def inlay_hints(ls: Server, document: Document, params: types.InlayHintParams) -> list[types.InlayHint]:
    """Return the shapes of the layers in a range that do not state them."""
    start, end = ls.offset(document, params.range.start), ls.offset(document, params.range.end)
    return [ls.translator.hint(document, hint) for hint in hints.hints(document, start, end)]


async def code_actions(ls: Server, params: types.CodeActionParams) -> list[types.CodeAction]:
    """Return the fixes for the diagnostics in a range; nothing if the text changes during the search for fixes."""
    document = ls.documents.get(params.text_document.uri)
    if document is None:
        return []
    start, end = ls.offset(document, params.range.start), ls.offset(document, params.range.end)
    diagnostics = await ls.diagnostics(document)
    fixes = problems.fixes(document, diagnostics, start, end)
    allowances = problems.allowances(document, diagnostics, start, end)
    return [
        *(ls.translator.action(document, d, fix, preferred=len(fixes) == 1) for d, fix in fixes),
        *(ls.translator.action(document, d, fix, preferred=False) for d, fix in allowances),
    ]


def _of_open(handle: Callable[[Server, Document, Any], Any]) -> Callable[[Server, Any], Any]:
    """Return the handler of a request about a document, which answers nothing if that is not open."""

    def handler(ls: Server, params: Any) -> Any:
        document = ls.documents.get(params.text_document.uri)
        return None if document is None else handle(ls, document, params)

    return handler


_HANDLERS: Mapping[str, tuple[Callable[..., Any], Any]] = {
    types.TEXT_DOCUMENT_DID_OPEN: (did_open, None),
    types.TEXT_DOCUMENT_DID_CHANGE: (did_change, None),
    types.TEXT_DOCUMENT_DID_CLOSE: (did_close, None),
    types.WORKSPACE_DID_CHANGE_WATCHED_FILES: (did_change_files, None),
    types.TEXT_DOCUMENT_HOVER: (_of_open(hover_), None),
    types.TEXT_DOCUMENT_COMPLETION: (
        _of_open(complete),
        types.CompletionOptions(trigger_characters=["=", ",", "(", "[", ">"]),
    ),
    types.TEXT_DOCUMENT_DEFINITION: (_of_open(definition), None),
    types.TEXT_DOCUMENT_REFERENCES: (_of_open(references), None),
    types.TEXT_DOCUMENT_PREPARE_RENAME: (_of_open(prepare_rename), None),
    types.TEXT_DOCUMENT_RENAME: (_of_open(rename), types.RenameOptions(prepare_provider=True)),
    types.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (_of_open(outline), None),
    types.TEXT_DOCUMENT_FORMATTING: (_of_open(format_), None),
    types.TEXT_DOCUMENT_INLAY_HINT: (_of_open(inlay_hints), None),
    types.TEXT_DOCUMENT_CODE_ACTION: (
        code_actions,
        types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix]),
    ),
}


def server() -> Server:
    """Create a server with all handlers registered."""
    result = Server()
    for method, (handler, options) in _HANDLERS.items():
        result.feature(method, options)(handler)
    return result
