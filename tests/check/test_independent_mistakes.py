"""Independent mistakes: k of them give exactly k messages, and none causes another."""

from __future__ import annotations

import itertools

import pytest
from checking import codes, diagnostics_of, only_diagnostic
from mutations import LINES, MUTATIONS, mutated
from wrong_specs import IMAGE

from netspec.net import loads


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
    ["net rounding=upp", "net ruonding=up", "net rounding=up $", "nett rounding=up", "net a rounding=up,"],
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


@pytest.mark.parametrize("first", ["gpus two", "gpus 0", "gpus 2 $", "gpu 2", "gpus", "gpus n=2", "gpus=2"])
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
