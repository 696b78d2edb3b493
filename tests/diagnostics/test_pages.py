"""The pages of diagnostics: every code has one, and its outputs are those of the compiler."""

from __future__ import annotations

import re

import alexnet_sizes
import pytest
from examples import examples, fresh
from imports import modules
from source_codes import codes_in, codes_of_files

from docs import OF_H5PY, OF_ONNX, PARTS
from netspec.explain import codes

CODES = codes.names()
SECTIONS = ["Why it matters", "Example", "How to fix it"]


def page_text(code: str) -> str:
    """The text of a code's page."""
    return (codes.FOLDER / f"{code}.md").read_text("utf-8")


@pytest.mark.ci
def test_codes_in_the_source_are_those_with_pages() -> None:
    assert codes_of_files(modules().values()) == set(CODES)


def test_codes_are_words_with_hyphens() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in CODES)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("raise Fault('too-large', 'message')", ["too-large"]),
        ("self.findings.add('cycle', message, span)", ["cycle"]),
        ("Diagnostic('a-b' if x else 'c-d', message, spans)", ["a-b", "c-d"]),
        ("code, verb = ('signal-vanishes', 'vanishes') if weak else ('signal-explodes', 'explodes')",
         ["signal-vanishes", "signal-explodes"]),
        ("names.add('word')", []),
        ("text.encode('utf-8')", []),
    ],
)  # fmt: skip
def test_codes_are_found_in_the_source(source: str, found: list[str]) -> None:
    assert list(codes_in(source)) == found


@pytest.mark.parametrize("code", CODES)
def test_page_has_a_summary_and_all_sections(code: str) -> None:
    page = page_text(code)
    assert page.startswith(f"# {code}\n\n")
    assert re.fullmatch(r"[A-Z][^.]*\.", codes.summary(code)), "one sentence says what is wrong"
    assert [title for title in re.findall(r"^## (.+)$", page, re.MULTILINE) if title in SECTIONS] == SECTIONS


@pytest.mark.many
@pytest.mark.parametrize("code", CODES)
def test_page_is_up_to_date(code: str) -> None:
    if code in OF_ONNX:
        pytest.importorskip("onnx", reason="onnx is not installed: pip install onnx")
    if code in OF_H5PY:
        pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")
    page = page_text(code)
    measured = re.search(r"<!-- differences -->\n\n(.*?)\n<!-- /differences -->", page, re.DOTALL)
    parts = {**PARTS, "differences": lambda: measured[1]} if measured else PARTS
    assert fresh(page, parts) == page, "run python tests/helpers/docs.py to update it"


@pytest.mark.parametrize("code", CODES)
def test_example_gives_only_the_code_of_its_page(code: str) -> None:
    page = page_text(code)
    reported = re.findall(r"^(?:error|warning)\[([a-z-]+)\]", page, re.MULTILINE)
    assert set(reported) == {code}
    assert "```console" in page or [e for e in examples(page) if e.output]


def test_page_shows_the_measured_differences_of_the_repairs() -> None:
    part = page_text("window-does-not-tile").partition("<!-- differences -->")[2].partition("<!--")[0]
    rows = re.findall(r"\| ([\d.]+) \| ([\d.]+) \| ([\d,]+) of 3,025 \|", part)
    measured = list(alexnet_sizes.comparisons())
    assert len(rows) == len(measured) == 6
    for (noise, smooth, equal), (_, on_noise, on_smooth, equal_measured) in zip(rows, measured, strict=True):
        assert float(noise) == pytest.approx(on_noise, abs=0.02)
        assert float(smooth) == pytest.approx(on_smooth, abs=0.02)
        assert int(equal.replace(",", "")) == equal_measured


def test_repairs_give_four_different_functions() -> None:
    differences = {pair: (noise, smooth, equal) for pair, noise, smooth, equal in alexnet_sizes.comparisons()}
    exact, up, *_ = alexnet_sizes.REPAIRS
    assert all(noise > 0.05 and smooth > 0.05 for noise, smooth, _ in differences.values())
    assert differences[exact, up][2] == 54 * 54, (
        "they differ only where a window reaches the last three columns or rows"
    )
    assert {equal for pair, (_, _, equal) in differences.items() if pair != (exact, up)} == {0}


def test_other_implementations_give_the_published_sizes() -> None:
    published = ["55-27-13-6", "55-27-13-6", "55-27-13-6", "56-27-13-6", "54-27-13-6", "54-26-12-6", "56-27-13-6"]
    assert re.findall(r"\d+-\d+-\d+-\d+", alexnet_sizes.others()) == [*published, "54-26-12-5"]
    assert re.findall(r"9,216|6,400", alexnet_sizes.others()) == ["9,216"] * 7 + ["6,400"]
