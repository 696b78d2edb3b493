"""Files with several mistakes, as drafts of published networks have them: each is told by itself, with a way out."""

from __future__ import annotations

from checking import mistake, mistakes

from netspec.diagnostics import Diagnostic


def titles(found: Diagnostic) -> list[str]:
    return [fix.title for fix in found.fixes]


def test_padding_that_three_layers_lack_is_told_of_each_by_its_own_arithmetic() -> None:
    """Conv3 to conv5 of Zeiler & Fergus without their pads: each makes 13 - 3 + 1 = 11 of the 13 that is stated."""
    found = mistakes(
        "[image]  input  256x13x13\n"
        "[conv3]  conv  filters=384  kernel=3  -> 384x13x13\n"
        "[conv4]  conv  filters=384  kernel=3  -> 384x13x13\n"
        "[conv5]  conv  filters=256  kernel=3  -> 256x13x13\n"
    )
    assert [d.message for d in found] == [
        "conv3 is 384x11x11, not 384x13x13",
        "conv4 is 384x11x11, not 384x13x13",
        "conv5 is 256x11x11, not 256x13x13",
    ]
    assert all(d.notes == ("width: (13 + 0 + 0 - 3) / 1 + 1 = 11",) for d in found)
    assert [titles(d)[0] for d in found] == ["conv3 pad=1", "conv4 pad=1", "conv5 pad=1"]


def test_a_stated_size_that_the_arithmetic_proves_makes_the_claim_above_the_mistake() -> None:
    """28 is half of the 57 that is wrongly stated, and 27 of the 55 that is."""
    wrong = "[image]  input  3x227x227\n[conv1]  conv  filters=96  kernel=11  stride=4  -> 96x57x57\n[pool1]  maxpool  "
    assert mistake(wrong + "kernel=3  stride=2  -> 96x28x28\n").layer == "conv1"
    assert mistake(wrong + "kernel=3  stride=2  -> 96x27x27\n").layer == "conv1"


INCEPTION = """\
[image]  input    3x224x224
[conv1]  conv     filters=64  kernel=7  stride=2  pad=3
[pool1]  maxpool  kernel=3  stride=2
[pool2]  maxpool  kernel=3  stride=2
[a]      conv     filters=64  kernel=1
[b]      conv     filters=96  kernel=3  inputs=pool2
[both]   concat   inputs=a,b
"""
"""Two mistakes: GoogLeNet's first layer rounds, and the second branch lacks its pad."""


def test_a_way_out_that_brings_the_next_mistake_to_light_is_offered_and_says_so() -> None:
    found = mistake(INCEPTION)
    assert [(fix.title, fix.effect, fix.checks) for fix in found.fixes] == [
        ("net rounding=up", "gives 113 as cuda-convnet computed it; 1 error at both comes to light", False),
        ("net rounding=down", "gives 112 as PyTorch computes it; 1 error at both comes to light", False),
    ]


def test_one_that_brings_none_to_light_goes_before_them() -> None:
    found = mistake(INCEPTION.replace("inputs=pool2", "inputs=pool2  pad=1"))
    assert [fix.checks for fix in found.fixes] == [True] * len(found.fixes) and found.fixes


def test_what_comes_to_light_is_counted_apart_from_what_remains() -> None:
    found, _ = mistakes(INCEPTION + "[drop]  dropout  rate=2\n")
    assert found.fixes[0].effect.endswith("1 error at both comes to light; 1 other remains")


def test_where_the_channels_stand_last_no_other_way_out_is_offered() -> None:
    found, _ = mistakes("[data]  input  32x32x3\n[pool]  maxpool  kernel=3  stride=2\n[drop]  dropout  rate=2\n")
    assert not found.fixes
    assert "the input is 32x32x3, which is channels x height x width; did you mean input 3x32x32?" in found.notes
