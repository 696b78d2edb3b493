"""docs/history.md against the files whose notes it tells, and what is read of these notes against the page.

They lie outside the project, in the folder that NETSPEC_CORPUS names; without it only the page's form is tested.
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
class Cited:
    """Lines of a file that the page names, and what it says stands there (perhaps nothing)."""

    file: str
    first: int
    last: int
    quote: str

    def text(self) -> str:
        """What really stands there."""
        lines = lines_of(self.file)
        assert 1 <= self.first <= self.last <= len(lines), self
        return "\n".join(lines[self.first - 1 : self.last])


def cited(text: str) -> list[Cited]:
    return [Cited(m[1], int(m[2]), int(m[3] or m[2]), m[4] or "") for m in CITED.finditer(text)]


def lines_of(name: str) -> list[str]:
    assert CORPUS is not None
    return (CORPUS / "AlexNet-Source-Code" / "layers" / name).read_text("utf-8").splitlines()


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of the table in a section."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return ([cell.strip() for cell in line.strip("|").split(" | ")] for line in table)


RUNS = [*rows("Rates lowered by hand"), *rows("Rates by schedule")]
PRINTED = [*rows("Which of them is the paper")]


def near(number: str, text: str) -> bool:
    """Whether a number stands in a text, perhaps with more digits."""
    return any(abs(float(found) - float(number)) <= 5e-7 for found in NUMBER.findall(text))


def test_the_tables_are_whole() -> None:
    assert len(RUNS) == 72 and {len(row) for row in RUNS} == {8}
    assert len({row[0] for row in RUNS}) == len(RUNS)
    assert len(PRINTED) == 6


@pytest.mark.many
@needs_files
@pytest.mark.parametrize("row", RUNS, ids=lambda row: row[0])
def test_every_number_of_a_run_stands_in_its_notes(row: list[str]) -> None:
    (notes,) = cited(row[1])
    text = notes.text()
    assert all(line.startswith("#") for line in text.splitlines() if line), "notes are comments"
    numbers = [number for cell in row[3:] for number in NUMBER.findall(cell)]
    assert [number for number in numbers if not near(number, text)] == []


@needs_files
@pytest.mark.parametrize("row", PRINTED, ids=lambda row: row[0])
def test_what_the_paper_prints_is_what_the_notes_say(row: list[str]) -> None:
    (line,) = cited(row[3])
    said = ERRORS.findall(row[2])[0][1:]
    assert all(near(number, line.text()) for number in said)
    printed = [float(number) for number in NUMBER.findall(row[1])]
    base = {"0.410580": (0.40664, 0.1821), "0.391680": (0.374727, 0.169987)}.get(said[0], (0.0, 0.0))
    assert [round(100 * (float(n) - b), 1) for n, b in zip(said, base, strict=True)] == printed


@needs_files
def test_every_place_that_is_named_holds_what_is_quoted() -> None:
    places = cited(PAGE)
    assert len(places) > 95
    assert [place for place in places if place.quote not in place.text() or not place.text().strip()] == []


@needs_files
def test_no_error_in_the_notes_is_left_out() -> None:
    told = {f"{float(number):.6f}" for row in RUNS for number in NUMBER.findall(" ".join(row[3:])) if "." in number}
    missing = [
        (file, found)
        for file in sorted({place.file for row in RUNS for place in cited(row[1])})
        for found in ERRORS.findall("\n".join(line for line in lines_of(file) if line.startswith("#")))
        if not {f"{float(number):.6f}" for number in found if number} <= told
    ]
    assert missing == []


EMPTY = Source("layers.cfg", "")
NET = {
    name: Layer(name, kind, (), (), 1, Options(Section(name, Span(EMPTY, 0, 0)), Findings(EMPTY)))
    for name, kind in {"conv1a": "conv", "conv1b": "conv", "conv2a": "conv", "conv6a": "conv", "fc1000": "fc"}.items()
}
"""Layers of nearly all nets of 2012, as far as notes name them."""


def run_of(row: list[str]) -> Run:
    """What is read of the notes of a row."""
    (notes,) = cited(row[1])
    assert CORPUS is not None
    source = Source(notes.file, (CORPUS / "AlexNet-Source-Code" / "layers" / notes.file).read_text("utf-8"))
    found = [
        run
        for run in runs_of(read(source, Findings(source)))
        for spans in [[note.span for note in (*run.changes, *run.colours)] or [run.end_line]]
        if all(span is not None and notes.first <= span.line <= notes.last for span in spans)
    ]
    assert len(found) <= 1
    return found[0] if found else Run()


def replay_of(run: Run) -> Replay:
    return replay_changes(run.changes, NET, dict.fromkeys(NET, 0.01))


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
def test_what_a_word_of_the_notes_means(word: str, names: list[str]) -> None:
    assert layers_of(word, NET) == names


WITHOUT_A_WORD = {"111", "136"}
"""Runs of which it is no word for an end that tells it."""


@needs_files
@pytest.mark.parametrize("row", [*rows("Rates lowered by hand")], ids=lambda row: row[0])
def test_what_was_done_by_hand_is_read_as_the_page_has_it(row: list[str]) -> None:
    run = run_of(row)
    past = replay_of(run)
    main = {(fall.epoch, fall.rate) for fall in past.falls.get("fc1000", ())}
    first = {(fall.epoch, fall.rate) for fall in past.falls.get("conv1a", ())}
    assert sorted(epoch for epoch, _ in main) == epochs(row[4])
    assert sorted(epoch for epoch, _ in first - main) == epochs(row[5])
    if row[0] not in WITHOUT_A_WORD:
        assert [run.end or 0.0] == (epochs(row[6]) or [0.0])


@needs_files
@pytest.mark.parametrize("row", [*rows("Rates by schedule")], ids=lambda row: row[0])
def test_what_was_done_beside_a_schedule_is_read_as_the_page_has_it(row: list[str]) -> None:
    run = run_of(row)
    assert [colour.epoch for colour in run.colours if not colour.to] == epochs(row[3])
    stopped = replay_of(run).falls.get("conv1a", ())
    assert [fall.epoch for fall in stopped] == epochs(row[4]) and {fall.rate for fall in stopped} <= {0.0}
    assert [run.end or 0.0] == (epochs(row[5]) or [0.0])
