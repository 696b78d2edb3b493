"""Every diagnostic code of the checker: a small spec gives it at the exact location, with helpful notes or fixes,
and its JSON form says the same."""

from __future__ import annotations

import json

import pytest
from checking import alexnet, diagnostics_of, only_diagnostic, position_of
from mutations import MUTATIONS, mutated
from places import ROOT
from source_codes import codes_of_files
from wrong_specs import CASES, IMAGE, Case

from netspec.diagnostics import Diagnostic, SpecError, apply
from netspec.diagnostics.machine_readable import as_dict, to_json
from netspec.diagnostics.text import render
from netspec.net import loads

NETSPEC = ROOT / "netspec"


def title(case: Case) -> str:
    return f"{case.code}: {case.message}"


def _helps(found: Diagnostic) -> list[str]:
    return [*found.notes, *(fix.title for fix in found.fixes), *(label.text for label in found.labels), ""]


@pytest.mark.parametrize("case", CASES, ids=title)
def test_wrong_spec_gives_its_code_location_and_help(case: Case) -> None:
    found = only_diagnostic(case.text)
    assert (found.code, position_of(found), found.severity) == (case.code, case.place, "error")
    assert case.message in found.message
    assert any(case.help in text for text in _helps(found))


@pytest.mark.many
@pytest.mark.parametrize("case", CASES, ids=title)
def test_diagnostic_has_at_most_12_lines_with_carets_at_its_span(case: Case) -> None:
    lines = render(only_diagnostic(case.text)).splitlines()
    assert len(lines) <= 12
    line, column, text = case.place
    assert lines[0].startswith(f"error[{case.code}]: ")
    assert lines[1].strip() == f"--> a.net:{line}:{column}"
    excerpt, carets = lines[3], lines[4]
    offset = excerpt.index(" | ") + 3 + column - 1
    assert excerpt[offset : offset + len(text)] == text
    assert carets[offset : offset + len(text)] == "^" * len(text)


def test_every_error_code_has_a_case() -> None:
    """The warnings of traps are tested in ``test_traps``."""
    of_warnings = {
        "no-class-loss",
        "no-effect",
        "schedule-too-long",
        "unknown-allow",
        "unread-layer",
        "unused-allow",
        "warmup-too-long",
    }
    files = [
        *(path for path in (NETSPEC / "check").rglob("*.py") if path.parent.name != "traps"),
        *(NETSPEC / "ir").rglob("*.py"),
        *(NETSPEC / "layers").glob("*.py"),
        NETSPEC / "lowering.py",
        *(NETSPEC / "language" / "parser").glob("*.py"),
    ]
    assert codes_of_files(files) - {case.code for case in CASES} == of_warnings


# The JSON form has the same content.


def all_wrong_specs() -> list[str]:
    texts = [case.text for case in CASES] + [mutated(change) for change in MUTATIONS]
    texts += [mutated(MUTATIONS[i], MUTATIONS[-i - 1]) for i in range(len(MUTATIONS) // 2 - 2)]
    return [*texts, alexnet(("  rounding=up", "")), alexnet(("rounding=up", "rounding=down"))]


@pytest.mark.ci
def test_fixes_marked_as_checked_give_correct_files() -> None:
    tried = 0
    for text in all_wrong_specs():
        for found in diagnostics_of(text):
            for fix in found.fixes:
                changed = apply(fix.edits, text)
                if fix.checks:
                    loads(changed)
                    tried += 1
                else:
                    assert "remain" in fix.effect
                    with pytest.raises(SpecError) as caught:
                        loads(changed)
                    remaining = [(d.code, d.message) for d in caught.value.diagnostics]
                    assert remaining.count((found.code, found.message)) < len(diagnostics_of(text))
                    assert len(remaining) < len(diagnostics_of(text)) + fix.spelling  # a correction may reveal one
    assert tried > 45


def edited(text: str, edits: list[dict[str, object]]) -> str:
    """Apply the edits of the JSON form, which count lines and columns from 1.

    They are applied from the last to the first. Several insertions at one place end up in their order.
    """
    lines = text.split("\n")

    def offset(line: object, column: object) -> int:
        assert isinstance(line, int) and isinstance(column, int)
        return sum(len(other) + 1 for other in lines[: line - 1]) + column - 1

    for edit in sorted(edits, key=lambda e: offset(e["line"], e["column"]))[::-1]:
        start, end = offset(edit["line"], edit["column"]), offset(edit["end_line"], edit["end_column"])
        text = text[:start] + str(edit["text"]) + text[end:]
    return text


@pytest.mark.ci
def test_json_is_complete_and_its_edits_are_the_fixes() -> None:
    for text in all_wrong_specs():
        found = diagnostics_of(text)
        data = json.loads(to_json(found))
        assert len(data) == len(found)
        for diagnostic, entry in zip(found, data, strict=True):
            assert set(entry) == {
                "code",
                "severity",
                "message",
                "file",
                "line",
                "column",
                "end_line",
                "end_column",
                "notes",
                "fixes",
                "labels",
            }
            assert (entry["code"], entry["severity"], entry["message"]) == (
                diagnostic.code,
                "error",
                diagnostic.message,
            )
            assert (entry["file"], entry["line"], entry["column"]) == ("a.net", *position_of(diagnostic)[:2])
            assert (
                entry["end_column"] - entry["column"] == len(diagnostic.span.text) or entry["end_line"] > entry["line"]
            )
            for fix, fix_entry in zip(diagnostic.fixes, entry["fixes"], strict=True):
                assert set(fix_entry) == {"title", "edits", "checks"}
                assert fix_entry["checks"] is fix.checks
                assert all(
                    set(edit) == {"file", "line", "column", "end_line", "end_column", "text"}
                    for edit in fix_entry["edits"]
                )
                assert edited(text, fix_entry["edits"]) == apply(fix.edits, text)


def test_json_includes_rejected_fixes() -> None:
    entry = as_dict(only_diagnostic(alexnet(("  rounding=up", ""))))
    assert entry["notes"][-1].startswith("not a fix: net rounding=down: gives 54: pool5 would be 256x5x5")


@pytest.mark.parametrize(
    ("text", "message", "note"),
    [
        ("train lr=0.1\n" + IMAGE, "lr is an argument of optimizer, not a key of train", "optimizer=sgd(lr=0.1); "),
        (
            "[image] input 3x8x8 shape=3x9x9",
            "the shape of input is written without a key",
            "it is written after the type: input 3x9",
        ),
    ],
)
def test_key_that_is_written_elsewhere_in_the_line_is_explained(text: str, message: str, note: str) -> None:
    found = only_diagnostic(text)
    assert (found.code, found.message) == ("unknown-key", message)
    assert found.notes[0].startswith(note)
