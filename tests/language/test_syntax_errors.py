"""Syntax errors: where they are, what the notes say, and what is still read."""

from __future__ import annotations

import pytest
from parsed import only, places, read

from netspec.language.parser import MAX_MISTAKES
from netspec.language.syntax import Dims
from netspec.language.words import MAX_NAME_LENGTH, MAX_NUMBER_LENGTH


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # an unindented key= or -> is an error, and read as the rest of the statement above
        ("[a] t k=1\nj=2", [("unindented-continuation", 2, 1, "j=")]),
        ("[a] t k=1\n-> 3", [("unindented-continuation", 2, 1, "->")]),
        ("[a] t\nj = 2\nk=3", [("unindented-continuation", 2, 1, "j ="), ("unindented-continuation", 3, 1, "k=")]),
        # nothing above
        ("k=1", [("syntax", 1, 1, "k=1")]),
        ("  k=1\n[a] t", [("syntax", 1, 3, "k=1")]),
        ("# c\n\n  relu\n[a] t", [("syntax", 3, 3, "relu")]),
        ("-> 3x3x3\n[a] t", [("syntax", 1, 1, "-> 3x3x3")]),
        # a layer is recognised even if it does not begin in the first column
        ("[a] t\n  [b] t", [("indented-layer", 2, 3, "[b] t")]),
        ("\t[b] t", [("indented-layer", 1, 2, "[b] t")]),
        # one statement
        ("[a t k=1", [("syntax", 1, 4, "t")]),
        ("a] t", [("syntax", 1, 2, "]")]),
        ("[] t", [("syntax", 1, 2, "]")]),
        ("[1a] t", [("syntax", 1, 2, "1a")]),
        ("[a b] t", [("syntax", 1, 4, "b")]),
        ("[a", [("syntax", 1, 2, "a")]),
        ("[a] t k=", [("syntax", 1, 7, "k=")]),
        ("[a] t k=   # nothing", [("syntax", 1, 7, "k=")]),
        ("[a] t ->", [("syntax", 1, 7, "->")]),
        ("[a] t k==3", [("syntax", 1, 9, "=")]),
        ("[a] t k=1-2", [("syntax", 1, 9, "1-2")]),
        ("[a] t k=3x3+1", [("syntax", 1, 9, "3x3+1")]),
        ("[a] t k=1, j=2", [("syntax", 1, 10, ",")]),
        ("[a] t k=1 , j=2", [("syntax", 1, 11, ",")]),
        ("[a] t k=(1,2)", [("syntax", 1, 9, "(")]),
        ("[a] t => 3x3x3", [("syntax", 1, 8, ">")]),
        ("[a] t k=1 => 3x3x3", [("syntax", 1, 11, "=")]),
        ("[a] t - > 3x3x3", [("syntax", 1, 7, "-")]),
        ("[a] t -> 3 -> 4", [("syntax", 1, 12, "->")]),
        ("[a] t -> 3,4", [("syntax", 1, 11, ",")]),
        ("[a] t k=3×3", [("syntax", 1, 10, "×3")]),
        ('[a] t k="x"', [("syntax", 1, 9, '"x"')]),
        ("[a] t k: 3", [("syntax", 1, 8, ":")]),
        ("[a] t; k=3", [("syntax", 1, 6, ";")]),
        ("[a] t {k=3}", [("syntax", 1, 7, "{k")]),
        ("[a] t // note", [("syntax", 1, 7, "//")]),
        ("[é] t", [("syntax", 1, 2, "é")]),
        ("[a] t \x00", [("syntax", 1, 7, "\x00")]),
        ("[a] t\u00a0k=1", [("syntax", 1, 6, "\u00a0")]),
        ("[a] t\u2028k=1", [("syntax", 1, 6, "\u2028")]),
        ("[a] t k=1 [b] t", [("syntax", 1, 11, "[")]),
        ("\ufeff[a] t", [("syntax", 1, 1, "\ufeff")]),
    ],
)
def test_errors_are_located(text: str, found: list[tuple[str, int, int, str]]) -> None:
    assert places(text) == found


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("[a] t k=3×3", "sizes are written with the letter x: 3x224x224"),
        ("[a] t k=1, j=2:3", "keys are separated by spaces, without commas, and sizes are written 3x224x224"),
        ("[a] t k: 3", "a value follows its key after '=': kernel=11"),
        ('[a] t k="3"', "values are written without quotes"),
        ("[a] t // note", "a comment begins with #"),
        ("[a] t => 3", "a claim begins with ->"),
        ("[a] t k=1 => 3", "a claim begins with ->"),
        ("[a] t - > 3", "a claim begins with ->, a comment with #"),
        ("[a] t k=1, j=2", "keys are separated by spaces, without commas, and sizes are written 3x224x224"),
        (
            "[a] t k=(3,3)",
            "brackets are only for the numbers of a word, gaussian(0.01); height and width are written 3x5",
        ),
        ("[a t", "expected ']'"),
        ("[] t", "expected a name"),
        ("[a] t k=", "a value follows its key: kernel=11"),
        ("[a] t -> 3 -> 4", "expected a name, a number, a size such as 3x224x224 or the end of the statement"),
    ],
)
def test_note_shows_what_was_meant(text: str, note: str) -> None:
    assert only(text).notes == (note,)


@pytest.mark.parametrize("name", ["3a", "inception_3a/1x1", "conv1.1", "conv 1"])
def test_note_explains_valid_names(name: str) -> None:
    assert only(f"[{name}] conv kernel=1").notes == (
        "a layer's name is letters, digits, _ and -, and begins with a letter or _",
    )


def test_invalid_names_with_the_same_beginning_are_not_duplicates() -> None:
    found = read("[layer1.0] relu\n[layer1.1] relu\n[layer1] relu\n[b/a] relu\n[b] relu\n")
    assert [s.name.text for s in found.sections] == ["layer1.0", "layer1.1", "layer1", "b/a", "b"]
    assert [d.code for d in found.diagnostics] == ["syntax"] * 3


def test_missing_bracket_is_named() -> None:
    assert only("[z conv kernel=1").notes == ("expected ']'",)


def test_unprintable_character_is_named() -> None:
    assert only("[a] t \x07").message == "unexpected character U+0007"


def test_error_in_one_statement_hides_no_other() -> None:
    text = "net a b=\n[i] input 3x8x8\n[c] conv k=$\n    j=1\n[d] t $\ntrain x=1 y\n[e] t\n"
    file = read(text)
    assert [(d.span.line, d.span.column) for d in file.diagnostics] == [(1, 7), (3, 12), (5, 7)]
    assert [s.name.text for s in file.sections] == ["i", "c", "d", "e"]
    assert [s.broken for s in file.sections] == [False, True, True, False]
    assert [s.word.text for s in file.settings] == ["train"]


@pytest.mark.parametrize("head", ["[conv1]", "[ conv1 ]", "[conv1"])
def test_incorrect_layer_keeps_its_name_and_claimed_shape(head: str) -> None:
    (found,) = read(f"{head} conv kernel=$ -> 96x55x55").sections
    assert found.broken
    assert found.name.text == "conv1"
    assert found.claim is not None
    (stated,) = found.claim.values
    assert isinstance(stated, Dims) and stated.values == (96, 55, 55)
    assert found.claim.span.text == "96x55x55"


@pytest.mark.parametrize(
    "number", ["1" * (MAX_NUMBER_LENGTH + 1), "1" * 100_000, "1e999", "-1e999", "1." + "0" * 50, "3x" + "2" * 50]
)
def test_too_long_numbers_are_errors(number: str) -> None:
    (found,) = read(f"[a] t k=1\n  j={number}").diagnostics
    assert (found.code, found.message) == ("bad-value", "this number is too long or too large")
    assert (found.span.line, found.span.column, found.span.text) == (2, 5, number)


@pytest.mark.parametrize("text", ["[{}] t", "[a] {}", "[a] t {}=3", "[a] t k={}", "{}", "[a] t k={}(3)"])
def test_too_long_names_are_errors(text: str) -> None:
    assert only(text.format("n" * (MAX_NAME_LENGTH + 1))).message == "this name is longer than 100 letters"
    assert read(text.format("n" * MAX_NAME_LENGTH)).diagnostics == ()


def test_empty_file_has_no_statements() -> None:
    for text in ("", "\n\n", "# nothing\n", "   \n\t\n", "\r\n"):
        file = read(text)
        assert (file.sections, file.settings, file.diagnostics) == ((), (), ())


def test_parsing_stops_after_too_many_errors() -> None:
    file = read("[a] $\n" * (2 * MAX_MISTAKES))
    assert len(file.diagnostics) == MAX_MISTAKES
