"""Diagnostics as text: what is shown of places that lie on one line, on several, and in two files; long lines and
many mistakes."""

from __future__ import annotations

from checking import mistakes

from netspec.diagnostics import Diagnostic, Label, SpecError
from netspec.diagnostics.text import render, render_all
from netspec.source import Source, Span

OWN = Source("own.net", "one two three\nfour\n")
OTHER = Source("other.net", "\n" * 9 + "five six\n")


def span(source: Source, word: str) -> Span:
    start = source.text.index(word)
    return Span(source, start, start + len(word))


def shown(*spans: Span) -> list[str]:
    return render(Diagnostic("bad-value", "no", spans)).splitlines()


def test_carets_stand_under_every_place_on_the_first_line() -> None:
    assert shown(span(OWN, "two"), span(OWN, "one"), span(OWN, "four")) == [
        "error[bad-value]: no",
        " --> own.net:1:5",
        "  |",
        "1 | one two three",
        "  | ^^^ ^^^",
    ]


def test_a_place_in_another_file_has_a_line_of_its_own() -> None:
    assert shown(span(OWN, "one"), span(OTHER, "six"), span(OTHER, "five")) == [
        "error[bad-value]: no",
        "  --> own.net:1:1",
        "   |",
        " 1 | one two three",
        "   | ^^^",
        "  ::: other.net:10:6",
        "10 | five six",
        "   | ^^^^ ^^^",
    ]


def test_carets_of_another_file_do_not_stand_under_the_same_line_of_this_one() -> None:
    other = Source("other.net", "------------ here\n")
    lines = shown(span(OWN, "one"), span(other, "here"))
    assert lines[3:5] == ["1 | one two three", "  | ^^^"]
    assert lines[5:] == [" ::: other.net:1:14", "1 | ------------ here", "  |              ^^^^"]


def test_labels_stand_behind_their_marks_and_other_places_below_the_first() -> None:
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


def test_a_label_on_the_same_line_stands_under_the_carets() -> None:
    two, three = span(OWN, "two"), span(OWN, "three")
    labelled = Diagnostic("bad-value", "no", (three,), labels=(Label(two, "first here"),))
    assert render(labelled).splitlines()[3:] == [
        "1 | one two three",
        "  |         ^^^^^",
        "  |     --- first here",
    ]


def test_a_label_in_another_file_names_it() -> None:
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
    return mistakes(text)[0]


def test_a_long_line_is_cut_around_its_mistake() -> None:
    lines = render(diagnostic(IMAGE + "[c] relu" + " " * 5000 + "bogus=1 # " + "x" * 5000)).splitlines()
    assert max(map(len, lines)) < 200
    assert lines[4].index("^") == lines[3].index("bogus")


def test_tabs_and_control_characters_keep_carets_in_place() -> None:
    lines = render(diagnostic(IMAGE + "[c]\trelu\t\tbogus=1 # \x1b[31m")).splitlines()
    assert lines[4].index("^") == lines[3].index("bogus")
    assert "\x1b" not in "".join(lines) and "\t" not in "".join(lines)


def test_a_file_of_many_mistakes_is_counted_and_not_shown_whole() -> None:
    found = mistakes(IMAGE + "[c] qqq\n" * 500)
    shown = render_all(found, 20)
    assert shown.count("error[") == 20
    assert shown.endswith(f"{len(found)} errors; the first 20 are shown, netspec check --format json lists all")
    assert len(str(SpecError(found))) < 20_000


def test_one_mistake_has_no_count_and_two_have() -> None:
    assert "1 error" not in render_all(mistakes(IMAGE + "[c] qqq"))
    assert render_all(mistakes(IMAGE + "[c] qqq\n[d] www")).endswith("\n\n2 errors")
