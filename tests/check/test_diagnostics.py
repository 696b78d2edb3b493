"""Every diagnostic code of the checker: a small spec gives it at the exact location, with helpful notes or fixes; and
specs with several mistakes."""

from __future__ import annotations

import ast
import itertools
import json
import re

import pytest
from checking import alexnet, codes, diagnostics_of, only_diagnostic, position_of
from places import ROOT
from wrong_networks import NETWORKS
from wrong_specs import IMAGE, Case
from wrong_words import WORDS

from netspec.diagnostics import Diagnostic, SpecError, apply
from netspec.diagnostics.machine import as_dict, to_json
from netspec.diagnostics.text import render
from netspec.net import loads

NETSPEC = ROOT / "netspec"
CASES = (*WORDS, *NETWORKS)


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


def codes_in_the_source() -> set[str]:
    """Return the codes that the checker's source passes as first arguments to the functions that add diagnostics."""
    found = set()
    files = [
        *(NETSPEC / "check").rglob("*.py"),
        *(NETSPEC / "ir").rglob("*.py"),
        *(NETSPEC / "layers").glob("*.py"),
        NETSPEC / "lowering.py",
        *(NETSPEC / "language" / "parser").glob("*.py"),
    ]
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            # with a message after the code: sets have a method ``add`` too
            if isinstance(node, ast.Call) and len(node.args) > 1 and isinstance(node.args[0], ast.Constant):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in ("add", "warn", "unknown", "Fault", "Diagnostic"):
                    found.add(node.args[0].value)
    return found


def test_every_error_code_has_a_case() -> None:
    of_warnings = {"channels-last", "no-effect", "unknown-allow", "unread-layer", "unused-allow", "warmup-too-long"}
    assert codes_in_the_source() - {case.code for case in CASES} == of_warnings


def test_codes_are_words_with_hyphens() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in codes_in_the_source())


# k independent mistakes give exactly k messages.

LINES = {
    "net     tiny  rounding=down": [
        ("rounding=down", "rounding=floor", "bad-value"),
        ("rounding", "ruonding", "unknown-key"),
    ],
    "gpus    2": [
        ("2", "two", "bad-value"),
    ],
    "default conv  neuron=relu": [
        ("neuron", "nueron", "unknown-key"),
        ("conv", "cnov", "unknown-type"),
    ],
    "[image] input    3x32x32  range=1": [
        ("3x32x32", "3x32", "bad-value"),
        ("range=1", "rnage=1", "unknown-key"),
    ],
    "[conv1] conv     filters=8  kernel=5  -> 8x28x28": [
        ("kernel=5", "kernal=5", "unknown-key"),
        ("kernel=5", "kernel=five", "bad-value"),
        ("conv ", "cnov ", "unknown-type"),
        ("kernel=5", "kernel=5 kernel=3", "duplicate-key"),
        ("kernel=5", "kernel=99", "kernel-too-large"),
        ("filters=8", "filters=8,", "syntax"),
        ("kernel=5", "", "missing-key"),
        ("28x28", "27x27", "claim-refuted"),
    ],
    "[norm1] lrn      size=5  alpha=1e-4": [
        ("alpha", "aplha", "unknown-key"),
        ("alpha=1e-4", "", "lrn-convention"),
    ],
    "[pool1] maxpool  kernel=2  stride=2  -> 8x14x14": [
        ("maxpool", "maxpol", "unknown-type"),
        ("stride=2", "stride=two", "bad-value"),
        ("stride=2", "stride=2 $", "syntax"),
    ],
    "[fc2]   fc       outputs=16  reads=all": [
        ("outputs=16", "outputs=15", "groups-do-not-divide"),
        ("reads=all", "reads=al", "bad-value"),
    ],
    "[drop2] dropout  rate=0.5  inputs=fc2": [
        ("0.5", "5", "bad-value"),
        ("rate", "rtae", "unknown-key"),
        ("=fc2", "=fcc2", "unknown-layer"),
    ],
    "[fc3]   fc       outputs=10  inputs=fc2  gpu=1": [
        ("gpu=1", "gpu=7", "no-such-group"),
        ("inputs=fc2", "inputs=fc22", "unknown-layer"),
    ],
    "[prob]  softmax": [
        ("softmax", "sotfmax", "unknown-type"),
        ("softmax", "softmax 3", "stray-value"),
    ],
    "train   epochs=9  batch=4": [
        ("epochs=9", "epochs=0", "bad-value"),
        ("batch", "bacth", "unknown-key"),
    ],
    "test    views=10": [
        ("test ", "tset ", "unknown-setting"),
        ("10", "9", "bad-value"),
    ],
}
MUTATIONS = [(number, *change) for number, changes in enumerate(LINES.values()) for change in changes]


def mutated(*changes: tuple[int, str, str, str]) -> str:
    lines = list(LINES)
    for number, old, new, _ in changes:
        assert old in lines[number]
        lines[number] = lines[number].replace(old, new, 1)
    return "\n".join(lines)


def test_unchanged_spec_is_correct() -> None:
    assert loads(mutated()).warnings[0].layer == "drop2"


@pytest.mark.parametrize("change", MUTATIONS, ids=lambda c: f"{c[3]}: {c[2]}")
def test_one_error_gives_one_message(change: tuple[int, str, str, str]) -> None:
    assert codes(mutated(change)) == [change[3]]
    assert only_diagnostic(mutated(change)).span.line == change[0] + 1


# With a wrong number of groups placements are not checked, and with a wrong rounding or input windows are not.
SILENT = {(1, "groups-do-not-divide"), (1, "no-such-group")}
SILENT |= {(line, code) for line in (0, 3) for code in ("kernel-too-large", "claim-refuted")}
PAIRS = [(a, b) for a, b in itertools.combinations(MUTATIONS, 2) if a[0] != b[0] and (a[0], b[3]) not in SILENT]


@pytest.mark.many
@pytest.mark.parametrize("first", range(15))
def test_two_errors_give_two_messages(first: int) -> None:
    assert len(PAIRS) > 300
    for a, b in PAIRS[first::15]:
        found = [(d.code, d.span.line) for d in diagnostics_of(mutated(a, b))]
        assert found == [(a[3], a[0] + 1), (b[3], b[0] + 1)], (a, b)


def test_errors_in_all_lines_give_a_message_each() -> None:
    for first in (0, 1, -1):
        by_line = [changes[first if first < len(changes) else 0] for changes in LINES.values()]
        changes = [(number, *change) for number, change in enumerate(by_line)][2:]
        assert [(d.code, d.span.line) for d in diagnostics_of(mutated(*changes))] == [(c[3], c[0] + 1) for c in changes]


def test_two_errors_in_a_line_give_two_messages() -> None:
    assert codes(IMAGE + "[c] conv filters=x kernel=y nueron=relu") == ["bad-value", "bad-value", "unknown-key"]
    assert codes(IMAGE + "[c] conv nueron=relu") == ["missing-key", "missing-key", "unknown-key"]


def test_wrong_default_is_reported_once() -> None:
    text = "default conv kernel=x\ndefault conv kernal=3\n" + IMAGE + "[c] conv filters=2\n[d] conv filters=2"
    assert codes(text) == ["bad-value", "unknown-key"]


@pytest.mark.parametrize(
    "first",
    [
        "net rounding=upp",
        "net ruonding=up",
        "net rounding=up $",
        "nett rounding=up",
        "net a rounding=up,",
    ],
)
def test_wrong_net_line_causes_no_errors_in_windows(first: str) -> None:
    text = "\n[i] input 3x224x224\n[c] conv filters=2 kernel=11 stride=4\n[p] maxpool kernel=2"
    assert len(diagnostics_of(first + text)) == 1


@pytest.mark.parametrize(
    "first",
    [
        "default conv kernel=3 $",
        "default cnov kernel=3",
        "default conv kernal=3",
        "defualt conv kernel=3",
        "default conv kernel=x",
        "default conv kernel=3,",
        "default conv kernel 3=kernel=",
    ],
)
def test_wrong_default_line_causes_no_errors_in_layers(first: str) -> None:
    found = diagnostics_of(first + "\n" + IMAGE + "[c] conv filters=2\n[d] conv filters=2 -> 2x28x28")
    assert {d.span.line for d in found} == {1}


@pytest.mark.parametrize(
    "first",
    [
        "gpus two",
        "gpus 0",
        "gpus 2 $",
        "gpu 2",
        "gpus",
        "gpus n=2",
        "gpus=2",
    ],
)
def test_wrong_gpus_line_causes_no_errors_in_placements(first: str) -> None:
    text = (
        IMAGE
        + "[c] conv filters=4 kernel=3 gpu=1\n[d] fc outputs=4 gpu=all -> weights=14400\n[e] fc outputs=4 -> weights=8"
    )
    assert {d.span.line for d in diagnostics_of(first + "\n" + text)} == {1}


def test_wrong_value_without_influence_on_shapes_hides_no_error() -> None:
    text = IMAGE + "[c] conv filters=2 kernel=3 init=gausian(1) neuron=rleu lr=x\n[d] maxpool kernel=31"
    assert codes(text) == ["bad-value", "bad-value", "bad-value", "kernel-too-large"]
    assert codes("default conv neuron=rleu\n" + IMAGE + "[c] conv filters=2 kernel=3\n[d] maxpool kernel=31") == [
        "bad-value",
        "kernel-too-large",
    ]


def test_reader_of_a_wrong_layer_is_not_reported() -> None:
    text = IMAGE + "[c] cnov filters=2\n[d] maxpool kernel=7 stride=3\n[e] sum inputs=c,d\n[f] fc outputs=2 weights=c"
    assert codes(text) == ["unknown-type"]


def test_claimed_shape_of_a_wrong_layer_is_used_for_its_readers() -> None:
    text = IMAGE + "[c] cnov filters=2 -> 2x9x9\n[d] maxpool kernel=10"
    assert codes(text) == ["unknown-type", "kernel-too-large"]


def test_consequences_of_a_refuted_claim_are_not_reported() -> None:
    text = (
        "net rounding=down\n"
        + IMAGE
        + "[c] conv filters=2 kernel=5 -> 2x30x30\n[p] maxpool kernel=2 -> 2x15x15\n[f] flatten -> 450"
    )
    assert codes(text) == ["claim-refuted"]
    # a claim that agrees with the real shapes is accepted: 2 * 14 * 14
    assert codes(text.replace("-> 450", "-> 392").replace(" -> 2x15x15", "")) == ["claim-refuted"]
    assert codes(text.replace("-> 450", "-> 451")) == ["claim-refuted", "claim-refuted"]


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
