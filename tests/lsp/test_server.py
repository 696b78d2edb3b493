"""The language server as a process, over the protocol."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
import pytest_asyncio
from checking import spec
from lsprotocol import types
from places import ROOT, SPECS
from processes import netspec, python
from pygls.exceptions import JsonRpcException
from pytest_lsp import LanguageClient

from netspec.check import check
from netspec.lsp.positions import Position, offset, position
from netspec.source import Source

MARKDOWN = [types.MarkupKind.Markdown]
CAPABILITIES = types.ClientCapabilities(
    workspace=types.WorkspaceClientCapabilities(workspace_edit=types.WorkspaceEditClientCapabilities(True)),
    text_document=types.TextDocumentClientCapabilities(
        hover=types.HoverClientCapabilities(content_format=MARKDOWN),
        completion=types.CompletionClientCapabilities(
            completion_item=types.ClientCompletionItemOptions(documentation_format=MARKDOWN)
        ),
    ),
)
PUZZLE = SPECS.joinpath("mistakes/224-exact.net").read_text("utf-8")
with_editor = pytest.mark.asyncio(loop_scope="module")
TIMEOUT = 20
"""Seconds after which a missing answer fails a test."""


class Editor(LanguageClient):
    """A client that collects all published diagnostics, and can wait for particular ones."""

    def __init__(self) -> None:
        super().__init__()
        self.published: list[types.PublishDiagnosticsParams] = []
        self.shown: list[str] = []
        self._published_more = asyncio.Condition()
        self.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)(self._publish)
        self.feature(types.WINDOW_SHOW_MESSAGE)(lambda params: self.shown.append(params.message))

    @property
    def _publish(self) -> object:
        async def publish(params: types.PublishDiagnosticsParams) -> None:
            async with self._published_more:
                self.published.append(params)
                self._published_more.notify_all()

        return publish

    def write(self, uri: str, version: int, text: str) -> None:
        """Replace the text of an open document."""
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(version, uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def open(self, uri: str, text: str) -> types.TextDocumentIdentifier:
        """Open a document."""
        self.text_document_did_open(types.DidOpenTextDocumentParams(types.TextDocumentItem(uri, "netspec", 1, text)))
        return types.TextDocumentIdentifier(uri)

    async def diagnostics_of(self, uri: str, version: int | None) -> list[types.Diagnostic]:
        """Wait for the first diagnostics of a version of a document."""
        return await self._wait(lambda: [p for p in self.published if (p.uri, p.version) == (uri, version)][:1])

    async def latest(self, uri: str, *codes: str) -> list[types.Diagnostic]:
        """Wait until the latest diagnostics of a document have these codes, and return them."""

        def found() -> list[types.PublishDiagnosticsParams]:
            last = [p for p in self.published if p.uri == uri][-1:]
            return last if last and [d.code for d in last[0].diagnostics] == [*codes] else []

        return await self._wait(found)

    async def _wait(self, found: Callable[[], list[types.PublishDiagnosticsParams]]) -> list[types.Diagnostic]:
        async with self._published_more:
            await asyncio.wait_for(self._published_more.wait_for(found), TIMEOUT)
        return list(found()[0].diagnostics)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def editor() -> AsyncIterator[Editor]:
    """An editor connected to a server, which must exit without an error after all tests."""
    client = Editor()
    await client.start_io(sys.executable, "-m", "netspec", "lsp", cwd=ROOT)
    await client.initialize_session(types.InitializeParams(CAPABILITIES))
    yield client
    await client.shutdown_session()
    assert client._server is not None and client._server.returncode == 0
    assert client.shown == []
    await client.stop()


def position_of(text: str, word: str) -> types.Position:
    """The position of the second letter of ``word``, in UTF-16."""
    start = position(Source("a.net", text), text.index(word) + 1, "utf-16")
    return types.Position(start.line, start.character)


def apply_edits(edits: list[types.TextEdit], text: str) -> str:
    """Apply the protocol's edits to a text."""
    source = Source("a.net", text)

    def at(place: types.Position) -> int:
        return offset(source, Position(place.line, place.character), "utf-16")

    for edit in sorted(edits, key=lambda e: at(e.range.start), reverse=True):
        text = text[: at(edit.range.start)] + edit.new_text + text[at(edit.range.end) :]
    return text


def edits_of(edit: types.WorkspaceEdit | None, uri: str, version: int) -> list[types.TextEdit]:
    """The edits of one document; checks that they are for this version."""
    assert edit is not None and edit.document_changes is not None
    (change,) = [
        c for c in edit.document_changes if isinstance(c, types.TextDocumentEdit) and c.text_document.uri == uri
    ]
    assert change.text_document.version == version
    return [e for e in change.edits if isinstance(e, types.TextEdit)]


@with_editor
async def test_error_is_published_and_each_fix_corrects_it(editor: Editor) -> None:
    document = editor.open("untitled:puzzle", PUZZLE)
    (error,) = await editor.diagnostics_of(document.uri, 1)
    assert (error.code, error.source, error.severity) == ("window-does-not-tile", "netspec", 1)
    actions = await editor.text_document_code_action_async(
        types.CodeActionParams(document, error.range, types.CodeActionContext([error]))
    )
    assert actions is not None and len(actions) == 4
    for version, action in enumerate(actions, 2):
        assert isinstance(action, types.CodeAction)
        editor.write(document.uri, version, apply_edits(edits_of(action.edit, document.uri, 1), PUZZLE))
        assert await editor.diagnostics_of(document.uri, version) == []


@with_editor
async def test_positions_are_counted_in_utf_16(editor: Editor) -> None:
    text = "# 🙂\n[image] input 3x8x8\n[a] fc outputs=2 inputs= # 🙂🙂 not yet\n   imag  # 𝔘\n"
    wrong = "[image] input 3x8x8 # 🙂\n[a] fc # 🙂\n  outputs=2 kernal=3 # 🙂\n"
    document = editor.open("untitled:wide", wrong)
    (error,) = await editor.diagnostics_of(document.uri, 1)
    assert error.range == types.Range(types.Position(2, 12), types.Position(2, 18))
    offered = await editor.text_document_completion_async(
        types.CompletionParams(editor.open("untitled:other", text), types.Position(3, 6))
    )
    assert isinstance(offered, Sequence)
    (item,) = offered
    assert isinstance(item.text_edit, types.TextEdit)
    assert item.text_edit.range == types.Range(types.Position(3, 3), types.Position(3, 7))


@with_editor
async def test_hover_outline_hints_completion_and_formatting_answer(editor: Editor) -> None:
    text = spec("alexnet")
    document = editor.open(SPECS.joinpath("alexnet.net").as_uri(), text)
    hover = await editor.text_document_hover_async(types.HoverParams(document, position_of(text, "conv2]")))
    assert hover and isinstance(hover.contents, types.MarkupContent) and "223,948,800" in hover.contents.value
    outline = await editor.text_document_document_symbol_async(types.DocumentSymbolParams(document))
    assert outline and len(outline) == 4 + 17 + 3
    everything = types.Range(types.Position(0, 0), types.Position(99, 0))
    hints = await editor.text_document_inlay_hint_async(types.InlayHintParams(document, everything))
    assert hints and [hint.label for hint in hints][:2] == ["96x55x55", "256x27x27"]
    completion = await editor.text_document_completion_async(
        types.CompletionParams(document, position_of(text, "kernel=11  stride"))
    )
    assert isinstance(completion, Sequence) and "dilation" in [item.label for item in completion]
    assert not await editor.text_document_formatting_async(
        types.DocumentFormattingParams(document, types.FormattingOptions(4, True))
    )


@with_editor
async def test_definition_references_and_renaming_answer(editor: Editor) -> None:
    text = "[image] input 3x8x8\n[a] fc outputs=2\n[b] fc outputs=2 inputs=image\n[c] sum   inputs=a,b\n"
    document = editor.open("untitled:names", text)
    cursor = position_of(text, "s=a,b")
    cursor.character += 1
    found = await editor.text_document_definition_async(types.DefinitionParams(document, cursor))
    assert isinstance(found, types.Location) and found.range.start == types.Position(1, 1)
    references = await editor.text_document_references_async(
        types.ReferenceParams(types.ReferenceContext(include_declaration=True), document, cursor)
    )
    assert references and [r.range.start.line for r in references] == [1, 3]
    assert await editor.text_document_prepare_rename_async(types.PrepareRenameParams(document, cursor))
    edit = await editor.text_document_rename_async(types.RenameParams(document, cursor, "first"))
    assert apply_edits(edits_of(edit, document.uri, 1), text) == text.replace("[a]", "[first]").replace(
        "=a,", "=first,"
    )
    with pytest.raises(JsonRpcException, match="there is a layer b already"):
        await editor.text_document_rename_async(types.RenameParams(document, cursor, "b"))
    edits = await editor.text_document_formatting_async(
        types.DocumentFormattingParams(document, types.FormattingOptions(4, True))
    )
    assert edits and apply_edits(list(edits), text).endswith("[c]      sum      inputs=a,b\n")


@with_editor
async def test_variant_is_checked_again_when_its_base_changes(editor: Editor, tmp_path: Path) -> None:
    base, variant = (tmp_path / name for name in ("base.net", "variant.net"))
    base.write_text("[image] input 3x8x8\n[a] fc outputs=2\n")
    variant.write_text("net v from=base.net\n[a] outputs=3\n")
    editor.open(variant.as_uri(), variant.read_text())
    await editor.latest(variant.as_uri())
    editor.open(base.as_uri(), "[image] input 3x8x8\n[b] fc outputs=2\n")
    await editor.latest(variant.as_uri(), "unknown-layer")
    editor.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(base.as_uri())))
    await editor.latest(variant.as_uri())
    base.write_text("[image] input 3x8x8\n[c] fc outputs=2\n")
    changed = types.FileEvent(base.as_uri(), types.FileChangeType.Changed)
    editor.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([changed]))
    await editor.latest(variant.as_uri(), "unknown-layer")
    assert {p.version for p in editor.published if p.uri == variant.as_uri()} == {1}


@with_editor
async def test_requests_for_unopened_documents_give_nothing(editor: Editor) -> None:
    document, cursor = types.TextDocumentIdentifier("untitled:unknown"), types.Position(3, 3)
    assert await editor.text_document_hover_async(types.HoverParams(document, cursor)) is None
    assert not await editor.text_document_completion_async(types.CompletionParams(document, cursor))
    assert await editor.text_document_rename_async(types.RenameParams(document, cursor, "a")) is None
    editor.text_document_did_close(types.DidCloseTextDocumentParams(document))
    assert await editor.diagnostics_of(document.uri, None) == []


@pytest.mark.ci
@with_editor
@pytest.mark.parametrize(("seed", "last"), [(0, 20), (1, 59)])
async def test_diagnostics_match_the_published_version_while_typing(editor: Editor, seed: int, last: int) -> None:
    rng = random.Random(seed)
    texts = {1: PUZZLE}
    document = editor.open(f"untitled:typed-{seed}", PUZZLE)
    for version in range(2, last + 1):
        before = texts[version - 1]
        offset = rng.randrange(len(before) + 1)
        piece = rng.choice(["", "x", "[", "]", "=", "->", "#", "\n", " ", "\U0001f642", "\ud800", "[a] relu\n"])
        texts[version] = before[:offset] + piece + before[offset + rng.choice([0, 0, 1, 3]) :]
        editor.write(document.uri, version, texts[version])
        if not rng.randrange(4):
            editor.text_document_hover(types.HoverParams(document, types.Position(rng.randrange(20), 3)))
        await asyncio.sleep(rng.choice([0, 0, 0.001, 0.05, 0.1]))
    await editor.diagnostics_of(document.uri, last)
    of_document = [published for published in editor.published if published.uri == document.uri]
    versions = [published.version for published in of_document]
    assert versions == sorted(v for v in versions if v is not None) and versions[-1] == last
    for published in of_document:
        assert published.version is not None
        source = Source("untitled:typed", texts[published.version])
        expected = [(d.code, position(source, d.span.start, "utf-16")) for d in check(source).diagnostics]
        starts = [(d.code, d.range.start) for d in published.diagnostics]
        assert [(code, Position(p.line, p.character)) for code, p in starts] == expected


@pytest.mark.ci
def test_server_imports_neither_torch_onnx_nor_numpy() -> None:
    done = netspec("lsp", blocked=("torch", "onnx", "numpy"), text="")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.ci
def test_missing_pygls_is_reported_with_the_pip_command() -> None:
    script = "import sys; sys.modules['pygls'] = None; from netspec.cli import main; main(['lsp'])"
    done = python("-c", script)
    assert done.returncode == 2
    assert done.stderr == "Error: the language server needs pygls: pip install 'netspec-compiler[lsp]'\n"


@with_editor
async def test_action_allows_a_warning_on_its_line(editor: Editor) -> None:
    text = "[image] input 3x8x8\n[a] conv filters=2 kernel=3 stride=2 rounding=down  # 🙂\n"
    document = editor.open("untitled:warned", text)
    (warning,) = await editor.diagnostics_of(document.uri, 1)
    assert (warning.code, warning.severity) == ("unread-pixels", types.DiagnosticSeverity.Warning)
    actions = await editor.text_document_code_action_async(
        types.CodeActionParams(document, warning.range, types.CodeActionContext([warning]))
    )
    assert actions is not None
    (action,) = actions
    assert isinstance(action, types.CodeAction)
    assert (action.title, action.kind) == ("Allow unread-pixels on this line", types.CodeActionKind.QuickFix)
    allowed = apply_edits(edits_of(action.edit, document.uri, 1), text)
    assert allowed == text.replace("🙂\n", "🙂; allow: unread-pixels\n")
    editor.write(document.uri, 2, allowed)
    assert await editor.diagnostics_of(document.uri, 2) == []


@with_editor
async def test_refuted_claim_is_shown_at_the_layer_that_causes_it(editor: Editor) -> None:
    text = SPECS.joinpath("mistakes/floored-6400.net").read_text("utf-8")
    document = editor.open("untitled:floored", text)
    await editor.diagnostics_of(document.uri, 1)
    at_conv1 = types.Range(types.Position(8, 31), types.Position(8, 31))
    at_the_claim = types.Range(types.Position(15, 78), types.Position(15, 78))
    for place in (at_conv1, at_the_claim):
        actions = await editor.text_document_code_action_async(
            types.CodeActionParams(document, place, types.CodeActionContext([]))
        )
        assert actions is not None and len(actions) == 4
    (error,) = await editor.latest(document.uri, "claim-refuted")
    assert (error.range.start, error.message.splitlines()[0]) == (
        types.Position(8, 31),
        "pool5 is 256x5x5, not 256x6x6: conv1 makes 54 of 224",
    )
    assert error.related_information is not None
    assert types.Position(15, 76) in [other.location.range.start for other in error.related_information]
