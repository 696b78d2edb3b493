"""Errors that a variant causes in inherited layers are shown, and fixed, in the variant."""

from __future__ import annotations

from pathlib import Path

import pytest

from netspec.diagnostics import Diagnostic, SpecError, apply
from netspec.diagnostics.text import render
from netspec.net import load

BASE = """net base rounding=up
default conv neuron=relu
[image] input 3x16x16 range=1
[conv1] conv filters=8 kernel=4 stride=3
[norm1] lrn size=3 scale=1e-4
[conv2] conv filters=8 kernel=3 pad=1
[fc] fc outputs=10
[prob] softmax
augment crop=16 from=20
"""
ROUNDED = "net v from=base.net rounding=exact\n"
SHOWN = """\
error[window-does-not-tile]: conv1's window does not tile its input
 --> v.net:1:21
  |
1 | net v from=base.net rounding=exact
  |                     ^^^^^^^^^^^^^^ because of this
 ::: base.net:4:24: conv1 is inherited
  = width: (17 + 0 + 0 - 4) / 3 + 1 = 5.333, not a whole number
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "base.net").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def variant_diagnostics(folder: Path, text: str, changes: tuple[str, ...] = ()) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a variant with this text."""
    (folder / "v.net").write_text(text)
    try:
        return load("v.net", changes=changes).warnings
    except SpecError as error:
        return error.diagnostics


def label_texts(diagnostic: Diagnostic) -> list[tuple[str, str, str]]:
    """Return the file, the marked text and the words of each of a diagnostic's labels."""
    return [(label.span.source.name, label.span.text, label.text) for label in diagnostic.labels]


def test_changed_rounding_is_marked_as_the_cause(folder: Path) -> None:
    (folder / "base.net").write_text(BASE.replace("3x16x16", "3x17x17").replace("crop=16", "crop=17"))
    (mistake,) = variant_diagnostics(folder, ROUNDED)
    assert render(mistake).startswith(SHOWN)
    assert len(render(mistake).splitlines()) <= 12


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("net v from=base.net\ndefault conv rounding=down\n[conv1] stride=5\n", "unread-pixels", "rounding=down"),
        ("net v from=base.net rounding=down\n[conv1] stride=5\n", "unread-pixels", "rounding=down"),
        ("net v from=base.net\ngpus 3\n", "groups-do-not-divide", "gpus 3"),
        ("net v from=base.net\n[conv1] filters=9\n[norm1] relu\n[conv2] groups=2 filters=8\n",
         "groups-do-not-divide", "groups=2"),
        ("net v from=base.net\n[conv1] stride=12\n[conv2] pad=0\n", "kernel-too-large", "pad=0"),
        ("net v from=base.net\n[conv2] pad=0\n[conv1] stride=12\n", "kernel-too-large", "pad=0"),
        ("net v from=base.net\n[conv1] kernel=15\n[norm1] maxpool kernel=2 stride=1 rounding=exact\n"
         "[conv2] maxpool kernel=2\n", "kernel-too-large", "kernel=2"),
        ("net v from=base.net\ndefault fc neuron=relu\n", "relu-on-scores", "neuron=relu"),
        ("net v from=base.net\n[d] dropout rate=0.5 after=fc\n", "dropout-on-scores", "dropout"),
        ("net v from=base.net\ndefault conv init=gaussian(1e-6)\n", "signal-vanishes", "init=gaussian(1e-6)"),
        ("net v from=base.net\n[image] input 3x8x8 range=1\n", "crop-differs", "3x8x8"),
    ],
)  # fmt: skip
def test_change_in_the_variant_is_marked(folder: Path, text: str, code: str, words: str) -> None:
    first = variant_diagnostics(folder, text)[0]
    assert first.code == code
    assert (first.span.source.name, first.span.text) == ("v.net", words)


def test_all_changes_that_cause_an_error_are_labelled(folder: Path) -> None:
    (warning,) = variant_diagnostics(folder, "net v from=base.net rounding=down\n[fc] outputs=12\n[conv1] stride=5\n")
    assert label_texts(warning) == [
        ("v.net", "rounding=down", "because of this"),
        ("v.net", "stride=5", "and of this"),
        ("base.net", "kernel=4", "conv1 is inherited"),
    ]


def test_missing_layer_is_reported_where_it_is_dropped(folder: Path) -> None:
    (folder / "base.net").write_text(BASE.replace("[fc] fc", "[fc] fc inputs=conv2"))
    (mistake,) = variant_diagnostics(folder, "net v from=base.net\ndrop conv2\n")
    assert (mistake.code, mistake.message) == ("unknown-layer", "layer 'conv2' is dropped")
    assert label_texts(mistake) == [("v.net", "conv2", "dropped here"), ("base.net", "conv2", "fc is inherited")]


def test_error_of_the_base_is_shown_in_the_base(folder: Path) -> None:
    (folder / "base.net").write_text(BASE.replace("rounding=up", "rounding=exact").replace("3x16x16", "3x17x17"))
    window, crop = variant_diagnostics(folder, "net v from=base.net\n[fc] outputs=12\n")
    assert [d.code for d in (window, crop)] == ["window-does-not-tile", "crop-differs"]
    assert {edit.span.source.name for fix in window.fixes for edit in fix.edits} == {"base.net"}
    assert [d.span.source.name for d in (window, crop)] == ["base.net"] * 2


def test_in_a_chain_the_causing_variant_is_marked(folder: Path) -> None:
    (folder / "middle.net").write_text("net middle from=base.net\ngpus 3\n")
    (mistake, *_) = variant_diagnostics(folder, "net v from=middle.net\n[fc] outputs=12\n")
    assert (mistake.code, mistake.span.source.name, mistake.span.text) == (
        "groups-do-not-divide",
        "middle.net",
        "gpus 3",
    )


def test_error_with_several_causes_is_shown_in_the_variant(folder: Path) -> None:
    text = "net v from=base.net\n[norm1] maxpool kernel=9\n[fc] outputs=10\n"
    assert variant_diagnostics(folder, text)[0].span.source.name == "v.net"
    both = "net v from=base.net\n[conv1] stride=16\n[image] input 3x4x4\naugment crop=4\n[conv2] pad=0\n"
    assert {d.span.source.name for d in variant_diagnostics(folder, both)} == {"v.net"}
    (folder / "base.net").write_text(BASE.replace(" pad=1", ""))
    each = "net v from=base.net\n[conv1] stride=12\n[norm1] maxpool kernel=2 stride=4\n"
    (mistake,) = variant_diagnostics(folder, each)  # without one of the two changes it is still there
    assert (mistake.code, mistake.layer, mistake.span.text) == ("kernel-too-large", "conv2", "from=base.net")


def test_change_on_the_command_line_is_marked(folder: Path) -> None:
    (mistake, *_) = variant_diagnostics(
        folder, "net v from=base.net\n", ("fc.outputs=12", "conv1.stride=5", "net.rounding=down")
    )
    assert (mistake.code, mistake.span.source.name, mistake.span.text) == ("unread-pixels", "--set", "conv1.stride=5")


def test_warning_is_allowed_on_the_line_that_causes_it(folder: Path) -> None:
    text = "net v from=base.net\ndefault conv init=gaussian(1e-6)\n"
    assert [d.code for d in variant_diagnostics(folder, text)] == ["signal-vanishes"]
    assert variant_diagnostics(folder, text.replace("(1e-6)", "(1e-6)  # allow: signal-vanishes")) == ()


@pytest.mark.parametrize(
    ("title", "added"),
    [
        ("input 3x19x19, crop=19", "[image] input 3x19x19  range=1\naugment crop=19\n"),
        ("net rounding=up", ""),
        ("conv1 pad=1", "[conv1] pad=1\n"),
    ],
)
def test_fixes_change_the_variant_and_not_the_base(folder: Path, title: str, added: str) -> None:
    (folder / "base.net").write_text(BASE.replace("3x16x16", "3x17x17").replace("crop=16", "crop=17"))
    (mistake,) = variant_diagnostics(folder, ROUNDED)
    fixes = {fix.title: fix for fix in mistake.fixes}
    assert title in fixes and fixes[title].checks
    assert {edit.span.source.name for edit in fixes[title].edits} == {"v.net"}
    text = apply(fixes[title].edits, ROUNDED)
    assert text == ROUNDED.replace("exact", "up" if not added else "exact") + added
    assert variant_diagnostics(folder, text) == ()


def test_fix_adds_a_key_to_the_variants_own_line(folder: Path) -> None:
    text = "net v from=base.net\n[conv1] rounding=exact  # as printed\n[image] input 3x17x17\naugment from=30 crop=17\n"
    (mistake,) = variant_diagnostics(folder, text)
    fixes = {fix.title: fix for fix in mistake.fixes}
    assert apply(fixes["conv1 pad=1"].edits, text) == text.replace("rounding=exact", "rounding=exact pad=1")
    assert apply(fixes["input 3x19x19, crop=19"].edits, text) == text.replace("17", "19")
