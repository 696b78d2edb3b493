"""Claimed counts in other notations, and claims of parameters: the number that they stand for is proposed."""

from __future__ import annotations

import pytest
from checking import only_diagnostic, valid_net

C1 = "[i] input 1x32x32\n[c1] conv filters=6 kernel=5 -> 6x28x28"
"""C1 of LeNet-5: 5 * 5 * 6 = 150 weights and 6 biases; 4,704 units; 117,600 connections."""


@pytest.mark.parametrize(
    ("claim", "number"),
    [
        ("weights=5x5x6", 150),
        ("weights=144+6", 150),
        ("weights=1.5e2", 150),
        ("connections=117,600", 117_600),
        ("connections=117 600", 117_600),
        ("connections=117600.0", 117_600),
    ],
)
def test_count_in_another_notation_is_rewritten_as_one_number(claim: str, number: int) -> None:
    found = only_diagnostic(f"{C1} {claim}")
    assert found.code == "bad-value"
    assert [(fix.title, fix.checks, fix.spelling) for fix in found.fixes] == [(f"write {number}", True, True)]


def test_count_with_spaces_between_its_thousands_is_joined() -> None:
    line = "[i] input 64x64x64\n[c] conv filters=4096 kernel=3 -> {} 4096x62x62 units={}"
    found = only_diagnostic(line.format("weights=2 359 296", "15745024"))
    assert (found.code, found.span.text) == ("bad-value", "2 359 296")
    assert [(fix.title, fix.checks, fix.spelling) for fix in found.fixes] == [("write 2359296", True, True)]
    assert valid_net(line.format("weights=2359296", "15745024"))
    found = only_diagnostic("[i] input 64x64x64\n[c] conv filters=4096 kernel=3 -> weights=2 359 296")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("write 2359296", True)]


def test_number_after_a_count_may_be_the_shape() -> None:
    assert valid_net("[i] input 8\n[f] fc outputs=120 -> weights=960 120")["f"].output == (120,)


@pytest.mark.parametrize("claim", ["macs=117,600", "conections=4704x25", "mult_adds=117600+0"])
def test_count_with_another_name_and_notation_is_rewritten_at_once(claim: str) -> None:
    found = only_diagnostic(f"{C1} {claim}")
    assert found.message.endswith("; did you mean connections=117600?")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("write connections=117600", True)]


def test_product_is_computed_in_a_note_even_if_it_is_not_the_count() -> None:
    found = only_diagnostic(f"{C1} weights=5x5x7")
    assert found.notes == ("5 * 5 * 7 = 175",)
    assert [(fix.title, fix.checks) for fix in found.fixes] == [("write 175", False)]


@pytest.mark.parametrize(("given", "claimed", "meant"), [(2, 288, 1), (1, 144, 2)])
def test_count_of_other_groups_gets_these(given: int, claimed: int, meant: int) -> None:
    """3 * 3 * 4 * 8 weights, or half of them in two groups."""
    found = only_diagnostic(f"[i] input 4x8x8\n[a] conv filters=8 kernel=3 groups={given} -> weights={claimed}")
    assert [(fix.title, fix.effect) for fix in found.fixes] == [
        (f"a groups={meant}", "another function; the whole network checks"),
        (f"claim weights={432 - claimed}", "the whole network checks"),
    ]


@pytest.mark.parametrize("claim", ["weights=many", "weights=1,50", "weights=-150", "weights=1.5", "weights=c1,c1"])
def test_value_that_is_no_count_gets_no_number(claim: str) -> None:
    assert only_diagnostic(f"{C1} {claim}").fixes == ()


@pytest.mark.parametrize(
    ("claim", "effect"),
    [
        ("params=150", "the whole network checks"),
        ("params=156", "150 weights + 6 biases = 156; the whole network checks"),
        ("Parameters=156", "150 weights + 6 biases = 156; the whole network checks"),
        ("num_params=5x5x6", "the whole network checks"),
    ],
)
def test_claimed_parameters_are_rewritten_as_weights(claim: str, effect: str) -> None:
    found = only_diagnostic(f"{C1} {claim}")
    assert found.notes == ("parameters are weights and biases; a claim counts the weights: weights=150",)
    assert [(fix.title, fix.effect) for fix in found.fixes] == [("write weights=150", effect)]


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        ("params=157", "parameters are weights and biases"),
        ("params=156 weights=150", "parameters are weights and biases"),
        ("biases=6", "a claim does not count the biases"),
        ("flops=235200", "multiply-accumulates of two FLOPs each"),
    ],
)
def test_other_counts_are_explained_without_a_fix(claim: str, note: str) -> None:
    found = only_diagnostic(f"{C1} {claim}")
    assert found.code == "unknown-key" and "did you mean" not in found.message
    assert note in found.notes[0] and not found.fixes
