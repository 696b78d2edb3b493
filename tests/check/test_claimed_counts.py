"""Claimed counts in other notations, of which the number that they stand for is proposed, and rounded ones."""

from __future__ import annotations

import pytest
from checking import diagnostics_of, only_diagnostic, valid_net
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics import apply
from netspec.keys.counts import MAX_COUNT, SCALES, Count, Counts
from netspec.language.parser import parse
from netspec.source import Source

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
    ("claim", "title"),
    [
        ("params=156", "write parameters"),
        ("Parameters=156", "write parameters"),
        ("num_params=6x26", "write parameters=156"),
        ("n_params=0.16K", "write parameters"),
    ],
)
def test_parameters_of_other_tools_are_renamed(claim: str, title: str) -> None:
    found = only_diagnostic(f"{C1} {claim}")
    assert [(fix.title, fix.effect) for fix in found.fixes] == [(title, "the whole network checks")]


def test_parameters_are_weights_and_biases() -> None:
    assert valid_net(f"{C1} parameters=156")
    found = only_diagnostic(f"{C1} parameters=150")
    assert found.message == "c1 has 156 parameters, not 150"
    assert found.notes == ("5 * 5 * 1 weights a filter * 6 filters = 150", "150 weights + 6 biases = 156")
    assert found.fixes[-1].title == "claim parameters=156"
    shared = "[i] input 4\n[a] fc outputs=4\n[b] fc outputs=4 weights=a -> parameters=20"
    assert only_diagnostic(shared).notes == ("its weights are another layer's, and are counted there",)


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        ("biases=6", "a claim counts biases only with the weights"),
        ("flops=235201", "multiply-accumulates of two FLOPs each"),
        ("flops=0.15001K", "multiply-accumulates of two FLOPs each"),
        ("error=15", "netspec eval measures a trained network"),
        ("memory=624", "a claim counts numbers, not bytes"),
    ],
)
def test_other_counts_are_explained_without_a_fix(claim: str, note: str) -> None:
    found = only_diagnostic(f"{C1} {claim}")
    assert found.code == "unknown-key" and "did you mean" not in found.message
    assert note in found.notes[0] and not found.fixes


@pytest.mark.parametrize(
    ("claim", "right"),
    [
        ("flops=235200", "117600"),
        ("FLOPs=0.24M", "0.12M"),
        ("flops=235K", "117K"),
        ("flops=118K", "118K"),
        ("MFLOPs=0.235", "0.117M"),
        ("KMACs=117.6", "117.6K"),
    ],
)
def test_flops_become_as_many_connections_as_are_there(claim: str, right: str) -> None:
    """Papers count a multiply-accumulate as two FLOPs, or as one."""
    found = only_diagnostic(f"{C1} {claim}")
    assert [(fix.title, fix.checks) for fix in found.fixes] == [(f"write connections={right}", True)]


PRINTED = [
    ("parameters=156 thousandths", None),
    ("parameters=0.16 thousand", "write 0.16K"),
    ("parameters=0.16 k", "write 0.16K"),
    ("parameters=156 parameters", "write 156"),
    ("connections=0.12 x 10^6", "write connections=0.12M"),
    ("connections=1.2\u00d710\u2075", "write connections=0.12M"),
    ("connections=1.2e5", "write 0.12M"),
    ("connections=~0.12 million", "write connections=0.12M"),
    ("connections\u2248118k", "write connections=118K"),
    ("connections=117.600.000", "write connections=117600000"),
    ("0.16K params", "write parameters=0.16K"),
    ("117,600 multiply-adds", "write connections=117600"),
    ("4704 neurons", "write units=4704"),
    ("units 4704", "write units=4704"),
    ("156 params, 4704 units", "write parameters=156 units=4704"),
    ("params: 0.16k; units: 4,704", "write parameters=0.16K units=4704"),
]


@pytest.mark.parametrize(("claim", "title"), PRINTED)
def test_printed_count_is_written_as_a_claim(claim: str, title: str | None) -> None:
    found = diagnostics_of(f"{C1} {claim}")
    assert len(found) == 1 or title is None
    assert [fix.title for fix in found[0].fixes] == [title] * (title is not None)


@pytest.mark.parametrize("bound", ["parameters<160", "parameters=<160", "parameters<=160", "parameters\u2265 156"])
def test_bound_is_no_claim(bound: str) -> None:
    assert only_diagnostic(f"{C1} {bound}").notes == ("a value is one number, not a bound: kernel=3, parameters=61.0M",)


@pytest.mark.parametrize(
    ("line", "message", "right"),
    [
        ("kernel=3 -> stride=2", "stride= is a key, and keys are written before ->", "kernel=3 stride=2"),
        ("kernel=3 -> stride=2 units=18", "stride= is a key, and keys are written before ->", None),
        ("kernel=3 parameters=20", "conv has no key 'parameters'; a claim states it: -> parameters=20", None),
        ("kernel=3 weights=18", "weights: needs names of layers, not '18'; a claim states it: -> weights=18", None),
    ],
)
def test_key_in_a_claim_and_claim_among_the_keys_change_places(line: str, message: str, right: str | None) -> None:
    text = f"[i] input 1x7x7\n[c] conv filters=2 {line}"
    found = only_diagnostic(text)
    assert found.message == message and found.fixes[0].checks
    assert right is None or apply(found.fixes[0].edits, text).endswith(f"filters=2 {right}")


def test_claim_without_anything_is_empty() -> None:
    found = only_diagnostic("[i] input 1x8x8 ->  # 8\n")
    assert (found.message, found.span.text) == ("the claim is empty", "->")


@pytest.mark.parametrize(
    ("claim", "true", "false"),
    [
        ("connections", ("117600", "117.6K", "118K", "117K", "0.12M", "0.11M", "0.1M"), ("119K", "117.5K", "0.13M")),
        ("units", ("4704", "4.704K", "4.7K", "5K", "4K", "0.00G"), ("4.71K", "4.69K", "3K", "6K", "1G")),
    ],
)
def test_rounded_count_holds_if_the_true_one_is_rounded_or_cut_off_to_it(
    claim: str, true: tuple[str, ...], false: tuple[str, ...]
) -> None:
    """117,600 is 118K rounded, 117K cut off; 4,704 is 5K and 4K."""
    for count in true:
        assert valid_net(f"{C1} {claim}={count}")
    for count in false:
        found = only_diagnostic(f"{C1} {claim}={count}")
        assert found.code == "claim-refuted" and found.message.endswith(f"not {count}")


@pytest.mark.parametrize(
    ("claim", "right"),
    [
        ("connections=119K", "connections=118K"),
        ("connections=0.130M", "connections=118K"),
        ("connections=2G", "connections=118K"),
        ("units=4.69K", "units=4.70K"),
        ("weights=0.3K", "weights=150"),
    ],
)
def test_rounded_count_is_corrected_with_as_many_digits(claim: str, right: str) -> None:
    """Never with fewer than the letter shows: 117,600 of 2G would be 0.1M."""
    fix = only_diagnostic(f"{C1} {claim}").fixes[-1]
    assert (fix.title, fix.checks) == (f"claim {right}", True)


@pytest.mark.parametrize(
    ("claimed", "least", "most"),
    [(Count(34_800, 100, "K"), 34_750, 34_899), (Count(3_000_000, 10**6, "M"), 2_500_000, 3_999_999), (Count(7), 7, 7)],
)
def test_rounded_count_holds_from_half_a_step_below_to_a_step_above(claimed: Count, least: int, most: int) -> None:
    assert claimed.holds(least) and claimed.holds(most)
    assert not claimed.holds(least - 1) and not claimed.holds(most + 1)


def test_thousand_is_one_thousand() -> None:
    assert [str(Count(2000, 1000, "K").of(number)) for number in (999, 1000, 1001)] == ["999", "1K", "1K"]


@given(st.integers(0, 2**50), st.integers(1, 2**50), st.sampled_from(["", *SCALES]), st.integers(0, 9))
def test_correction_holds_and_is_read_as_it_is_written(true: int, number: int, letter: str, decimals: int) -> None:
    unit = max(1, SCALES.get(letter, 1) // 10**decimals)
    correction = Count(number * unit, unit, letter).of(true)
    assert correction.holds(true)
    if correction.number <= MAX_COUNT:
        (section,) = parse(Source("a.net", f"[a] fc -> units={correction}")).sections
        assert section.claim is not None
        assert Counts().read(section.claim.pairs[0].value) == correction


def test_count_with_a_fraction_or_too_many_digits_is_explained() -> None:
    assert only_diagnostic(f"{C1} weights=0.15001K").message == (
        "weights: needs a whole number, and '0.15001K' has a fraction of one"
    )
    message = only_diagnostic(f"{C1} weights=9999999999G").message
    assert message == "weights: is at most 4,611,686,018,427,387,904, not 9999999999G"


@pytest.mark.parametrize("line", ["[f] fc outputs=4K", "[f] fc outputs=9 init=gaussian(1K)", "[m] maxpool kernel=1K"])
def test_numbers_of_keys_are_written_in_full(line: str) -> None:
    found = only_diagnostic(f"[i] input 1x32x32\n{line}")
    assert (found.code, found.fixes) in [("bad-value", ()), ("syntax", ())]
