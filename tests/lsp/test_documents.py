"""Open documents, and the files that they have to do with."""

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


def test_a_variant_starts_from_the_file_and_then_from_the_open_text(folder: Path) -> None:
    documents, address = Documents(), (folder / "variant.net").as_uri()
    (variant,) = documents.put(address, 1, VARIANT)
    assert variant.diagnostics == ()
    base, again = documents.put((folder / "base.net").as_uri(), 1, BASE.replace("[a]", "[b]"))
    assert base.diagnostics == ()
    assert (again.uri, again.version) == (address, 1)
    assert not documents.is_current(variant) and documents.is_current(again)
    assert [d.code for d in again.diagnostics] == ["unknown-layer"]
    (back,) = documents.close(base.uri)
    assert back.diagnostics == ()


def test_a_file_that_has_changed_on_the_disk_is_read_again(folder: Path) -> None:
    documents = Documents()
    documents.put((folder / "variant.net").as_uri(), 1, VARIANT)
    (folder / "base.net").unlink()
    assert documents.get((folder / "variant.net").as_uri()) is not None
    (again,) = documents.refresh()
    assert [d.code for d in again.diagnostics] == ["no-such-file"]


def test_a_text_without_a_file_has_no_neighbours() -> None:
    documents = Documents()
    (document,) = documents.put("untitled:Untitled-1", 1, VARIANT)
    assert [(d.code, "without a folder" in d.message) for d in document.diagnostics] == [("no-such-file", True)]
    assert list(documents.others_in_folder(document)) == []


def test_addresses_are_the_editors_own_where_a_text_is_open(folder: Path) -> None:
    documents = Documents()
    address = (folder / "base.net").as_uri().replace("base", "b%61se")
    base, *_ = documents.put(address, 1, BASE)
    variant, *_ = documents.put((folder / "variant.net").as_uri(), 1, VARIANT)
    assert documents.uri_of(variant.texts.bases[0]) == address
    assert variant.texts.bases[0] is base.source


def test_neighbours_that_cannot_be_read_are_passed_over(folder: Path) -> None:
    (folder / "binary.net").write_bytes(b"\xff\xfe\x00")
    (folder / "folder.net").mkdir()
    documents = Documents()
    (document, *_) = documents.put((folder / "variant.net").as_uri(), 1, VARIANT)
    assert [Path(d.source.name).name for d in documents.others_in_folder(document)] == ["base.net"]


def test_what_is_closed_is_gone() -> None:
    documents = Documents()
    documents.put("untitled:1", 1, BASE)
    assert documents.close("untitled:1") == ()
    assert documents.close("untitled:1") == ()
    assert documents.get("untitled:1") is None and list(documents) == []


class Trials:
    """Counts the checks of a search, and lets something happen in one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, happening: Callable[[], object], at: int) -> None:
        self.count = 0
        check = trial.check

        def counted(*arguments: Any) -> Checked:
            self.count += 1
            if self.count == at:
                happening()
            return check(*arguments)

        for module in (trial, inherited):
            monkeypatch.setattr(module, "check", counted)


def refuted(documents: Documents) -> Document:
    """A claim that many changes are tried for."""
    (document,) = documents.put("file:///a.net", 1, "[image] input 3x32x32\n[a] conv filters=8 kernel=5 -> 8x16x16\n")
    return document


def inheriting(documents: Documents, folder: Path) -> Document:
    """A variant whose words bring a mistake about in what it inherits, of which each is left out in turn."""
    base = "[image] input 3x8x8\n[a] conv filters=8 kernel=3\n[b] conv filters=8 kernel=5 -> 8x2x2\n"
    folder.joinpath("base.net").write_text(base)
    text = "net v from=base.net\n[a] kernel=5 filters=4 bias=1 stride=1\n"
    (document,) = documents.put((folder / "variant.net").as_uri(), 1, text)
    return document


@pytest.mark.parametrize("of", ["one file", "a variant"])
def test_the_search_for_fixes_ends_when_the_text_changes(
    of: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = Documents()

    def document() -> Document:
        return refuted(documents) if of == "one file" else inheriting(documents, folder)

    with monkeypatch.context() as patch:
        whole = Trials(patch, lambda: None, 0)
        assert document().diagnostics
    assert whole.count > 3
    searched = document()
    given_up = Trials(monkeypatch, lambda: documents.put(searched.uri, 2, ""), 2)
    assert len(searched.diagnostics) == len(searched.checked.diagnostics)
    assert given_up.count == 2
