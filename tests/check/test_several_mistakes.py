"""Files with several mistakes, as in drafts of published networks: each has its own message, with a fix."""

from __future__ import annotations

import time

import pytest
from checking import mistake, mistakes

import netspec
from netspec.diagnostics import Diagnostic, apply


def titles(found: Diagnostic) -> list[str]:
    return [fix.title for fix in found.fixes]


def test_padding_that_three_layers_lack_is_told_of_each_by_its_own_arithmetic() -> None:
    """Conv3 to conv5 of Zeiler & Fergus without their pads: each claims 13 and gives 13 - 3 + 1 = 11."""
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
    """28 follows from the wrongly claimed 57, and 27 from the real 55."""
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
        ("net rounding=down", "gives 112 as PyTorch computes it; 1 error at both comes to light", False),
        ("net rounding=up", "gives 113 as cuda-convnet computed it; 1 error at both comes to light", False),
        ("net rounding=caffe", "gives 112 as Caffe computes it; 1 error at both comes to light", False),
    ]


def test_a_fix_that_reveals_no_other_mistake_comes_first() -> None:
    found = mistake(INCEPTION.replace("inputs=pool2", "inputs=pool2  pad=1"))
    assert [fix.checks for fix in found.fixes] == [True] * len(found.fixes) and found.fixes


def test_what_comes_to_light_is_counted_apart_from_what_remains() -> None:
    found, _ = mistakes(INCEPTION + "[drop]  dropout  rate=2\n")
    assert found.fixes[0].effect.endswith("1 error at both comes to light; 1 other remains")


def test_where_the_channels_stand_last_no_other_way_out_is_offered() -> None:
    found, _ = mistakes("[data]  input  32x32x3\n[pool]  maxpool  kernel=3  stride=2\n[drop]  dropout  rate=2\n")
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


def ways(found: Diagnostic) -> list[tuple[str, bool]]:
    return [(fix.title, fix.checks) for fix in found.fixes]


def test_a_shortcut_around_a_change_of_shape_wants_a_projection() -> None:
    text = BLOCK.replace("[side]   conv  filters=128  kernel=1  stride=2  inputs=head\n", "")
    found = mistake(text.replace("c2,side", "c2,head"))
    assert [label.text for label in found.labels] == ["c2 is 128x28x28", "head is 64x56x56"]
    line = "[out_shortcut] conv filters=128 kernel=1 stride=2 rounding=down inputs=head"
    assert ways(found)[0] == (f"add {line}", True)
    assert f"{line}\n[out]    sum   inputs=c2,out_shortcut\n" in apply(
        found.fixes[0].edits, text.replace("c2,side", "c2,head")
    )


def test_a_projection_has_no_neuron_though_others_have_and_its_line_ends_as_the_others_do() -> None:
    text = "default conv neuron=relu\n" + BLOCK.replace(
        "[side]   conv  filters=128  kernel=1  stride=2  inputs=head\n", ""
    )
    text = text.replace("c2,side", "c2,head").replace("\n", "\r\n")
    found = mistake(text)
    mended = apply(found.fixes[0].edits, text)
    assert mended.count("\n") == mended.count("\r\n") == text.count("\r\n") + 1
    assert "stride=2 rounding=down neuron=linear inputs=head" in found.fixes[0].title
    text = "[image] input 3x32x32\r\n[loss] crossentropy\r\n"
    assert apply(mistake(text).fixes[0].edits, text).count("\r\n") == 4


def test_of_many_branches_of_other_sizes_a_few_are_shown_in_little_time() -> None:
    """Comparing each branch with every other one down to the input used to take minutes."""
    trunk = "".join(f"[r{i}] relu\n" for i in range(1000))
    names = [f"b{i}" for i in range(250)]
    sizes = "".join(f"[{name}] conv filters=3 kernel={2 * i + 1} inputs=r999\n" for i, name in enumerate(names))
    started = time.process_time()
    found = mistake(f"[i] input 3x600x600\n{trunk}{sizes}[s] concat inputs={','.join(names)}\n")
    assert time.process_time() - started < 10
    assert [label.text for label in found.labels] == [f"b{n} is 3x{600 - 2 * n}x{600 - 2 * n}" for n in range(1, 5)]
    assert found.notes[0].endswith("3x578x578, ...: heights and widths must be equal")


def test_layers_of_the_same_name_are_described_by_their_own_inputs() -> None:
    text = "[i] input 3x8x8\n[a] conv filters=3 kernel=3\n{}\n[s] sum inputs=i,i,a\n"
    for first in ("[s] relu inputs=a", "[s] sum inputs=none,a", "[s] sum inputs=a,a"):
        found = next(d for d in mistakes(text.format(first)) if d.code == "shapes-differ")
        assert [label.text for label in found.labels] == ["a is 3x6x6"]


def test_a_projection_that_reads_the_end_of_the_other_branch_is_given_its_beginning() -> None:
    found = mistake(BLOCK.replace("stride=2  inputs=head\n[out]", "stride=2\n[out]"))
    assert ways(found)[0] == ("side inputs=head", True)
    assert found.fixes[0].effect.startswith("side reads c2 now, the layer above")


def test_a_projection_without_the_stride_of_its_block() -> None:
    found = mistake(BLOCK.replace("kernel=1  stride=2", "kernel=1"))
    assert ways(found)[0] == ("side stride=2", True)


def test_a_projection_to_other_channels() -> None:
    found = mistake(BLOCK.replace("filters=128  kernel=1", "filters=64  kernel=1"))
    assert [label.text for label in found.labels] == ["c2 is 128x28x28", "side is 64x28x28"]
    assert ("side filters=128", True) in ways(found)


def test_the_one_branch_of_a_concatenation_that_lacks_its_pad_is_shown_and_padded() -> None:
    text = "[i] input 8x28x28\n[a] conv filters=2 kernel=1\n[b] conv filters=3 kernel=5 pad=1 inputs=i\n"
    text += "[c] maxpool kernel=3 stride=1 pad=1 inputs=i\n[all] concat inputs=a,b,c\n"
    found = mistake(text)
    assert [label.text for label in found.labels] == ["b is 3x26x26"]
    assert ways(found) == [("b pad=2", True)]
    found = mistake(
        text.replace("pad=1 inputs=i\n[c]", "pad=2 inputs=i\n[c]").replace("stride=1", "stride=2 rounding=up")
    )
    assert [label.text for label in found.labels] == ["c is 8x15x15"] and ("c stride=1", True) in ways(found)


def test_nearly_as_many_groups_as_channels_are_fixed_to_as_many() -> None:
    found = mistake("[i] input 128x8x8\n[dw] conv filters=128 kernel=3 groups=129\n")
    assert ways(found) == [("dw groups=128", True)]


def test_pooling_rounded_up_and_a_convolution_rounded_down_suggest_caffe() -> None:
    """The first layers of GoogLeNet (Szegedy et al. 2014, table 1): 112.5 is rounded down, and 55.5 up."""
    text = "[i] input 3x224x224\n[conv1] conv filters=64 kernel=7 stride=2 pad=3 -> 64x112x112\n"
    text += "[pool1] maxpool kernel=3 stride=2 -> 64x56x56\n"
    for found in (mistake(f"net n rounding=down\n{text}"), *mistakes(f"net n rounding=exact\n{text}")):
        assert ("net rounding=caffe", True) in ways(found)


def test_maps_before_a_loss_become_a_vector() -> None:
    text = "[i] input 3x4x4\n[c] conv filters=5 kernel={}\n[loss] crossentropy{}\n"
    for kernel, inputs, way in (
        (4, "", "add [loss_flat] flatten above"),
        (3, "", "add [loss_mean] avgpool kernel=global and [loss_flat] flatten above"),
        (4, " inputs=c", "add [loss_flat] flatten inputs=c above"),
    ):
        wrong = text.format(kernel, inputs)
        found = mistake(wrong)
        assert (found.code, ways(found)) == ("needs-vector", [(way, True)])
        assert netspec.loads(apply(found.fixes[0].edits, wrong)).graph.scores.output.units == 5


@pytest.mark.parametrize(("weights", "told"), [(12_345, True), (125_440, False), (64_000, False)])
def test_a_count_below_a_refuted_shape_is_told_where_it_is_wrong_with_it_and_without_it(
    weights: int, told: bool
) -> None:
    """125,440 = 64 * 14 * 14 * 10 agrees with the claim above, and 64,000 = 64 * 10 * 10 * 10 with the arithmetic."""
    text = f"""\
[image] input 3x18x18
[conv1] conv  filters=64  kernel=5  -> 64x14x14
[conv2] conv  filters=64  kernel=5  -> 64x14x14
[fc3]   fc    outputs=10            -> 10  weights={weights}
"""
    shape, *counts = mistakes(text)
    assert shape.message == "conv2 is 64x10x10, not 64x14x14"
    assert [d.message for d in counts] == ["fc3 has 125,440 weights, not 12,345"] * told
    assert ("conv2 pad=2" in [fix.title for fix in shape.fixes]) is (weights != 64_000)
