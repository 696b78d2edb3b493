"""docs/history.md against the notes in the parameter files that it cites, and the interpreted notes against the page.

The files are in the folder that NETSPEC_CORPUS names; without it, only the page's form is tested.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from corpusfiles import CORPUS
from places import ROOT

from netspec.check.report import Findings
from netspec.importers.cuda_convnet.layers.model import Layer
from netspec.importers.cuda_convnet.learning.replay import Replay, layers_of, replay_changes
from netspec.importers.cuda_convnet.learning.runs import Run, runs_of
from netspec.importers.cuda_convnet.options import Options
from netspec.importers.cuda_convnet.reading import Section, read
from netspec.source import Source, Span

PAGE = (ROOT / "docs" / "history.md").read_text("utf-8")
CITED = re.compile(r"`([\w.-]+\.cfg):(\d+)(?:-(\d+))?`(?:\s`([^`]+)`)?")
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?")
ERRORS = re.compile(r"(?:(\d\.\d{3,}), )?(0\.\d{4,}), (0\.\d{4,})")

needs_files = pytest.mark.skipif(CORPUS is None, reason="NETSPEC_CORPUS names no folder with real layer files")


@dataclass(frozen=True)
class Citation:
    """Lines of a file that the page cites, and the text that it quotes from them (may be empty)."""

    file: str
    first: int
    last: int
    quote: str

    def text(self) -> str:
        """The text of these lines in the file."""
        lines = lines_of(self.file)
        assert 1 <= self.first <= self.last <= len(lines), self
        return "\n".join(lines[self.first - 1 : self.last])


def citations(text: str) -> list[Citation]:
    return [Citation(m[1], int(m[2]), int(m[3] or m[2]), m[4] or "") for m in CITED.finditer(text)]


def lines_of(name: str) -> list[str]:
    assert CORPUS is not None
    return (CORPUS / "AlexNet-Source-Code" / "layers" / name).read_text("utf-8").splitlines()


def table_rows(heading: str) -> Iterator[list[str]]:
    """Yield the rows, as lists of cells, of the table in a section."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return ([cell.strip() for cell in line.strip("|").split(" | ")] for line in table)


RUNS = [*table_rows("Runs whose rates were lowered by hand"), *table_rows("Runs with a schedule")]
PRINTED = [*table_rows("The run of the paper")]


def contains_number(number: str, text: str) -> bool:
    """Whether a text contains a number, up to rounding at the sixth decimal."""
    return any(abs(float(found) - float(number)) <= 5e-7 for found in NUMBER.findall(text))


def test_tables_have_the_expected_number_of_rows() -> None:
    assert len(RUNS) == 72 and {len(row) for row in RUNS} == {8}
    assert len({row[0] for row in RUNS}) == len(RUNS)
    assert len(PRINTED) == 6


@pytest.mark.many
@needs_files
@pytest.mark.parametrize("row", RUNS, ids=lambda row: row[0])
def test_numbers_of_a_run_are_in_its_notes(row: list[str]) -> None:
    (notes,) = citations(row[1])
    text = notes.text()
    assert all(line.startswith("#") for line in text.splitlines() if line), "notes are comments"
    numbers = [number for cell in row[3:] for number in NUMBER.findall(cell)]
    assert [number for number in numbers if not contains_number(number, text)] == []


@needs_files
@pytest.mark.parametrize("row", PRINTED, ids=lambda row: row[0])
def test_errors_printed_in_the_paper_are_in_the_notes(row: list[str]) -> None:
    (line,) = citations(row[3])
    errors = ERRORS.findall(row[2])[0][1:]
    assert all(contains_number(number, line.text()) for number in errors)
    printed = [float(number) for number in NUMBER.findall(row[1])]
    base = {"0.410580": (0.40664, 0.1821), "0.391680": (0.374727, 0.169987)}.get(errors[0], (0.0, 0.0))
    assert [round(100 * (float(n) - b), 1) for n, b in zip(errors, base, strict=True)] == printed


@needs_files
def test_cited_lines_contain_the_quotes() -> None:
    all_citations = citations(PAGE)
    assert len(all_citations) > 95
    assert [
        citation for citation in all_citations if citation.quote not in citation.text() or not citation.text().strip()
    ] == []


@needs_files
def test_page_lists_all_errors_in_the_notes() -> None:
    listed = {f"{float(number):.6f}" for row in RUNS for number in NUMBER.findall(" ".join(row[3:])) if "." in number}
    missing = [
        (file, found)
        for file in sorted({citation.file for row in RUNS for citation in citations(row[1])})
        for found in ERRORS.findall("\n".join(line for line in lines_of(file) if line.startswith("#")))
        if not {f"{float(number):.6f}" for number in found if number} <= listed
    ]
    assert missing == []


EMPTY = Source("layers.cfg", "")
LAYERS = {
    name: Layer(name, kind, (), (), 1, Options(Section(name, Span(EMPTY, 0, 0)), Findings(EMPTY)))
    for name, kind in {"conv1a": "conv", "conv1b": "conv", "conv2a": "conv", "conv6a": "conv", "fc1000": "fc"}.items()
}
"""Layers that the notes of 2012 commonly name."""


def run_of(row: list[str]) -> Run:
    """Interpret the notes that a row of the table cites."""
    (notes,) = citations(row[1])
    assert CORPUS is not None
    source = Source(notes.file, (CORPUS / "AlexNet-Source-Code" / "layers" / notes.file).read_text("utf-8"))
    runs = [
        run
        for run in runs_of(read(source, Findings(source)))
        for spans in [[note.span for note in (*run.changes, *run.colours)] or [run.end_line]]
        if all(span is not None and notes.first <= span.line <= notes.last for span in spans)
    ]
    assert len(runs) <= 1
    return runs[0] if runs else Run()


def replay_of(run: Run) -> Replay:
    return replay_changes(run.changes, LAYERS, dict.fromkeys(LAYERS, 0.01))


def epochs(cell: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(cell)]


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("conv1", ["conv1a", "conv1b"]), ("conv1a", ["conv1a"]), ("Conv2", ["conv2a"]), ("fc", ["fc1000"]),
        ("conv layers", ["conv1a", "conv1b", "conv2a", "conv6a"]), ("conv2-6", ["conv2a", "conv6a"]),
        ("conv1/2", ["conv1a", "conv1b", "conv2a"]), ("conv2/fc1000", ["conv2a", "fc1000"]),
        ("conv6+conv2", ["conv6a", "conv2a"]), ("conv", ["conv1a", "conv1b", "conv2a", "conv6a"]),
        ("conv9", []), ("fc10", []), ("con", []), ("", []), ("+/-", []),
    ],
)  # fmt: skip
def test_words_of_the_notes_select_layers(word: str, names: list[str]) -> None:
    assert layers_of(word, LAYERS) == names


UNREAD_ENDS = {"111", "136"}
"""Runs whose notes give the end in words that are not interpreted."""


@needs_files
@pytest.mark.parametrize("row", [*table_rows("Runs whose rates were lowered by hand")], ids=lambda row: row[0])
def test_changes_by_hand_are_read_as_the_page_lists_them(row: list[str]) -> None:
    run = run_of(row)
    replay = replay_of(run)
    fc_changes = {(fall.epoch, fall.rate) for fall in replay.falls.get("fc1000", ())}
    conv1_changes = {(fall.epoch, fall.rate) for fall in replay.falls.get("conv1a", ())}
    assert sorted(epoch for epoch, _ in fc_changes) == epochs(row[4])
    assert sorted(epoch for epoch, _ in conv1_changes - fc_changes) == epochs(row[5])
    if row[0] not in UNREAD_ENDS:
        assert [run.end or 0.0] == (epochs(row[6]) or [0.0])


@needs_files
@pytest.mark.parametrize("row", [*table_rows("Runs with a schedule")], ids=lambda row: row[0])
def test_changes_besides_a_schedule_are_read_as_the_page_lists_them(row: list[str]) -> None:
    run = run_of(row)
    assert [colour.epoch for colour in run.colours if not colour.to] == epochs(row[3])
    conv1_changes = replay_of(run).falls.get("conv1a", ())
    assert [fall.epoch for fall in conv1_changes] == epochs(row[4]) and {fall.rate for fall in conv1_changes} <= {0.0}
    assert [run.end or 0.0] == (epochs(row[5]) or [0.0])
