"""Comments that silence warnings (``# allow: CODE``): written by a fix, misspelt, and unused."""

from __future__ import annotations

from pathlib import Path

import pytest
from checking import diagnostics_of, valid_net
from processes import invoke

from netspec.check.allow import WARNINGS, silencing_edit
from netspec.diagnostics import Diagnostic, apply
from netspec.explain import codes
from netspec.net import load

INPUT = "[i] input 3x32x32\n"
WINDOW = "[c] conv filters=4 kernel=4 stride=3 rounding=down"


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        (WINDOW, f"{WINDOW}  # allow: unread-pixels"),
        (f"{WINDOW}   ", f"{WINDOW}  # allow: unread-pixels   "),
        (f"{WINDOW}  # as printed", f"{WINDOW}  # as printed; allow: unread-pixels"),
        (f"{WINDOW}  #", f"{WINDOW}  # allow: unread-pixels"),
        (f"{WINDOW}  # allow: unused-allow: why", f"{WINDOW}  # allow: unused-allow, unread-pixels: why"),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n[r] relu\r\n"])
def test_fix_adds_the_comment_to_the_line_of_the_warning(line: str, allowed: str, end: str) -> None:
    text = INPUT + line + end
    (warning,) = valid_net(text).warnings
    changed = apply([silencing_edit(warning)], text)
    assert changed == INPUT + allowed + end
    assert valid_net(changed).warnings == ()


def test_fix_of_a_continued_layer_changes_the_line_of_the_warning() -> None:
    text = INPUT + "[c] conv filters=4  # first\n    kernel=4 stride=3  # second\n    rounding=down\n"
    (warning,) = valid_net(text).warnings
    changed = apply([silencing_edit(warning)], text)
    assert "# second; allow: unread-pixels\n" in changed
    assert valid_net(changed).warnings == ()


def test_two_warnings_on_a_line_can_both_be_allowed() -> None:
    text = INPUT + "[c] fc outputs=4 neuron=relu bias=none bias_lr=1 gpu=0\n[p] softmax\n"
    for left in (2, 1, 0):
        warnings = valid_net(text).warnings
        assert len({w.code for w in warnings}) == left
        if warnings:
            text = apply([silencing_edit(warnings[0])], text)
    assert "# allow: relu-on-scores, no-effect" in text or "# allow: no-effect, relu-on-scores" in text


def allow_diagnostics(found: tuple[Diagnostic, ...]) -> list[tuple[str, str, int]]:
    """Return the code, text and line of the diagnostics about such comments."""
    return [(d.code, d.span.text, d.span.line) for d in found if d.code.endswith("-allow")]


def test_exactly_the_warnings_of_specs_can_be_allowed() -> None:
    pages = {code for code in codes.names() if f"\nwarning[{code}]" in codes.page(code)}
    of_other_files = {
        code for code in pages if {"caffe", "cfg", "darknet", "keras", "onnx", "torch"} & set(code.split("-"))
    }
    assert pages - of_other_files == set(WARNINGS)


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("unread-pixel", "unread-pixels"),
        ("unread_pixels", "unread-pixels"),
        ("Unread-Pixels", "unread-pixels"),
        ("relu-on-score", "relu-on-scores"),
    ],
)
def test_misspelt_code_is_corrected(word: str, near: str) -> None:
    text = f"{INPUT}{WINDOW}  # allow: {word}\n"
    (found,) = [d for d in valid_net(text).warnings if d.code == "unknown-allow"]
    assert found.message == f"there is no warning {word} to allow; did you mean {near}?"
    assert (found.span.text, found.span.line) == (word, 2)
    (fix,) = found.fixes
    assert (fix.title, fix.checks, fix.spelling) == (f"write {near}", True, True)
    assert apply(fix.edits, text) == text.replace(word, near)


def test_error_code_cannot_be_allowed() -> None:
    (found,) = valid_net(f"{INPUT}[r] relu  # allow: claim-refuted\n").warnings
    assert found.message == "there is no warning claim-refuted to allow"
    assert found.notes[0].startswith("the warnings: batchnorm-momentum, channels-last, ")


def test_misspelt_code_is_reported_in_a_file_with_errors() -> None:
    found = diagnostics_of(f"{INPUT}{WINDOW}  # allow: unread-pixel\n[f] fc outpust=3")
    assert [d.code for d in found] == ["unknown-allow", "unknown-key"]


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        (f"{INPUT}[r] relu  # allow: unread-pixels", [("unused-allow", "unread-pixels", 2)]),
        (f"{INPUT}# allow: unread-pixels\n{WINDOW}", [("unused-allow", "unread-pixels", 2)]),
        (f"{INPUT}{WINDOW}  # 10; allow: no-effect, unread-pixels", [("unused-allow", "no-effect", 2)]),
        (f"{INPUT}[c] conv filters=4  # allow: unread-pixels\n  kernel=4 stride=3 rounding=down",
         [("unused-allow", "unread-pixels", 2)]),
        (f"{INPUT}{WINDOW}  # allow: unread-pixels", []),
        (f"{INPUT}[r] relu  # allow: unread-pixels, unused-allow", []),
        (f"{INPUT}[r] relu  # allow: unread-pixel, unknown-allow", []),
        (f"{INPUT}[r] relu  # windows that overhang are allowed: see above", []),
        (f"{INPUT}[r] relu\r# allow\r[s] relu", []),
    ],
)  # fmt: skip
def test_allowed_warning_that_does_not_occur_is_reported(text: str, unused: list[tuple[str, str, int]]) -> None:
    assert allow_diagnostics(valid_net(text).warnings) == unused


def test_comments_are_not_checked_if_the_command_line_changes_the_network(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text(f"{INPUT}{WINDOW}  # allow: unread-pixels\n")
    assert load(path, changes=("c.stride=1",)).warnings == ()
    shown = invoke("check", "--input", "3x34x34", path)
    assert shown.output == f"{path}: correct\n"


def test_unused_comments_of_a_base_are_not_reported(tmp_path: Path) -> None:
    (tmp_path / "base.net").write_text(
        f"net b rounding=up\n{INPUT}[c] conv filters=4 kernel=4 stride=3  # allow: no-effect\n"
    )
    path = tmp_path / "v.net"
    path.write_text("net v from=base.net rounding=down  # allow: unread-pixels\n")
    assert load(path).warnings == ()
    path.write_text("net v from=base.net rounding=up  # allow: unread-pixels\n")
    assert allow_diagnostics(load(path).warnings) == [("unused-allow", "unread-pixels", 1)]


def test_check_fix_corrects_a_misspelt_code(tmp_path: Path) -> None:
    path = tmp_path / "a.net"
    path.write_text(f"{INPUT}{WINDOW}  # allow: unread-pixel\n")
    result = invoke("check", "--fix", "--strict", path)
    assert (result.exit_code, path.read_text()) == (0, f"{INPUT}{WINDOW}  # allow: unread-pixels\n")
