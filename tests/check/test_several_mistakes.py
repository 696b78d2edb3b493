"""Files with several errors, as in drafts of published networks: each has its own message, with a fix."""

from __future__ import annotations

import time

import pytest
from checking import diagnostics_of, only_diagnostic
from proposed import titles

import netspec
from netspec.diagnostics import Diagnostic, apply


def test_missing_padding_of_three_layers_is_reported_for_each() -> None:
    """Conv3 to conv5 of Zeiler & Fergus without their pads: each claims 13 and gives 13 - 3 + 1 = 11."""
    found = diagnostics_of(
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


def test_error_is_shown_at_the_claim_that_contradicts_the_arithmetic() -> None:
    """28 follows from the wrongly claimed 57, and 27 from the real 55."""
    wrong = "[image]  input  3x227x227\n[conv1]  conv  filters=96  kernel=11  stride=4  -> 96x57x57\n[pool1]  maxpool  "
    assert only_diagnostic(wrong + "kernel=3  stride=2  -> 96x28x28\n").layer == "conv1"
    assert only_diagnostic(wrong + "kernel=3  stride=2  -> 96x27x27\n").layer == "conv1"


INCEPTION = """\
[image]  input    3x224x224
[conv1]  conv     filters=64  kernel=7  stride=2  pad=3
[pool1]  maxpool  kernel=3  stride=2
[pool2]  maxpool  kernel=3  stride=2
[a]      conv     filters=64  kernel=1
[b]      conv     filters=96  kernel=3  inputs=pool2
[both]   concat   inputs=a,b
"""
"""Two errors: GoogLeNet's first layer needs rounding, and the second branch lacks its pad."""


def test_fix_that_reveals_another_error_says_so() -> None:
    found = only_diagnostic(INCEPTION)
    assert [(fix.title, fix.effect, fix.checks) for fix in found.fixes] == [
        ("net rounding=down", "gives 112 as PyTorch computes it; 1 error at both comes to light", False),
        ("net rounding=up", "gives 113 as cuda-convnet computed it; 1 error at both comes to light", False),
        ("net rounding=caffe", "gives 112 as Caffe computes it; 1 error at both comes to light", False),
    ]


def test_fix_that_reveals_no_other_error_comes_first() -> None:
    found = only_diagnostic(INCEPTION.replace("inputs=pool2", "inputs=pool2  pad=1"))
    assert [fix.checks for fix in found.fixes] == [True] * len(found.fixes) and found.fixes


def test_revealed_and_remaining_errors_are_counted_separately() -> None:
    found, _ = diagnostics_of(INCEPTION + "[drop]  dropout  rate=2\n")
    assert found.fixes[0].effect.endswith("1 error at both comes to light; 1 other remains")


def test_channels_last_get_no_other_fixes() -> None:
    found, _ = diagnostics_of("[data]  input  32x32x3\n[pool]  maxpool  kernel=3  stride=2\n[drop]  dropout  rate=2\n")
    assert not found.fixes
    assert "the input is 32x32x3, which is channels x height x width; did you mean input 3x32x32?" in found.notes


# Layers that join branches.

BLOCK = """\
net      residual  rounding=down
[image]  input  64x56x56
[head]   conv  filters=64   kernel=3  pad=1
[c1]     conv  filters=128  kernel=3  pad=1  stride=2  inputs=head
[c2]     conv  filters=128  kernel=3  pad=1
[side]   conv  filters=128  kernel=1  stride=2  inputs=head
[out]    sum   inputs=c2,side
"""
"""A block of ResNet-18 (He et al. 2015, table 1) that halves the map, with its projection shortcut."""


def fixes_of(found: Diagnostic) -> list[tuple[str, bool]]:
    return [(fix.title, fix.checks) for fix in found.fixes]


def test_shortcut_around_a_change_of_shape_gets_a_projection() -> None:
    text = BLOCK.replace("[side]   conv  filters=128  kernel=1  stride=2  inputs=head\n", "")
    found = only_diagnostic(text.replace("c2,side", "c2,head"))
    assert [label.text for label in found.labels] == ["c2 is 128x28x28", "head is 64x56x56"]
    line = "[out_shortcut] conv filters=128 kernel=1 stride=2 rounding=down inputs=head"
    assert fixes_of(found)[0] == (f"add {line}", True)
    assert f"{line}\n[out]    sum   inputs=c2,out_shortcut\n" in apply(
        found.fixes[0].edits, text.replace("c2,side", "c2,head")
    )


def test_added_projection_has_no_neuron_and_the_files_line_ending() -> None:
    text = "default conv neuron=relu\n" + BLOCK.replace(
        "[side]   conv  filters=128  kernel=1  stride=2  inputs=head\n", ""
    )
    text = text.replace("c2,side", "c2,head").replace("\n", "\r\n")
    found = only_diagnostic(text)
    fixed = apply(found.fixes[0].edits, text)
    assert fixed.count("\n") == fixed.count("\r\n") == text.count("\r\n") + 1
    assert "stride=2 rounding=down neuron=linear inputs=head" in found.fixes[0].title
    text = "[image] input 3x32x32\r\n[loss] squarederror\r\n"
    assert apply(only_diagnostic(text).fixes[0].edits, text).count("\r\n") == 4


def test_many_branches_of_different_sizes_take_little_time() -> None:
    """Comparing each branch with every other one down to the input used to take minutes."""
    trunk = "".join(f"[r{i}] relu\n" for i in range(1000))
    names = [f"b{i}" for i in range(250)]
    sizes = "".join(f"[{name}] conv filters=3 kernel={2 * i + 1} inputs=r999\n" for i, name in enumerate(names))
    start = time.process_time()
    found = only_diagnostic(f"[i] input 3x600x600\n{trunk}{sizes}[s] concat inputs={','.join(names)}\n")
    assert time.process_time() - start < 10
    assert [label.text for label in found.labels] == [f"b{n} is 3x{600 - 2 * n}x{600 - 2 * n}" for n in range(1, 5)]
    assert found.notes[0].endswith("3x578x578, ...: heights and widths must be equal")


EXCITED = """\
[image]  input    3x16x16
[conv]   conv     filters=8  kernel=3  pad=1
[mean]   avgpool  kernel=global
[gate]   fc       outputs=8  neuron=logistic
[bright] fc       outputs=8  inputs=mean
[out]    product  inputs=conv,gate,bright
"""
"""Maps that are multiplied by two vectors."""


def test_factor_that_fits_the_maps_is_not_labelled() -> None:
    found = only_diagnostic(EXCITED.replace("outputs=8  neuron", "outputs=4  neuron"))
    assert [label.text for label in found.labels] == ["conv is 8x16x16", "gate is 4"]
    assert fixes_of(found) == [("gate outputs=8", True)]


def test_factors_of_one_unit_do_not_outvote_the_maps() -> None:
    extra = "[other] conv filters=8 kernel=3 inputs=conv\n[out]    product  inputs=gate,conv,bright,other"
    found = only_diagnostic(EXCITED.replace("[out]    product  inputs=conv,gate,bright", extra))
    assert [label.text for label in found.labels] == ["conv is 8x16x16", "other is 8x14x14"]
    assert fixes_of(found)[0] == ("other pad=1", True)


def test_pooling_of_a_factor_is_made_global() -> None:
    text = EXCITED.replace("kernel=global", "kernel=8").replace("conv,gate,bright", "conv,gate")
    found = only_diagnostic(text.replace("fc       outputs=8  neuron", "conv filters=8 kernel=1  neuron"))
    assert fixes_of(found) == [("mean kernel=global", True)]
    assert found.fixes[0].effect.startswith("gives one unit for each channel")


def test_layers_of_the_same_name_are_described_by_their_own_inputs() -> None:
    text = "[i] input 3x8x8\n[a] conv filters=3 kernel=3\n{}\n[s] sum inputs=i,i,a\n"
    for first in ("[s] relu inputs=a", "[s] sum inputs=none,a", "[s] sum inputs=a,a", "[s] relu inputs=none"):
        found = next(d for d in diagnostics_of(text.format(first)) if d.code == "shapes-differ")
        assert [label.text for label in found.labels] == ["a is 3x6x6"]


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        (
            "[a] conv filters=4 kernel=99\n[b] conv filters=4 kernel=3 in_channels=3",
            ["kernel-too-large", "unknown-key"],
        ),
        ("default conv table=0+1,1\n[a] conv filters=4 kernel=3", ["table-mismatch"]),
    ],
)
def test_inputs_that_are_unknown_and_keys_of_a_default_line_give_no_fixes(line: str, codes: list[str]) -> None:
    assert [(found.code, found.fixes) for found in diagnostics_of(f"[i] input 3x8x8\n{line}")] == [
        (x, ()) for x in codes
    ]


def test_projection_that_reads_the_wrong_layer_gets_its_input_fixed() -> None:
    found = only_diagnostic(BLOCK.replace("stride=2  inputs=head\n[out]", "stride=2\n[out]"))
    assert fixes_of(found)[0] == ("side inputs=head", True)
    assert found.fixes[0].effect.startswith("side reads c2 now, the layer above")


def test_projection_gets_the_stride_of_its_block() -> None:
    found = only_diagnostic(BLOCK.replace("kernel=1  stride=2", "kernel=1"))
    assert fixes_of(found)[0] == ("side stride=2", True)


def test_projection_gets_the_channels_of_the_other_branch() -> None:
    found = only_diagnostic(BLOCK.replace("filters=128  kernel=1", "filters=64  kernel=1"))
    assert [label.text for label in found.labels] == ["c2 is 128x28x28", "side is 64x28x28"]
    assert ("side filters=128", True) in fixes_of(found)


def test_branch_of_a_concat_without_padding_is_padded() -> None:
    text = "[i] input 8x28x28\n[a] conv filters=2 kernel=1\n[b] conv filters=3 kernel=5 pad=1 inputs=i\n"
    text += "[c] maxpool kernel=3 stride=1 pad=1 inputs=i\n[all] concat inputs=a,b,c\n"
    found = only_diagnostic(text)
    assert [label.text for label in found.labels] == ["b is 3x26x26"]
    assert fixes_of(found) == [("b pad=2", True)]
    found = only_diagnostic(
        text.replace("pad=1 inputs=i\n[c]", "pad=2 inputs=i\n[c]").replace("stride=1", "stride=2 rounding=up")
    )
    assert [label.text for label in found.labels] == ["c is 8x15x15"] and ("c stride=1", True) in fixes_of(found)


def test_groups_close_to_the_channels_become_depthwise() -> None:
    found = only_diagnostic("[i] input 128x8x8\n[dw] conv filters=128 kernel=3 groups=129\n")
    assert fixes_of(found) == [("dw groups=128", True)]


def test_mixed_rounding_suggests_caffe() -> None:
    """The first layers of GoogLeNet (Szegedy et al. 2014, table 1): 112.5 is rounded down, and 55.5 up."""
    text = "[i] input 3x224x224\n[conv1] conv filters=64 kernel=7 stride=2 pad=3 -> 64x112x112\n"
    text += "[pool1] maxpool kernel=3 stride=2 -> 64x56x56\n"
    for found in (only_diagnostic(f"net n rounding=down\n{text}"), *diagnostics_of(f"net n rounding=exact\n{text}")):
        assert ("net rounding=caffe", True) in fixes_of(found)


def test_maps_before_a_loss_are_flattened_or_averaged() -> None:
    text = "[i] input 3x4x4\n[c] conv filters=5 kernel={}\n[loss] squarederror{}\n"
    for kernel, inputs, way in (
        (4, "", "add [loss_flat] flatten above"),
        (3, "", "add [loss_mean] avgpool kernel=global and [loss_flat] flatten above"),
        (4, " inputs=c", "add [loss_flat] flatten inputs=c above"),
    ):
        wrong = text.format(kernel, inputs)
        found = only_diagnostic(wrong)
        assert (found.code, fixes_of(found)) == ("needs-vector", [(way, True)])
        assert netspec.loads(apply(found.fixes[0].edits, wrong)).graph.scores.output.units == 5


@pytest.mark.parametrize(("weights", "reported"), [(12_345, True), (125_440, False), (64_000, False)])
def test_count_below_a_refuted_shape_is_reported_if_it_fits_neither_shape(weights: int, reported: bool) -> None:
    """125,440 = 64 * 14 * 14 * 10 agrees with the claim above, and 64,000 = 64 * 10 * 10 * 10 with the arithmetic."""
    text = f"""\
[image] input 3x18x18
[conv1] conv  filters=64  kernel=5  -> 64x14x14
[conv2] conv  filters=64  kernel=5  -> 64x14x14
[fc3]   fc    outputs=10            -> 10  weights={weights}
"""
    shape, *counts = diagnostics_of(text)
    assert shape.message == "conv2 is 64x10x10, not 64x14x14"
    assert [d.message for d in counts] == ["fc3 has 125,440 weights, not 12,345"] * reported
    assert ("conv2 pad=2" in [fix.title for fix in shape.fixes]) is (weights != 64_000)


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        ("[1c] conv filters=6 kernel=5", []),
        ("[c\u00e9] conv filters=6 kernel=5 -> 6x28x28", []),
        ("[c] conv filters=6 kernel=5 -> 6@28x28", ["write -> 6x28x28"]),
        ("c conv filters=6 kernel=5 -> 6x28x28", ["write [c]"]),
        ("c: conv filters=6 kernel=5", ["write [c]"]),
        ("c conv filters=6 kernel=5", ["write [c]"]),
        ("conv filters=6 kernel=5 -> 6x28x28", ["write [conv] conv"]),
        ("conv filters=6 kernel=5", ["write [conv] conv"]),
    ],
)
def test_a_layer_whose_name_is_miswritten_brings_no_mistakes_below_it(line: str, fixed: list[str]) -> None:
    text = f"[image] input 1x32x32\n{line}\n[s2] avgpool kernel=2 -> 6x14x14\n[f3] fc outputs=10\n"
    found = only_diagnostic(text)
    assert found.span.line == 2 and titles(found) == fixed
    assert all(fix.checks and netspec.loads(apply(fix.edits, text)) for fix in found.fixes)


def test_a_misspelt_setting_is_not_taken_for_a_layer() -> None:
    found = only_diagnostic(
        "[image] input 1x32x32\ndefaults conv neuron=relu\n[c] conv filters=6 kernel=5 -> 6x28x28\n"
    )
    assert titles(found) == ["write default"]
