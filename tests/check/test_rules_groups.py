"""The language page's section "GPU groups", sentence by sentence: placements, and the grouped operations they give."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, ops_of, position_of, spec, valid_net

from netspec.ir.graph import SPLIT, WHOLE, Placement
from netspec.ir.ops import Concat, Conv, GroupNorm, Linear, Local, Lrn

START = "gpus 2\n[image] input 4x8x8\n"
SPLIT_CONV = START + "[a] conv filters=8 kernel=3 pad=1\n"
ON_0 = Placement(gpu=0)
ON_1 = Placement(gpu=1)
WEIGHTED = ("conv filters=8 kernel=3", "local filters=8 kernel=3", "fc outputs=8")


def placed(text: str, layer: str) -> Placement:
    return valid_net(text).graph.layers[layer].placement


def groups(text: str, layer: str) -> int:
    op = ops_of(text, layer)[0]
    assert isinstance(op, Conv | Local | Linear | Lrn | GroupNorm | Concat)
    return op.groups


def test_input_is_whole() -> None:
    assert placed(START + "[a] relu", "image") == WHOLE


def test_without_gpus_everything_is_whole() -> None:
    graph = valid_net(SPLIT_CONV.replace("gpus 2\n", "") + "[n] lrn size=5 alpha=1\n[f] fc outputs=4").graph
    assert {layer.placement for layer in graph.layers.values()} == {WHOLE}
    assert groups(SPLIT_CONV.replace("gpus 2\n", ""), "a") == 1


def test_gpus_1_equals_no_gpus() -> None:
    assert placed(SPLIT_CONV.replace("gpus 2", "gpus 1"), "a") == WHOLE


@pytest.mark.parametrize("layer", WEIGHTED)
def test_layer_with_weights_is_split(layer: str) -> None:
    assert placed(START + f"[x] {layer}", "x") == SPLIT


@pytest.mark.parametrize("layer", [layer.replace("8", "9") for layer in WEIGHTED])
def test_groups_must_divide_filters_or_outputs(layer: str) -> None:
    found = only_diagnostic(START + f"[x] {layer}")
    assert (found.code, position_of(found)[2]) == ("groups-do-not-divide", layer.split()[1])
    outputs = "outputs" if layer.startswith("fc") else "output channels"
    assert found.message == f"x: 2 GPU groups do not divide its {outputs}"
    assert found.notes == ("9 / 2 = 4.5: each group computes an equal share",)


@pytest.mark.parametrize("layer", WEIGHTED)
def test_whole_value_is_read_whole(layer: str) -> None:
    assert groups(START + f"[x] {layer}", "x") == 1


@pytest.mark.parametrize("layer", WEIGHTED)
def test_split_value_is_read_by_own_share(layer: str) -> None:
    assert groups(SPLIT_CONV + f"[x] {layer}", "x") == 2
    assert groups(SPLIT_CONV + f"[x] {layer} reads=own", "x") == 2


@pytest.mark.parametrize("layer", WEIGHTED)
def test_reads_all_reads_the_whole_value(layer: str) -> None:
    text = SPLIT_CONV + f"[x] {layer} reads=all"
    assert groups(text, "x") == 1
    assert placed(text, "x") == SPLIT


def test_output_is_split_even_with_reads_all() -> None:
    text = SPLIT_CONV + "[b] conv filters=8 kernel=3 reads=all\n[c] conv filters=8 kernel=3"
    assert [groups(text, layer) for layer in "abc"] == [1, 1, 2]


def test_reads_own_halves_the_weights() -> None:
    # 3 * 3 * 8 maps * 8 filters = 576 with all, half of that with own
    assert valid_net(SPLIT_CONV + "[b] conv filters=8 kernel=3 reads=all")["b"].weights == 576
    assert valid_net(SPLIT_CONV + "[b] conv filters=8 kernel=3")["b"].weights == 288


@pytest.mark.parametrize(
    "word",
    [
        "maxpool kernel=2",
        "dropout",
        "relu",
        "batchnorm",
        "layernorm",
        "softmax",
        "concat",
        "sum inputs=a,a",
        "flatten",
        "rnorm size=3 scale=1",
        "avgpool kernel=global",
    ],
)
def test_reads_is_a_key_of_weight_layers_and_lrn_only(word: str) -> None:
    found = only_diagnostic(SPLIT_CONV + f"[x] {word} reads=all")
    assert found.message == f"reads is a key of conv, deconv, fc, local and others, not of {word.split()[0]}"


def test_lrn_window_stays_inside_its_group_without_reads_all() -> None:
    assert groups(SPLIT_CONV + "[n] lrn size=5 alpha=1", "n") == 2
    assert groups(SPLIT_CONV + "[n] lrn size=5 alpha=1 reads=all", "n") == 1
    assert groups(START + "[n] lrn size=5 alpha=1", "n") == 1
    assert placed(SPLIT_CONV + "[n] lrn size=5 alpha=1 reads=all", "n") == SPLIT


@pytest.mark.parametrize(
    "layer",
    [
        "maxpool kernel=2",
        "avgpool kernel=2",
        "dropout",
        "relu",
        "tanh a=2",
        "lrn size=3 alpha=1",
        "rnorm size=3 alpha=1",
        "contrast size=3 alpha=1",
        "batchnorm",
        "layernorm",
        "groupnorm groups=2",
        "dropout over=images",
        "blur size=3 stdev=1",
        "nailbed stride=2",
        "mirror",
        "zeropad pad=0,1,0,1",
        "flatten",
    ],
)
def test_layer_without_weights_is_placed_like_its_input(layer: str) -> None:
    assert placed(SPLIT_CONV + f"[x] {layer}\n[y] abs", "x") == SPLIT
    assert placed(START + f"[x] {layer}\n[y] abs", "x") == WHOLE
    assert placed(START + f"[a] conv filters=8 kernel=3 pad=1 gpu=1\n[x] {layer}\n[y] abs", "x") == ON_1


def test_concat_of_split_values_joins_each_group() -> None:
    text = SPLIT_CONV + "[b] conv filters=4 kernel=3 pad=1 inputs=image\n[x] concat inputs=a,b -> 12x8x8"
    assert (groups(text, "x"), placed(text, "x")) == (2, SPLIT)


def test_concat_of_whole_values_is_whole() -> None:
    text = START + "[a] relu\n[x] concat inputs=a,image"
    assert (groups(text, "x"), placed(text, "x")) == (1, WHOLE)


def test_concat_of_split_and_whole_values_is_an_error() -> None:
    found = only_diagnostic(SPLIT_CONV + "[x] concat inputs=a,image")
    assert (found.code, position_of(found)[2]) == ("placement-mismatch", "inputs=a,image")
    assert found.notes[0] == "a (8x8x8) is split over the groups, image (4x8x8) is whole"


def on_groups(*gpus: int) -> str:
    return START + "".join(f"[g{i}] conv filters=4 kernel=1 inputs=image gpu={g}\n" for i, g in enumerate(gpus))


def test_concat_of_layers_placed_on_all_groups_in_order_is_split() -> None:
    text = on_groups(0, 1) + "[x] concat inputs=g0,g1\n[y] conv filters=4 kernel=1"
    assert (placed(text, "x"), groups(text, "x")) == (SPLIT, 1)
    assert groups(text, "y") == 2


@pytest.mark.parametrize("gpus", [(1, 0), (0, 0), (1, 1), (0, 1, 0)])
def test_concat_of_other_placements_follows_its_first_input(gpus: tuple[int, ...]) -> None:
    inputs = ",".join(f"g{i}" for i in range(len(gpus)))
    assert placed(on_groups(*gpus) + f"[x] concat inputs={inputs}", "x") == Placement(gpu=gpus[0])


def test_concat_of_unequal_shares_is_an_error() -> None:
    text = START + "[g0] conv filters=4 kernel=1 gpu=0\n[g1] conv filters=6 kernel=1 gpu=1 inputs=image\n"
    assert codes(text + "[x] concat inputs=g0,g1") == ["placement-mismatch"]


@pytest.mark.parametrize("word", ["sum", "max"])
def test_sum_and_max_need_inputs_placed_alike(word: str) -> None:
    other = "[b] conv filters=8 kernel=3 pad=1 inputs=image"
    assert placed(SPLIT_CONV + f"{other}\n[x] {word} inputs=a,b", "x") == SPLIT
    found = only_diagnostic(SPLIT_CONV + f"{other} gpu=0\n[x] {word} inputs=a,b")
    assert (found.code, position_of(found)[2]) == ("placement-mismatch", "inputs=a,b")
    assert found.notes[0] == "a (8x8x8) is split over the groups, b (8x8x8) is whole on group 0"
    assert placed(SPLIT_CONV + f"{other} gpu=0\n[x] {word} inputs=a,b gpu=1", "x") == ON_1
    found = only_diagnostic(SPLIT_CONV + f"{other} gpu=0,1\n[x] {word} inputs=b,image")
    assert found.notes[0] == "b (8x8x8) is whole on each of groups 0, 1, image (4x8x8) is whole"


@pytest.mark.parametrize("word", ["softmax", "crossentropy", "binarycrossentropy", "squarederror"])
def test_softmax_and_losses_gather_split_values(word: str) -> None:
    split = START + "[f] fc outputs=4\n"
    assert placed(split + f"[x] {word}", "f") == SPLIT
    assert placed(split + f"[x] {word}", "x") == WHOLE
    assert placed(START + f"[f] fc outputs=4 gpu=1\n[x] {word}", "x") == ON_1


def test_flatten_before_softmax_or_loss_gathers_too() -> None:
    assert placed(SPLIT_CONV + "[f] flatten\n[x] softmax", "f") == WHOLE
    assert placed(SPLIT_CONV + "[f] flatten\n[x] softmax\n[l] crossentropy inputs=f", "f") == WHOLE
    assert placed(SPLIT_CONV + "[f] flatten\n[x] softmax\n[y] relu inputs=f", "f") == SPLIT
    assert placed(SPLIT_CONV + "[f] flatten", "f") == SPLIT


def test_gpu_k_places_a_whole_layer_on_group_k() -> None:
    text = SPLIT_CONV + "[x] fc outputs=3 gpu=1"  # 3 need not be divisible
    assert placed(text, "x") == ON_1


def test_weight_layer_with_gpu_k_reads_whole_inputs() -> None:
    for layer in ("conv filters=3 kernel=3", "local filters=3 kernel=3", "fc outputs=3"):
        assert groups(SPLIT_CONV + f"[x] {layer} gpu=1", "x") == 1


@pytest.mark.parametrize(("gpus", "k"), [(2, 2), (3, 3), (2, 100), (1, 1)])
def test_unknown_group_is_an_error(gpus: int, k: int) -> None:
    found = only_diagnostic(START.replace("gpus 2", f"gpus {gpus}") + f"[x] fc outputs=6 gpu={k}")
    assert (found.code, found.message, position_of(found)[2]) == (
        "no-such-group",
        f"x: there is no GPU group {k}",
        f"gpu={k}",
    )


def test_layer_is_placed_like_its_first_input_by_default() -> None:
    text = START + "[a] conv filters=3 kernel=1 gpu=1\n[b] conv filters=5 kernel=1\n[c] fc outputs=7\n[d] softmax"
    assert [placed(text, layer) for layer in "abcd"] == [ON_1] * 4
    text = SPLIT_CONV + "[b] conv filters=8 kernel=1 inputs=image gpu=0\n[x] fc outputs=4 inputs={}"
    assert placed(text.format("b,a"), "x") == ON_0
    assert placed(text.format("a,b"), "x") == SPLIT


def test_gpu_all_returns_to_split() -> None:
    text = START + "[a] conv filters=4 kernel=1 gpu=1\n[b] conv filters=4 kernel=1 gpu=all\n[c] conv filters=4 kernel=1"
    assert [placed(text, layer) for layer in "abc"] == [ON_1, SPLIT, SPLIT]
    assert [groups(text, layer) for layer in "abc"] == [1, 1, 2]
    assert codes(START + "[a] conv filters=3 kernel=1 gpu=1\n[b] relu gpu=all") == ["groups-do-not-divide"]


def test_groups_divides_what_the_layer_reads() -> None:
    grouped = "[b] conv filters=8 kernel=1 groups=2"
    assert groups(SPLIT_CONV + grouped, "b") == 4
    assert groups(SPLIT_CONV + grouped + " reads=all", "b") == 2
    assert groups(START + grouped, "b") == 2
    assert groups(SPLIT_CONV.replace("gpus 2\n", "") + grouped, "b") == 2
    assert groups(SPLIT_CONV + grouped.replace("conv", "local"), "b") == 4


def test_indivisible_groups_are_errors() -> None:
    found = only_diagnostic(SPLIT_CONV + "[b] conv filters=8 kernel=1 groups=3")
    assert found.message == "b: 6 groups do not divide its input channels"
    assert position_of(found)[2] == "groups=3"
    found = only_diagnostic(SPLIT_CONV + "[b] conv filters=6 kernel=1 groups=2")
    assert (found.message, found.notes) == (
        "b: 4 groups do not divide its filters",
        ("6 filters / 4 groups = 1.5, not a whole number",),
    )


@pytest.mark.parametrize(
    ("text", "message", "note", "where"),
    [
        (
            "[i] input 3x8x8\n[f] fc outputs=8 parts=4",
            "f: 4 parts do not divide its input channels",
            "3 input channels / 4 parts = 0.75, not a whole number",
            ["parts=4"],
        ),
        (
            "[i] input 8\n[f] fc outputs=10 parts=4",
            "f: 4 parts do not divide its outputs",
            "10 outputs / 4 parts = 2.5, not a whole number",
            ["outputs=10", "parts=4"],
        ),
        (
            "gpus 2\n[i] input 8\n[a] fc outputs=16\n[f] fc outputs=12 parts=4",
            "f: 4 parts do not divide its outputs",
            "6 outputs of each of 2 GPU groups / 4 parts = 1.5, not a whole number",
            ["outputs=12", "parts=4"],
        ),
    ],
)
def test_indivisible_parts_are_reported_as_parts(text: str, message: str, note: str, where: list[str]) -> None:
    found = only_diagnostic(text)
    assert (found.code, found.message, found.notes) == ("groups-do-not-divide", message, (note,))
    assert [span.text for span in found.spans] == where


def test_fc_has_no_groups_key() -> None:
    assert codes(START + "[b] fc outputs=8 groups=2") == ["unknown-key"]


def test_claims_and_counts_are_of_the_whole_layer() -> None:
    net = valid_net(SPLIT_CONV + "[b] conv filters=8 kernel=3 -> 8x6x6 units=288 weights=288 connections=10368")
    assert (net["b"].output, net["b"].units, net["b"].weights, net["b"].biases) == ((8, 6, 6), 288, 288, 8)
    assert net["b"].connections == 10368  # 6 * 6 * 288


def test_three_groups_are_read_by_own_share() -> None:
    text = (
        "gpus 3\n[image] input 3x8x8\n[a] conv filters=9 kernel=3\n[b] conv filters=6 kernel=3\n[n] lrn size=3 alpha=1"
    )
    assert [groups(text, layer) for layer in "abn"] == [1, 3, 3]


# The whole of AlexNet.


def test_alexnet_is_placed_and_grouped_as_in_the_paper() -> None:
    text = spec("alexnet")
    assert {n: groups(text, n) for n in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")} == {
        "conv1": 1,
        "conv2": 2,
        "conv3": 1,
        "conv4": 2,
        "conv5": 2,
        "fc6": 1,
        "fc7": 1,
        "fc8": 1,
    }
    assert (groups(text, "norm1"), groups(text, "norm2")) == (2, 2)
    whole = [n for n, layer in valid_net(text).graph.layers.items() if not layer.placement.split]
    assert whole == ["image", "fc8", "prob"]
    assert (placed(text, "fc8"), placed(text, "prob")) == (ON_0, ON_0)


def test_gpu_all_does_not_join_differently_placed_values() -> None:
    text = "gpus 2\n[i] input 4\n[a] fc outputs=4\n[b] fc outputs=4 gpu=0 inputs=i\n[c] concat inputs=a,b gpu=all"
    assert only_diagnostic(text).code == "placement-mismatch"
