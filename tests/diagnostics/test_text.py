"""Diagnostics as text: spans on one line, on several lines and in two files; long lines and many errors."""

from __future__ import annotations

from checking import diagnostics_of

from netspec.diagnostics import Diagnostic, Label, SpecError
from netspec.diagnostics.text import render, render_all
from netspec.source import ModelFile, Source, Span

OWN = Source("own.net", "one two three\nfour\n")
OTHER = Source("other.net", "\n" * 9 + "five six\n")


def span(source: Source, word: str) -> Span:
    start = source.text.index(word)
    return Span(source, start, start + len(word))


def rendered_lines(*spans: Span) -> list[str]:
    return render(Diagnostic("bad-value", "no", spans)).splitlines()


def test_carets_mark_all_spans_on_the_first_line() -> None:
    assert rendered_lines(span(OWN, "two"), span(OWN, "one"), span(OWN, "four")) == [
        "error[bad-value]: no",
        " --> own.net:1:5",
        "  |",
        "1 | one two three",
        "  | ^^^ ^^^",
    ]


def test_span_in_another_file_is_shown_separately() -> None:
    assert rendered_lines(span(OWN, "one"), span(OTHER, "six"), span(OTHER, "five")) == [
        "error[bad-value]: no",
        "  --> own.net:1:1",
        "   |",
        " 1 | one two three",
        "   | ^^^",
        "  ::: other.net:10:6",
        "10 | five six",
        "   | ^^^^ ^^^",
    ]


def test_same_line_number_in_another_file_is_shown_separately() -> None:
    other = Source("other.net", "------------ here\n")
    lines = rendered_lines(span(OWN, "one"), span(other, "here"))
    assert lines[3:5] == ["1 | one two three", "  | ^^^"]
    assert lines[5:] == [" ::: other.net:1:14", "1 | ------------ here", "  |              ^^^^"]


def test_labels_follow_their_marks() -> None:
    two, four = span(OWN, "two"), span(OWN, "four")
    labelled = Diagnostic("bad-value", "no", (two,), labels=(Label(two, "is 2"), Label(four, "is 4")))
    assert render(labelled).splitlines()[1:] == [
        " --> own.net:1:5",
        "  |",
        "1 | one two three",
        "  |     ^^^ is 2",
        "2 | four",
        "  | ---- is 4",
    ]


def test_label_on_the_same_line_is_below_the_carets() -> None:
    two, three = span(OWN, "two"), span(OWN, "three")
    labelled = Diagnostic("bad-value", "no", (three,), labels=(Label(two, "first here"),))
    assert render(labelled).splitlines()[3:] == ["1 | one two three", "  |         ^^^^^", "  |     --- first here"]


def test_label_in_another_file_names_the_file() -> None:
    two, six = span(OWN, "two"), span(OTHER, "six")
    labelled = Diagnostic("bad-value", "no", (two,), labels=(Label(two, ""), Label(six, "is 6")))
    assert render(labelled).splitlines()[3:] == [
        " 1 | one two three",
        "   |     ^^^",
        "  ::: other.net:10:6",
        "10 | five six",
        "   |      --- is 6",
    ]


IMAGE = "[image] input 3x32x32\n"


def diagnostic(text: str) -> Diagnostic:
    return diagnostics_of(text)[0]


def test_long_line_is_cut_around_the_error() -> None:
    lines = render(diagnostic(IMAGE + "[c] relu" + " " * 5000 + "bogus=1 # " + "x" * 5000)).splitlines()
    assert max(map(len, lines)) < 200
    assert lines[4].index("^") == lines[3].index("bogus")


def test_carets_are_aligned_despite_tabs_and_control_characters() -> None:
    lines = render(diagnostic(IMAGE + "[c]\trelu\t\tbogus=1 # \x1b[31m")).splitlines()
    assert lines[4].index("^") == lines[3].index("bogus")
    assert "\x1b" not in "".join(lines) and "\t" not in "".join(lines)


def test_many_errors_are_counted_but_only_some_shown() -> None:
    diagnostics = diagnostics_of(IMAGE + "[c] qqq\n" * 500)
    text = render_all(diagnostics, 20)
    assert text.count("error[") == 20
    assert text.endswith(f"{len(diagnostics)} errors; the first 20 are shown, netspec check --format json lists all")
    assert len(str(SpecError(diagnostics))) < 20_000


def test_count_is_shown_from_two_errors_on() -> None:
    assert "1 error" not in render_all(diagnostics_of(IMAGE + "[c] qqq"))
    assert render_all(diagnostics_of(IMAGE + "[c] qqq\n[d] www")).endswith("\n\n2 errors")


def test_place_in_a_model_is_its_name() -> None:
    found = Diagnostic("bad-value", "no", (Span(ModelFile("a.onnx", ""), 0, 0),), ("a note",))
    assert render(found).splitlines() == ["error[bad-value]: no", " --> a.onnx", "  = a note"]
