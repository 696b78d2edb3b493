"""Locations and messages of diagnostics, and fixes at a position."""

from __future__ import annotations

import pytest
from checking import spec
from editing import document
from places import SPECS

from netspec.diagnostics import apply
from netspec.lsp.problems import allowances, fixes, message, related, shown_at
from netspec.net import loads
from netspec.opening import MAX_FILE_BYTES

PUZZLE = SPECS.joinpath("mistakes/224-exact.net").read_text("utf-8")
BASE = "[image] input 3x224x224\n[conv1] conv filters=96 kernel=11 stride=4\n"


def test_all_fixes_are_offered_at_the_error_and_correct_it() -> None:
    puzzle = document(PUZZLE)
    (error,) = puzzle.diagnostics
    assert shown_at(puzzle, error).text == "kernel=11"
    assert [label.span.text for label in related(puzzle, error)] == ["stride=4"]
    found = fixes(puzzle, puzzle.diagnostics, error.span.start, error.span.start)
    assert [fix.title for _, fix in found] == [
        "input 3x227x227, crop=227",
        "net rounding=up",
        "conv1 pad=1,2,1,2",
        "conv1 pad=2 rounding=down",
    ]
    for _, fix in found:
        assert loads(apply(fix.edits, PUZZLE)).graph
    assert found[1][1].text == "net rounding=up: gives 55 as cuda-convnet computed it; the whole network checks"


def test_fixes_are_only_offered_at_the_error() -> None:
    puzzle = document(PUZZLE)
    (error,) = puzzle.diagnostics
    assert fixes(puzzle, puzzle.diagnostics, 0, error.span.start - 1) == []
    assert fixes(puzzle, puzzle.diagnostics, 0, error.span.start) != []


def test_message_includes_arithmetic_and_rejected_fixes() -> None:
    (error,) = document(PUZZLE).diagnostics
    assert message(error).splitlines()[:2] == [
        "conv1's window does not tile its input",
        "width: (224 + 0 + 0 - 11) / 4 + 1 = 54.25, not a whole number",
    ]
    assert message(error).splitlines()[-1].startswith("not a fix: net rounding=down: gives 54: pool5 would be")


def test_inherited_error_is_shown_at_the_name_of_the_base() -> None:
    variant = document("net v from=base.net\n[r] relu\n", {"base.net": BASE})
    (error,) = variant.diagnostics
    assert shown_at(variant, error).text == "base.net"
    assert [(label.span.source.name, label.span.text) for label in related(variant, error)] == [
        ("base.net", "kernel=11"),
        ("base.net", "stride=4"),
    ]


def test_error_in_a_change_is_shown_in_the_variant() -> None:
    variant = document("net v from=base.net\n[image] input 3x227x227\n[conv1] stride=5\n", {"base.net": BASE})
    (error,) = variant.checked.diagnostics
    assert (error.code, shown_at(variant, error).text) == ("window-does-not-tile", "stride=5")


def test_error_caused_by_a_change_is_shown_and_fixed_at_the_change() -> None:
    base = {"base.net": BASE.replace("224", "227")}
    text = "net v from=base.net\n[image] input 3x224x224\n"
    variant = document(text, base)
    (error,) = variant.diagnostics
    assert (error.code, shown_at(variant, error).text) == ("window-does-not-tile", "image")
    assert [(label.span.source.name, label.text) for label in related(variant, error)] == [
        ("base.net", "conv1 is inherited")
    ]
    (_, fix), *_ = fixes(variant, variant.diagnostics, error.span.start, error.span.start)
    assert document(apply(fix.edits, text), base).diagnostics == ()
    down = document(text.replace("base.net", "base.net rounding=down"), base)
    (warning,) = down.diagnostics
    (_, silence), *_ = allowances(down, down.diagnostics, warning.span.start, warning.span.start)
    assert document(apply(silence.edits, down.source.text), base).diagnostics == ()


def test_missing_neuron_is_a_fix_of_the_warning() -> None:
    text = "[image] input 100\n[fc1] fc outputs=50\n[fc2] fc outputs=10\n"
    edited = document(text)
    (warning,) = edited.diagnostics
    assert shown_at(edited, warning).text == "fc"
    ((_, fix),) = fixes(edited, edited.diagnostics, warning.span.start, warning.span.start)
    assert apply(fix.edits, text) == text.replace("outputs=50", "outputs=50 neuron=relu")


@pytest.mark.parametrize("text", ["net v from=gone.net", "net v from=../a.net", "net v from=a.net"])
def test_invalid_base_is_reported_at_its_name(text: str) -> None:
    variant = document(text)
    (error,) = variant.diagnostics
    assert shown_at(variant, error).text == text.rpartition("=")[2]


@pytest.mark.ci
def test_too_large_text_is_not_parsed() -> None:
    large = document("# a\n" * (MAX_FILE_BYTES // 4 + 1))
    assert [d.code for d in large.diagnostics] == ["too-large-file"]
    assert large.file.sections == ()


def test_correct_spec_has_no_diagnostics() -> None:
    assert document(spec("alexnet")).diagnostics == ()
