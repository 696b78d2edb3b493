"""Every code has a page, and what stands there is what the compiler says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import puzzle
import pytest
from examples import examples, fresh
from imports import modules, nodes

from docs import OF_ONNX, PARTS
from netspec.explain import codes

CODES = codes.names()
MAKERS = ("Diagnostic", "Fault", "add", "warn", "refuse", "unknown", "warning", "_unreadable")
"""The functions whose first argument is a code."""

SECTIONS = ["Why it matters", "Example", "How to mend it"]


def text(code: str) -> str:
    """A page as it is written."""
    return (codes.FOLDER / f"{code}.md").read_text("utf-8")


def made(source: str) -> Iterator[str]:
    """The codes that a module's text can produce: given to one of the makers, or to a name that is given to one."""
    for node in nodes(source):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[code, _, *_]) if name in MAKERS:
                yield from strings(code, r"[a-z-]+")
            case ast.Assign(targets=[ast.Name(id="code") | ast.Tuple(elts=[ast.Name(id="code"), *_])], value=value):
                yield from strings(value, r"[a-z]+(-[a-z]+)+")


def strings(expression: ast.expr, pattern: str) -> Iterator[str]:
    """The constants in an expression that look like a code."""
    values = [node.value for node in ast.walk(expression) if isinstance(node, ast.Constant)]
    return (value for value in values if isinstance(value, str) and re.fullmatch(pattern, value))


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    found = {code for path in modules().values() for code in made(path.read_text("utf-8"))}
    assert found == set(CODES)


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
    assert list(made(source)) == found


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_is_wrong_why_it_matters_and_how_to_mend_it(code: str) -> None:
    page = text(code)
    assert page.startswith(f"# {code}\n\n")
    assert re.fullmatch(r"[A-Z][^.]*\.", codes.summary(code)), "one sentence says what is wrong"
    assert [title for title in re.findall(r"^## (.+)$", page, re.MULTILINE) if title in SECTIONS] == SECTIONS


@pytest.mark.many
@pytest.mark.parametrize("code", CODES)
def test_what_stands_in_a_page_is_what_comes_out(code: str) -> None:
    if code in OF_ONNX:
        pytest.importorskip("onnx", reason="onnx is not installed: pip install onnx")
    page = text(code)
    measured = re.search(r"<!-- differences -->\n\n(.*?)\n<!-- /differences -->", page, re.DOTALL)
    kept = {**PARTS, "differences": lambda: measured[1]} if measured else PARTS
    assert fresh(page, kept) == page, "python tests/helpers/docs.py writes it anew"


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_page_gives_its_code_and_nothing_else(code: str) -> None:
    page = text(code)
    said = re.findall(r"^(?:error|warning)\[([a-z-]+)\]", page, re.MULTILINE)
    assert set(said) == {code}
    assert "```console" in page or [e for e in examples(page) if e.output]


def test_the_differences_of_the_repairs_are_those_of_the_page() -> None:
    part = text("window-does-not-tile").partition("<!-- differences -->")[2].partition("<!--")[0]
    rows = re.findall(r"\| ([\d.]+) \| ([\d.]+) \| ([\d,]+) of 3,025 \|", part)
    measured = list(puzzle.comparisons())
    assert len(rows) == len(measured) == 6
    for (noise, smooth, same), (_, on_noise, on_smooth, places) in zip(rows, measured, strict=True):
        assert float(noise) == pytest.approx(on_noise, abs=0.02)
        assert float(smooth) == pytest.approx(on_smooth, abs=0.02)
        assert int(same.replace(",", "")) == places


def test_the_repairs_are_four_functions() -> None:
    apart = {pair: (noise, smooth, same) for pair, noise, smooth, same in puzzle.comparisons()}
    exact, up, *_ = puzzle.REPAIRS
    assert all(noise > 0.05 and smooth > 0.05 for noise, smooth, _ in apart.values())
    assert apart[exact, up][2] == 54 * 54, "they part only where a window reaches the last three columns or rows"
    assert {same for pair, (_, _, same) in apart.items() if pair != (exact, up)} == {0}


def test_the_others_make_what_their_sources_say() -> None:
    published = ["55-27-13-6", "55-27-13-6", "55-27-13-6", "56-27-13-6", "54-27-13-6", "54-26-12-6", "56-27-13-6"]
    assert re.findall(r"\d+-\d+-\d+-\d+", puzzle.others()) == [*published, "54-26-12-5"]
    assert re.findall(r"9,216|6,400", puzzle.others()) == ["9,216"] * 7 + ["6,400"]
