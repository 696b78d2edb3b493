"""Open documents, and the files in their folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netspec.check import Checked
from netspec.lsp.document import Document
from netspec.lsp.documents import Documents
from netspec.solve import inherited, trial

BASE = "[image] input 3x8x8\n[a] fc outputs=2\n"
VARIANT = "net v from=base.net\n[a] outputs=3\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "base.net").write_text(BASE)
    (tmp_path / "variant.net").write_text(VARIANT)
    return tmp_path


def test_open_text_of_the_base_replaces_its_file(folder: Path) -> None:
    documents, uri = Documents(), (folder / "variant.net").as_uri()
    (variant,) = documents.put(uri, 1, VARIANT)
    assert variant.diagnostics == ()
    base, rechecked = documents.put((folder / "base.net").as_uri(), 1, BASE.replace("[a]", "[b]"))
    assert base.diagnostics == ()
    assert (rechecked.uri, rechecked.version) == (uri, 1)
    assert not documents.is_current(variant) and documents.is_current(rechecked)
    assert [d.code for d in rechecked.diagnostics] == ["unknown-layer"]
    (restored,) = documents.close(base.uri)
    assert restored.diagnostics == ()


def test_changed_files_are_read_again_on_refresh(folder: Path) -> None:
    documents = Documents()
    documents.put((folder / "variant.net").as_uri(), 1, VARIANT)
    (folder / "base.net").unlink()
    assert documents.get((folder / "variant.net").as_uri()) is not None
    (rechecked,) = documents.refresh()
    assert [d.code for d in rechecked.diagnostics] == ["no-such-file"]


def test_untitled_text_has_no_folder() -> None:
    documents = Documents()
    (document,) = documents.put("untitled:Untitled-1", 1, VARIANT)
    assert [(d.code, "without a folder" in d.message) for d in document.diagnostics] == [("no-such-file", True)]
    assert list(documents.others_in_folder(document)) == []


def test_open_documents_keep_the_editors_uri(folder: Path) -> None:
    documents = Documents()
    uri = (folder / "base.net").as_uri().replace("base", "b%61se")
    base, *_ = documents.put(uri, 1, BASE)
    variant, *_ = documents.put((folder / "variant.net").as_uri(), 1, VARIANT)
    assert documents.uri_of(variant.texts.bases[0]) == uri
    assert variant.texts.bases[0] is base.source


def test_unreadable_files_in_the_folder_are_skipped(folder: Path) -> None:
    (folder / "binary.net").write_bytes(b"\xff\xfe\x00")
    (folder / "folder.net").mkdir()
    documents = Documents()
    (document, *_) = documents.put((folder / "variant.net").as_uri(), 1, VARIANT)
    assert [Path(d.source.name).name for d in documents.others_in_folder(document)] == ["base.net"]


def test_closed_document_is_removed() -> None:
    documents = Documents()
    documents.put("untitled:1", 1, BASE)
    assert documents.close("untitled:1") == ()
    assert documents.close("untitled:1") == ()
    assert documents.get("untitled:1") is None and list(documents) == []


class TrialCounter:
    """Counts the checks of a search for fixes, and calls ``callback`` during check number ``at``."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, callback: Callable[[], object], at: int) -> None:
        self.count = 0
        check = trial.check

        def counted(*arguments: Any) -> Checked:
            self.count += 1
            if self.count == at:
                callback()
            return check(*arguments)

        for module in (trial, inherited):
            monkeypatch.setattr(module, "check", counted)


def document_with_refuted_claim(documents: Documents) -> Document:
    """A document with a refuted claim, for which the search tries many changes."""
    (document,) = documents.put("file:///a.net", 1, "[image] input 3x32x32\n[a] conv filters=8 kernel=5 -> 8x16x16\n")
    return document


def variant_with_inherited_error(documents: Documents, folder: Path) -> Document:
    """A variant whose changes cause an error in an inherited layer; the search leaves out each of them in turn."""
    base = "[image] input 3x8x8\n[a] conv filters=8 kernel=3\n[b] conv filters=8 kernel=5 -> 8x2x2\n"
    folder.joinpath("base.net").write_text(base)
    text = "net v from=base.net\n[a] kernel=5 filters=4 bias=1 stride=1\n"
    (document,) = documents.put((folder / "variant.net").as_uri(), 1, text)
    return document


@pytest.mark.parametrize("kind", ["one file", "a variant"])
def test_search_for_fixes_stops_when_the_text_changes(kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = Documents()

    def document() -> Document:
        return (
            document_with_refuted_claim(documents)
            if kind == "one file"
            else variant_with_inherited_error(documents, folder)
        )

    with monkeypatch.context() as patch:
        full_search = TrialCounter(patch, lambda: None, 0)
        assert document().diagnostics
    assert full_search.count > 3
    searched = document()
    stopped_search = TrialCounter(monkeypatch, lambda: documents.put(searched.uri, 2, ""), 2)
    assert len(searched.diagnostics) == len(searched.checked.diagnostics)
    assert stopped_search.count == 2
