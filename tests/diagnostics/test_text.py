"""Diagnostics as text: what is shown of places that lie on one line, on several, and in two files."""

from __future__ import annotations

from netspec.diagnostics import Diagnostic
from netspec.diagnostics.text import render
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
