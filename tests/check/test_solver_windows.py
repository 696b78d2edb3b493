"""Fixes of windows that do not tile: which are found, how they are described, and that each works."""

from __future__ import annotations

import re

import pytest
from checking import diagnostics_of, only_diagnostic, spec, valid_net
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from proposed import fixed, titles

from netspec.diagnostics import SpecError, apply
from netspec.diagnostics.text import render
from netspec.net import loads

PUZZLE = """\
error[window-does-not-tile]: conv1's window does not tile its input
  --> a.net:10:32
   |
10 | [conv1]  conv     filters=96   kernel=11  stride=4                       -> 96x55x55
   |                                ^^^^^^^^^  ^^^^^^^^
   = width: (224 + 0 + 0 - 11) / 4 + 1 = 54.25, not a whole number
   = this is AlexNet's 224/227 puzzle: the paper says 224, the arithmetic wants 227
   fix: input 3x227x227, crop=227  gives 55 exactly; the whole network checks
   fix: net rounding=up            gives 55 as cuda-convnet computed it; the whole network checks
   fix: conv1 pad=1,2,1,2          gives 55 exactly, another function; the whole network checks
   fix: conv1 pad=2 rounding=down  gives 55 as torchvision computes it, another function; the whole network checks
   not a fix: net rounding=down    gives 54: pool5 would be 256x5x5 and fc6 would read 6,400 instead of 9,216, losing \
11,534,336 weights"""
"""The example on the language page, verbatim. 11,534,336 = (9,216 - 6,400) * 4,096."""


def puzzle() -> str:
    return spec("alexnet").replace("  rounding=up", "", 1)


def test_printed_diagnostic_matches_the_language_page() -> None:
    assert render(only_diagnostic(puzzle())) == PUZZLE


@pytest.mark.parametrize(
    ("layers", "consequence"),
    [
        ("[f] fc outputs=10", "c would be 8x54x54 and f would read 23,328 instead of 24,200, losing 8,720 weights"),
        ("[p] maxpool kernel=3 stride=2\n[f] fc outputs=10",
         "p would be 8x26x26 and f would read 5,408 instead of 5,832, losing 4,240 weights"),
        # A fully connected layer that reads what does not change is none of the consequences.
        ("[e] fc outputs=10 inputs=i\n[f] fc outputs=10 inputs=c\n[j] concat inputs=e,f",
         "c would be 8x54x54 and f would read 23,328 instead of 24,200, losing 8,720 weights"),
        ("[p] maxpool kernel=3 stride=2", "p would be 8x26x26"),
    ],
)  # fmt: skip
def test_consequence_of_rounding_down_is_that_of_the_next_fully_connected_layer(layers: str, consequence: str) -> None:
    text = f"[i] input 3x224x224\n[c] conv filters=8 kernel=11 stride=4 -> 8x55x55\n{layers}\n"
    assert render(only_diagnostic(text)).splitlines()[-1].partition("gives 54: ")[2] == consequence


@pytest.mark.parametrize(
    ("title", "line"),
    [
        ("input 3x227x227, crop=227", "[image]  input    3x227x227  range=255  mean=image"),
        ("net rounding=up", "net     alexnet rounding=up"),
        ("conv1 pad=1,2,1,2", "[conv1]  conv     filters=96   kernel=11  stride=4 pad=1,2,1,2 "),
        ("conv1 pad=2 rounding=down", "[conv1]  conv     filters=96   kernel=11  stride=4 pad=2 rounding=down "),
    ],
)
def test_every_fix_gives_55_and_keeps_fc6(title: str, line: str) -> None:
    text = fixed(only_diagnostic(puzzle()), title, puzzle())
    assert line in text
    net = valid_net(text)
    assert net["conv1"].output == (96, 55, 55)
    assert (net["fc6"].weights, net.total.weights) == (37_748_736, 60_954_656)


def test_fix_changes_the_crop_with_the_input() -> None:
    text = fixed(only_diagnostic(puzzle()), "input 3x227x227, crop=227", puzzle())
    assert "augment  crop=227 from=256" in text
    no_augment = re.sub(r"augment.*", "", puzzle())
    assert titles(only_diagnostic(no_augment))[0] == "input 3x227x227"


@pytest.mark.parametrize("claim", ["", "  -> 32x112x112"])
def test_rounding_down_comes_first_if_it_only_skips_padding(claim: str) -> None:
    """MobileNet's first two layers: 112.5, while 112 windows already read every pixel."""
    text = f"""\
[image]  input  3x224x224
[conv1]  conv   filters=32  kernel=3  stride=2  pad=1{claim}
[dw2]    conv   filters=32  kernel=3  stride=2  pad=1  groups=32
[fc]     fc     outputs=1000
"""
    found = diagnostics_of(text)[0]
    assert (found.fixes[0].title, found.fixes[0].checks) == ("net rounding=down", True)
    assert valid_net(fixed(found, "net rounding=down", text))["dw2"].output == (32, 56, 56)


def test_rounding_down_does_not_come_first_if_it_skips_pixels() -> None:
    text = "[image]  input  3x224x224\n[conv1]  conv  filters=32  kernel=3  stride=2\n"
    assert titles(only_diagnostic(text))[0] == "input 3x225x225"


def test_rejected_fix_is_listed_with_its_effect() -> None:
    (rejected,) = only_diagnostic(puzzle()).rejected
    assert rejected.title == "net rounding=down"
    wrong = [d.layer for d in diagnostics_of(puzzle().replace("net     alexnet", "net     alexnet rounding=down"))]
    assert wrong == ["conv1"]


def test_rounding_down_is_not_rejected_without_claims() -> None:
    found = only_diagnostic(re.sub(r" *->.*", "", puzzle()))
    assert found.rejected == ()
    assert len(found.fixes) == 4


# Deeper layers.


def test_fix_for_a_deeper_window_names_the_nearest_input() -> None:
    # c2 has 11 positions at stride 3 and kernel 4, which needs 34 of c1; c1 (kernel 7, stride 3) makes 34 of 106
    text = (
        "[i] input 3x100x100\n[c1] conv filters=4 kernel=7 stride=3\n[c2] conv filters=8 kernel=4 stride=3 -> 8x11x11"
    )
    found = only_diagnostic(text)
    assert (found.code, found.layer) == ("window-does-not-tile", "c2")
    assert titles(found) == ["input 3x106x106", "net rounding=up", "c2 pad=1", "c2 rounding=up"]
    assert valid_net(fixed(found, "input 3x106x106", text))["c1"].output == (4, 34, 34)


def test_refuted_claim_is_fixed_where_pixels_are_lost() -> None:
    text = re.sub(r" *-> (?!256x6x6).*", "", spec("alexnet").replace("rounding=up", "rounding=down"))
    found = only_diagnostic(text)
    assert found.layer == "pool5"
    assert titles(found) == [
        "input 3x227x227, crop=227",
        "net rounding=up",
        "conv1 pad=1,2,1,2",
        "conv1 pad=2 rounding=down",
    ]
    for fix in found.fixes:
        assert fix.effect.startswith("conv1 gives 55")
        assert valid_net(apply(fix.edits, text))["fc6"].weights == 37_748_736


def test_layer_with_a_correct_claim_is_not_marked() -> None:
    text = spec("alexnet").replace("[pool1]  maxpool  kernel=3", "[pool1]  maxpool  kernel=2")
    found = only_diagnostic(text)
    assert (found.code, found.layer) == ("claim-refuted", "pool1")
    assert not any("conv1" in note for note in found.notes)
    # (55 - 2) / 2 + 1 = 27.5; a kernel of 55 - 26 * 2 = 3 tiles
    assert titles(found) == ["pool1 rounding=down", "pool1 kernel=3"]
    assert valid_net(fixed(found, "pool1 kernel=3", text))["fc6"].weights == 37_748_736


def test_net_rounding_fixes_two_poolings_with_one_cause() -> None:
    text = (
        "[i] input 3x227x227\n[c] conv filters=4 kernel=11 stride=4 -> 4x55x55\n[p] maxpool kernel=2 -> 4x27x27\n"
        "[q] maxpool kernel=2 -> 4x13x13"
    )
    first, second = diagnostics_of(text)
    assert (first.layer, second.layer) == ("p", "q")
    for found in (first, second):
        assert titles(found)[0] == "net rounding=down"
        assert found.fixes[0].checks


def test_stride_of_1_is_proposed_for_a_pool_in_a_branch() -> None:
    text = "[i] input 3x56x56\n[a] conv filters=4 kernel=1\n[p] maxpool kernel=3 pad=1 inputs=i\n[c] concat inputs=a,p"
    found = only_diagnostic(text)
    assert titles(found) == ["p stride=1"]
    assert found.fixes[0].effect == "gives 56 exactly, another function; the whole network checks"
    assert valid_net(fixed(found, "p stride=1", text))["c"].output == (7, 56, 56)


# Pads.


def test_proposed_padding_is_symmetric_if_possible() -> None:
    text = "[i] input 3x20x20\n[c] conv filters=2 kernel={} -> 2x20x20"
    assert "c pad=2" in titles(only_diagnostic(text.format(5)))
    found = only_diagnostic(text.format(4))
    assert "c pad=1,2,1,2" in titles(found)
    # left 1, right 2: the larger pad is at the right and bottom, where windows overhang with rounding up
    assert valid_net(fixed(found, "c pad=1,2,1,2", text.format(4)))["c"].windows[0].effective_pad == (1, 2, 1, 2)


def test_padding_is_proposed_for_each_axis() -> None:
    text = "[i] input 3x20x30\n[c] conv filters=2 kernel=3x5 stride=2 -> 2x10x15"
    # rows: 2 * 9 + 3 - 20 = 1; columns: 2 * 14 + 5 - 30 = 3
    assert "c pad=1,2,0,1" in titles(only_diagnostic(text))


def test_existing_pad_is_replaced() -> None:
    text = "[i] input 3x27x27\n[c] conv filters=2 kernel=5 pad=1 -> 2x27x27"
    assert "pad=2 -> 2x27x27" in fixed(only_diagnostic(text), "c pad=2", text)


def test_existing_rounding_is_replaced() -> None:
    text = "[i] input 3x20x20\n[c] conv filters=2 kernel=3 stride=2 rounding=down -> 2x10x10"
    found = only_diagnostic(text)
    assert titles(found) == ["input 3x21x21", "c rounding=up", "c pad=0,1,0,1", "c pad=1 rounding=down"]
    assert fixed(found, "c rounding=up", text) == text.replace("down", "up")


def test_fix_adds_a_missing_net_line() -> None:
    text = "# a comment\n\n[i] input 3x20x20\n[c] conv filters=2 kernel=3 stride=2 -> 2x10x10"
    changed = fixed(only_diagnostic(text), "net rounding=up", text)
    assert changed.startswith("# a comment\n\nnet rounding=up\n[i] input")
    assert valid_net(changed)["c"].output == (2, 10, 10)


# For random windows, each fix marked as checked is correct and gives the claimed shape.


@examples(60)
@given(
    size=st.integers(8, 60),
    kernel=st.integers(1, 9),
    stride=st.integers(1, 5),
    pad=st.integers(0, 3),
    off=st.integers(-2, 2),
    word=st.sampled_from(["conv filters=2", "maxpool", "avgpool"]),
    rounding=st.sampled_from(["exact", "down", "up", "caffe"]),
)
def test_fixes_of_random_windows_are_correct(
    size: int, kernel: int, stride: int, pad: int, off: int, word: str, rounding: str
) -> None:
    channels = 2 if word.startswith("conv") else 3
    claimed = max(1, (size + 2 * pad - kernel) // stride + 1 + off)
    text = (
        f"net rounding={rounding}\n[i] input 3x{size}x{size}\n"
        f"[w] {word} kernel={kernel} stride={stride} pad={pad} -> {channels}x{claimed}x{claimed}\n[f] fc outputs=2\n"
    )
    try:
        loads(text)
    except SpecError as error:
        for found in error.diagnostics:
            assert found.code in ("claim-refuted", "window-does-not-tile", "window-outside-image", "kernel-too-large")
            assert len(found.fixes) <= 4
            for fix in found.fixes:
                assert fix.checks
                output = valid_net(apply(fix.edits, text))["w"].output
                assert output == (channels, claimed, claimed) or fix.title == f"claim {output}"
