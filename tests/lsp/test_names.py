"""Definition, references and renaming of layers, in one file and across variants."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checking import spec
from editing import lines
from places import SPECS

from netspec.diagnostics import apply
from netspec.lsp.document import Document
from netspec.lsp.documents import Documents
from netspec.lsp.names import RenameError, definition, references, renamable, rename
from netspec.net import load, loads

TEXT = """\
[image] input 3x8x8
[a] conv filters=3 kernel=3 pad=1
[b] conv filters=3 kernel=3 pad=1 weights=a
[c] sum inputs=a,b
"""
VARIANT = "net v from=base.net\n[a] pad=2 kernel=5\n[n] relu after=a\ndrop b\n[c] inputs=a,n\n"


def open_document(documents: Documents, path: Path) -> Document:
    return documents.put(path.as_uri(), 1, path.read_text("utf-8"))[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a spec, a variant, a variant of the variant, and an unrelated spec."""
    texts = {
        "base.net": TEXT,
        "variant.net": VARIANT,
        "second.net": "net w from=variant.net\n[a] stride=1\n",
        "other.net": TEXT,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def texts_after_renaming(documents: Documents, document: Document, offset: int, new_name: str) -> dict[str, str]:
    """The texts after renaming the layer at an offset, by file name."""
    edits = rename(documents, document, offset, new_name)
    sources = {edit.span.source for edit in edits}
    return {Path(s.name).name: apply([e for e in edits if e.span.source is s], s.text) for s in sources}


def test_definition_of_a_reference_is_the_layer(tmp_path: Path) -> None:
    (document, *_) = Documents().put("untitled:1", 1, TEXT)
    found = definition(document, TEXT.index("weights=a") + 8)
    assert found and (found.line, found.column, found.text) == (2, 2, "a")
    assert definition(document, TEXT.index("conv")) is None
    assert definition(document, TEXT.index("filters") + 8) is None


def test_references_are_listed_in_file_order() -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT)
    offset = TEXT.index("a,b")
    assert [s.line for s in references(documents, document, offset, definitions=True)] == [2, 3, 4]
    assert [s.line for s in references(documents, document, offset, definitions=False)] == [3, 4]
    assert references(documents, document, 0, definitions=True) == []


def test_definition_of_an_inherited_layer_is_in_the_base(folder: Path) -> None:
    document = open_document(Documents(), folder / "second.net")
    found = definition(document, document.source.text.index("[a]") + 1)
    assert found and lines([found]) == [("base.net", 2, "a")]


def test_references_include_all_variants_open_or_not(folder: Path) -> None:
    documents = Documents()
    document = open_document(documents, folder / "variant.net")
    found = references(documents, document, VARIANT.index("[a]") + 1, definitions=True)
    base = [("base.net", n, "a") for n in (2, 3, 4)]
    assert lines(found) == [*base, ("second.net", 2, "a"), *(("variant.net", n, "a") for n in (2, 3, 5))]


def test_open_text_is_searched_instead_of_its_file(folder: Path) -> None:
    documents = Documents()
    document = open_document(documents, folder / "base.net")
    documents.put((folder / "variant.net").as_uri(), 2, "net v from=base.net\n\n[a] pad=2 kernel=5\n")
    found = references(documents, document, TEXT.index("[a]") + 1, definitions=True)
    assert ("variant.net", 3, "a") in lines(found) and ("variant.net", 2, "a") not in lines(found)


def test_renaming_a_layer_of_the_variant_leaves_other_files(folder: Path) -> None:
    documents = Documents()
    document = open_document(documents, folder / "variant.net")
    assert set(texts_after_renaming(documents, document, VARIANT.index("[n]") + 1, "new")) == {"variant.net"}


def test_renaming_in_a_variant_changes_base_and_variants(folder: Path) -> None:
    documents = Documents()
    document = open_document(documents, folder / "variant.net")
    texts = texts_after_renaming(documents, document, VARIANT.index("inputs=a") + 7, "first")
    assert set(texts) == {"base.net", "variant.net", "second.net"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    for name in texts:
        assert "first" in load(folder / name).layers and "a" not in load(folder / name).layers


@pytest.mark.many
@pytest.mark.parametrize(
    "name", [p.stem for p in sorted(SPECS.glob("*.net")) if not re.search("^net .*from=", p.read_text("utf-8"), re.M)]
)
def test_renaming_any_layer_keeps_all_totals(name: str) -> None:
    text = spec(name)
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, text)
    before = loads(text)
    for layer in before.layers:
        (changed,) = texts_after_renaming(documents, document, text.index(f"[{layer}]") + 1, "another-name").values()
        after = loads(changed)
        assert [n for n in after.layers if n != "another-name"] == [n for n in before.layers if n != layer]
        assert after.total == before.total


@pytest.mark.parametrize(
    ("word", "new", "message"),
    [
        ("[a]", "b", "there is a layer b already"),
        ("[a]", "1a", "'1a' is not a valid name"),
        ("[a]", "", "'' is not a valid name"),
        ("[a]", "a]b", "is not a valid name"),
        ("[a]", "a] relu\n[z", "is not a valid name"),
        ("[a]", "a b", "is not a valid name"),
        ("[a]", "n" * 101, "is not a valid name"),
        ("[a]", "é", "is not a valid name"),
        (" conv", "fc", "only layers can be renamed"),
        (" filters", "outputs", "only layers can be renamed"),
    ],
)
def test_invalid_renaming_is_refused(word: str, new: str, message: str) -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT)
    with pytest.raises(RenameError, match=message):
        rename(documents, document, TEXT.index(word) + 1, new)


def test_name_used_in_a_variant_is_refused(folder: Path) -> None:
    documents = Documents()
    with pytest.raises(RenameError, match=r"there is a layer n already in .*(second|variant)\.net"):
        rename(documents, open_document(documents, folder / "base.net"), TEXT.index("[a]") + 1, "n")


def test_renaming_is_refused_if_a_line_has_a_syntax_error() -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT + "[d] sum inputs=a,,b\n")
    with pytest.raises(RenameError, match="line 5 has a syntax error"):
        rename(documents, document, TEXT.index("[a]") + 1, "new")


def test_renaming_to_the_same_name_changes_nothing() -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT)
    assert rename(documents, document, TEXT.index("[a]") + 1, "a") == []


def test_only_layer_names_can_be_renamed() -> None:
    (document, *_) = Documents().put("untitled:1", 1, TEXT)
    span = renamable(document, TEXT.index("b\n"))
    assert span and span.text == "b"
    assert renamable(document, TEXT.index("kernel")) is None


def test_unsaved_variant_is_renamed_with_its_base(folder: Path) -> None:
    documents = Documents()
    document = open_document(documents, folder / "base.net")
    documents.put((folder / "unsaved.net").as_uri(), 1, "net u from=base.net\n[a] stride=1\n")
    documents.put((folder / "away" / "unsaved.net").as_uri(), 1, "net u from=base.net\n[a] stride=1\n")
    found = references(documents, document, TEXT.index("[a]") + 1, definitions=True)
    assert [line for line in lines(found) if line[0] == "unsaved.net"] == [("unsaved.net", 2, "a")]
    assert texts_after_renaming(documents, document, TEXT.index("[a]") + 1, "z")["unsaved.net"].endswith(
        "[z] stride=1\n"
    )
