"""The generated parts of the documentation are up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from examples import examples, fresh
from places import ROOT

from docs import INDEX, LANGUAGE, up_to_date
from netspec import layers, setting_keys
from netspec.explain import codes

DOCS = ROOT / "docs"


@pytest.mark.parametrize("path", [LANGUAGE, INDEX], ids=lambda path: path.stem)
def test_generated_document_is_up_to_date(path: Path) -> None:
    assert up_to_date(path) == path.read_text("utf-8"), "run python tests/helpers/docs.py to update it"


def test_language_page_has_every_setting_and_layer_type() -> None:
    headings = re.findall(r"^### (\S+)$", LANGUAGE.read_text("utf-8"), re.MULTILINE)
    assert headings == [*setting_keys.SETTINGS, *layers.names()]


def test_index_of_codes_is_complete_with_valid_links() -> None:
    links = re.findall(r"^\| \[(.+?)\]\((.+?)\)", INDEX.read_text("utf-8"), re.MULTILINE)
    assert [code for code, _ in links] == list(codes.names())
    assert all((INDEX.parent / target).is_file() for _, target in links)


def test_docs_readme_links_every_page_and_existing_sections() -> None:
    text = (DOCS / "README.md").read_text("utf-8")
    links = [link.partition("#") for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert {page for page, _, _ in links} == {path.name for path in DOCS.glob("*.md")} - {"README.md"}
    for page, _, anchor in links:
        titles = re.findall(r"^#+ (.+)$", (DOCS / page).read_text("utf-8"), re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    commands = {name.replace("-", "_") for name in re.findall(r"`netspec ([a-z-]+)", text)}
    assert commands <= {path.stem.rstrip("_") for path in (ROOT / "netspec" / "cli").glob("*.py")}


def test_architecture_page_shows_a_layer_type_as_it_is() -> None:
    (shown,) = re.findall(
        r"^```python\n(.*?)^```", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert shown == (ROOT / "netspec" / "layers" / "avgpool.py").read_text("utf-8")


def test_incorrect_example_without_output_fails() -> None:
    with pytest.raises(AssertionError, match="an example is not right"):
        fresh("```net\n[image] input 3x32x32\n[c] conv filters=1\n```\n", {})


def test_outputs_and_parts_are_regenerated() -> None:
    page = "```net\n[c] relu\n```\n\n```text\nstale\n```\n\n<!-- part -->\nstale\n<!-- /part -->\n"
    written = fresh(page, {"part": lambda: "new\n"})
    assert "stale" not in written and "error[no-input]" in written and "<!-- part -->\n\nnew\n" in written
    assert fresh(written, {"part": lambda: "new\n"}) == written


def test_example_can_use_files_shown_before_it() -> None:
    page = "```net base.net\n[image] input 3x32x32\n```\n\n```net\nnet a from=base.net\n[r] relu\n```\n"
    (example,) = examples(page)
    assert example.diagnostics() == ()
