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
from netspec.lsp.names import Refused, definition, references, renamable, rename
from netspec.net import load, loads

TEXT = """\
[image] input 3x8x8
[a] conv filters=3 kernel=3 pad=1
[b] conv filters=3 kernel=3 pad=1 weights=a
[c] sum inputs=a,b
"""
VARIANT = "net v from=base.net\n[a] pad=2 kernel=5\n[n] relu after=a\ndrop b\n[c] inputs=a,n\n"


def opened(documents: Documents, path: Path) -> Document:
    return documents.put(path.as_uri(), 1, path.read_text("utf-8"))[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A spec, a variant, a variant of that, and a spec that has nothing to do with them."""
    texts = {
        "base.net": TEXT,
        "variant.net": VARIANT,
        "second.net": "net w from=variant.net\n[a] stride=1\n",
        "other.net": TEXT,
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def renamed(documents: Documents, document: Document, place: int, new: str) -> dict[str, str]:
    """The texts after a renaming, by file name."""
    edits = rename(documents, document, place, new)
    sources = {edit.span.source for edit in edits}
    return {Path(s.name).name: apply([e for e in edits if e.span.source is s], s.text) for s in sources}


def test_a_reference_leads_to_the_layer(tmp_path: Path) -> None:
    (document, *_) = Documents().put("untitled:1", 1, TEXT)
    found = definition(document, TEXT.index("weights=a") + 8)
    assert found and (found.line, found.column, found.text) == (2, 2, "a")
    assert definition(document, TEXT.index("conv")) is None
    assert definition(document, TEXT.index("filters") + 8) is None


def test_references_are_all_places_in_file_order() -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT)
    place = TEXT.index("a,b")
    assert [s.line for s in references(documents, document, place, definitions=True)] == [2, 3, 4]
    assert [s.line for s in references(documents, document, place, definitions=False)] == [3, 4]
    assert references(documents, document, 0, definitions=True) == []


def test_a_variants_layer_leads_to_its_base(folder: Path) -> None:
    document = opened(Documents(), folder / "second.net")
    found = definition(document, document.source.text.index("[a]") + 1)
    assert found and lines([found]) == [("base.net", 2, "a")]


def test_references_are_found_in_all_variants_open_or_not(folder: Path) -> None:
    documents = Documents()
    document = opened(documents, folder / "variant.net")
    found = references(documents, document, VARIANT.index("[a]") + 1, definitions=True)
    base = [("base.net", n, "a") for n in (2, 3, 4)]
    assert lines(found) == [*base, ("second.net", 2, "a"), *(("variant.net", n, "a") for n in (2, 3, 5))]


def test_an_open_text_counts_and_not_its_file(folder: Path) -> None:
    documents = Documents()
    document = opened(documents, folder / "base.net")
    documents.put((folder / "variant.net").as_uri(), 2, "net v from=base.net\n\n[a] pad=2 kernel=5\n")
    found = references(documents, document, TEXT.index("[a]") + 1, definitions=True)
    assert ("variant.net", 3, "a") in lines(found) and ("variant.net", 2, "a") not in lines(found)


def test_a_layer_of_a_variant_alone_is_its_own(folder: Path) -> None:
    documents = Documents()
    document = opened(documents, folder / "variant.net")
    assert set(renamed(documents, document, VARIANT.index("[n]") + 1, "new")) == {"variant.net"}


def test_renaming_in_a_variant_renames_in_base_and_variants_and_all_still_check(folder: Path) -> None:
    documents = Documents()
    document = opened(documents, folder / "variant.net")
    texts = renamed(documents, document, VARIANT.index("inputs=a") + 7, "first")
    assert set(texts) == {"base.net", "variant.net", "second.net"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    for name in texts:
        assert "first" in load(folder / name).layers and "a" not in load(folder / name).layers


@pytest.mark.many
@pytest.mark.parametrize(
    "name", [p.stem for p in sorted(SPECS.glob("*.net")) if not re.search("^net .*from=", p.read_text("utf-8"), re.M)]
)
def test_renaming_any_layer_of_a_spec_changes_no_number(name: str) -> None:
    text = spec(name)
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, text)
    before = loads(text)
    for layer in before.layers:
        (changed,) = renamed(documents, document, text.index(f"[{layer}]") + 1, "another-name").values()
        after = loads(changed)
        assert [n for n in after.layers if n != "another-name"] == [n for n in before.layers if n != layer]
        assert after.total == before.total


@pytest.mark.parametrize(
    ("place", "new", "message"),
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
def test_a_renaming_that_cannot_be_is_refused(place: str, new: str, message: str) -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT)
    with pytest.raises(Refused, match=message):
        rename(documents, document, TEXT.index(place) + 1, new)


def test_a_name_that_a_variant_has_taken_is_refused(folder: Path) -> None:
    documents = Documents()
    with pytest.raises(Refused, match=r"there is a layer n already in .*(second|variant)\.net"):
        rename(documents, opened(documents, folder / "base.net"), TEXT.index("[a]") + 1, "n")


def test_a_file_that_cannot_be_read_keeps_a_layer_from_being_renamed() -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT + "[d] sum inputs=a,,b\n")
    with pytest.raises(Refused, match="line 5 has a syntax error"):
        rename(documents, document, TEXT.index("[a]") + 1, "new")


def test_the_same_name_is_no_change() -> None:
    documents = Documents()
    (document, *_) = documents.put("untitled:1", 1, TEXT)
    assert rename(documents, document, TEXT.index("[a]") + 1, "a") == []


def test_only_names_of_layers_can_be_renamed() -> None:
    (document, *_) = Documents().put("untitled:1", 1, TEXT)
    span = renamable(document, TEXT.index("b\n"))
    assert span and span.text == "b"
    assert renamable(document, TEXT.index("kernel")) is None


def test_a_variant_that_is_only_open_is_renamed_with_its_base(folder: Path) -> None:
    documents = Documents()
    document = opened(documents, folder / "base.net")
    documents.put((folder / "unsaved.net").as_uri(), 1, "net u from=base.net\n[a] stride=1\n")
    documents.put((folder / "away" / "unsaved.net").as_uri(), 1, "net u from=base.net\n[a] stride=1\n")
    found = references(documents, document, TEXT.index("[a]") + 1, definitions=True)
    assert [line for line in lines(found) if line[0] == "unsaved.net"] == [("unsaved.net", 2, "a")]
    assert renamed(documents, document, TEXT.index("[a]") + 1, "z")["unsaved.net"].endswith("[z] stride=1\n")
