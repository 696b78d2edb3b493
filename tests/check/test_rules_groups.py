"""The language page, "GPU groups", sentence by sentence: where values live, and the grouped operations they become."""

from __future__ import annotations

import pytest
from checking import codes, good, mistake, ops, place, spec

from netspec.ir.graph import SPLIT, WHOLE, Placement
from netspec.ir.ops import Bias, Concat, Conv, Linear, Local, Lrn, Relu, Sum

START = "gpus 2\n[image] input 4x8x8\n"
SPLIT_CONV = START + "[a] conv filters=8 kernel=3 pad=1\n"
ON_0 = Placement(gpu=0)
ON_1 = Placement(gpu=1)


def placed(text: str, layer: str) -> Placement:
    return good(text).graph.layers[layer].placement


def groups(text: str, layer: str) -> int:
    op = ops(text, layer)[0]
    assert isinstance(op, Conv | Local | Linear | Lrn | Concat)
    return op.groups


def test_input_is_whole() -> None:
    assert placed(START + "[a] relu", "image") == WHOLE


def test_without_gpus_everything_is_whole() -> None:
    graph = good(SPLIT_CONV.replace("gpus 2\n", "") + "[n] lrn size=5 alpha=1\n[f] fc outputs=4").graph
    assert {layer.placement for layer in graph.layers.values()} == {WHOLE}
    assert groups(SPLIT_CONV.replace("gpus 2\n", ""), "a") == 1


def test_gpus_1_is_without_gpus() -> None:
    assert placed(SPLIT_CONV.replace("gpus 2", "gpus 1"), "a") == WHOLE


@pytest.mark.parametrize(
    "layer",
    [
        "conv filters=8 kernel=3",
        "local filters=8 kernel=3",
        "fc outputs=8",
    ],
)
def test_a_layer_with_weights_is_split(layer: str) -> None:
    assert placed(START + f"[x] {layer}", "x") == SPLIT


@pytest.mark.parametrize(
    "layer",
    [
        "conv filters=9 kernel=3",
        "local filters=9 kernel=3",
        "fc outputs=9",
    ],
)
def test_the_groups_must_divide_its_filters_or_outputs(layer: str) -> None:
    found = mistake(START + f"[x] {layer}")
    assert (found.code, place(found)[2]) == ("groups-do-not-divide", layer.split()[1])
    assert found.notes == ("9 / 2 = 4.5: each group computes an equal share",)


@pytest.mark.parametrize(
    "layer",
    [
        "conv filters=8 kernel=3",
        "local filters=8 kernel=3",
        "fc outputs=8",
    ],
)
def test_a_whole_value_is_read_whole(layer: str) -> None:
    assert groups(START + f"[x] {layer}", "x") == 1


@pytest.mark.parametrize(
    "layer",
    [
        "conv filters=8 kernel=3",
        "local filters=8 kernel=3",
        "fc outputs=8",
    ],
)
def test_from_a_split_value_a_layer_reads_its_own_share(layer: str) -> None:
    assert groups(SPLIT_CONV + f"[x] {layer}", "x") == 2
    assert groups(SPLIT_CONV + f"[x] {layer} reads=own", "x") == 2


@pytest.mark.parametrize(
    "layer",
    [
        "conv filters=8 kernel=3",
        "local filters=8 kernel=3",
        "fc outputs=8",
    ],
)
def test_reads_all_reads_the_whole_value(layer: str) -> None:
    text = SPLIT_CONV + f"[x] {layer} reads=all"
    assert groups(text, "x") == 1
    assert placed(text, "x") == SPLIT


def test_the_output_is_split_either_way_so_the_next_layer_reads_its_own_share() -> None:
    text = SPLIT_CONV + "[b] conv filters=8 kernel=3 reads=all\n[c] conv filters=8 kernel=3"
    assert [groups(text, layer) for layer in "abc"] == [1, 1, 2]


def test_own_reading_halves_the_weights() -> None:
    # 3 * 3 * 8 maps * 8 filters = 576 with all, half of that with own
    assert good(SPLIT_CONV + "[b] conv filters=8 kernel=3 reads=all")["b"].weights == 576
    assert good(SPLIT_CONV + "[b] conv filters=8 kernel=3")["b"].weights == 288


@pytest.mark.parametrize(
    "word",
    [
        "maxpool kernel=2",
        "dropout",
        "relu",
        "batchnorm",
        "softmax",
        "concat",
        "sum inputs=a,a",
        "flatten",
        "rnorm size=3 scale=1",
        "avgpool kernel=global",
    ],
)
def test_reads_is_a_key_of_weight_layers_and_lrn_only(word: str) -> None:
    found = mistake(SPLIT_CONV + f"[x] {word} reads=all")
    assert found.message == f"reads is a key of conv, fc, local, lrn, not of {word.split()[0]}"


def test_an_lrn_window_stays_inside_its_group_unless_it_reads_all() -> None:
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
        "blur size=3 stdev=1",
        "nailbed stride=2",
        "mirror",
        "flatten",
    ],
)
def test_what_has_no_weights_acts_on_what_its_input_is(layer: str) -> None:
    assert placed(SPLIT_CONV + f"[x] {layer}\n[y] abs", "x") == SPLIT
    assert placed(START + f"[x] {layer}\n[y] abs", "x") == WHOLE
    assert placed(START + f"[a] conv filters=8 kernel=3 pad=1 gpu=1\n[x] {layer}\n[y] abs", "x") == ON_1


def test_concat_joins_group_by_group() -> None:
    text = SPLIT_CONV + "[b] conv filters=4 kernel=3 pad=1 inputs=image\n[x] concat inputs=a,b -> 12x8x8"
    assert (groups(text, "x"), placed(text, "x")) == (2, SPLIT)


def test_concat_of_whole_values_is_whole() -> None:
    text = START + "[a] relu\n[x] concat inputs=a,image"
    assert (groups(text, "x"), placed(text, "x")) == (1, WHOLE)


def test_concat_does_not_mix_split_and_whole() -> None:
    found = mistake(SPLIT_CONV + "[x] concat inputs=a,image")
    assert (found.code, place(found)[2]) == ("placement-mismatch", "inputs=a,image")
    assert found.notes[0] == "a (8x8x8) is split over the groups, image (4x8x8) is whole"


def on_groups(*gpus: int) -> str:
    return START + "".join(f"[g{i}] conv filters=4 kernel=1 inputs=image gpu={g}\n" for i, g in enumerate(gpus))


def test_concat_of_layers_placed_on_all_groups_in_order_is_split() -> None:
    text = on_groups(0, 1) + "[x] concat inputs=g0,g1\n[y] conv filters=4 kernel=1"
    assert (placed(text, "x"), groups(text, "x")) == (SPLIT, 1)
    assert groups(text, "y") == 2


@pytest.mark.parametrize("gpus", [(1, 0), (0, 0), (1, 1), (0, 1, 0)])
def test_concat_of_others_is_where_its_first_input_is(gpus: tuple[int, ...]) -> None:
    inputs = ",".join(f"g{i}" for i in range(len(gpus)))
    assert placed(on_groups(*gpus) + f"[x] concat inputs={inputs}", "x") == Placement(gpu=gpus[0])


def test_concat_of_unequal_shares_is_an_error() -> None:
    text = START + "[g0] conv filters=4 kernel=1 gpu=0\n[g1] conv filters=6 kernel=1 gpu=1 inputs=image\n"
    assert codes(text + "[x] concat inputs=g0,g1") == ["placement-mismatch"]


@pytest.mark.parametrize(
    "word",
    [
        "sum",
        "max",
    ],
)
def test_sum_and_max_need_inputs_placed_alike(word: str) -> None:
    other = "[b] conv filters=8 kernel=3 pad=1 inputs=image"
    assert placed(SPLIT_CONV + f"{other}\n[x] {word} inputs=a,b", "x") == SPLIT
    found = mistake(SPLIT_CONV + f"{other} gpu=0\n[x] {word} inputs=a,b")
    assert (found.code, place(found)[2]) == ("placement-mismatch", "inputs=a,b")
    assert found.notes[0] == "a (8x8x8) is split over the groups, b (8x8x8) is whole on group 0"
    assert placed(SPLIT_CONV + f"{other} gpu=0\n[x] {word} inputs=a,b gpu=1", "x") == ON_1


@pytest.mark.parametrize(
    "word",
    [
        "softmax",
        "crossentropy",
        "binarycrossentropy",
        "squarederror",
    ],
)
def test_softmax_and_losses_gather(word: str) -> None:
    split = START + "[f] fc outputs=4\n"
    assert placed(split + f"[x] {word}", "f") == SPLIT
    assert placed(split + f"[x] {word}", "x") == WHOLE
    assert placed(START + f"[f] fc outputs=4 gpu=1\n[x] {word}", "x") == ON_1


def test_flatten_before_those_gathers_too() -> None:
    assert placed(SPLIT_CONV + "[f] flatten\n[x] softmax", "f") == WHOLE
    assert placed(SPLIT_CONV + "[f] flatten\n[x] softmax\n[l] crossentropy inputs=f", "f") == WHOLE
    assert placed(SPLIT_CONV + "[f] flatten\n[x] softmax\n[y] relu inputs=f", "f") == SPLIT
    assert placed(SPLIT_CONV + "[f] flatten", "f") == SPLIT


def test_gpu_k_makes_a_layer_whole_on_group_k() -> None:
    text = SPLIT_CONV + "[x] fc outputs=3 gpu=1"  # 3 need not be divisible
    assert placed(text, "x") == ON_1


def test_a_weight_layer_with_gpu_k_reads_its_inputs_whole() -> None:
    for layer in ("conv filters=3 kernel=3", "local filters=3 kernel=3", "fc outputs=3"):
        assert groups(SPLIT_CONV + f"[x] {layer} gpu=1", "x") == 1


@pytest.mark.parametrize(("gpus", "k"), [(2, 2), (3, 3), (2, 100), (1, 1)])
def test_there_is_no_such_group(gpus: int, k: int) -> None:
    found = mistake(START.replace("gpus 2", f"gpus {gpus}") + f"[x] fc outputs=6 gpu={k}")
    assert (found.code, found.message, place(found)[2]) == (
        "no-such-group",
        f"x: there is no GPU group {k}",
        f"gpu={k}",
    )


def test_who_says_nothing_takes_the_placement_of_the_first_input() -> None:
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


def test_groups_g_divides_what_the_layer_reads() -> None:
    own = "[b] conv filters=8 kernel=1 groups=2"
    assert groups(SPLIT_CONV + own, "b") == 4
    assert groups(SPLIT_CONV + own + " reads=all", "b") == 2
    assert groups(START + own, "b") == 2
    assert groups(SPLIT_CONV.replace("gpus 2\n", "") + own, "b") == 2
    assert groups(SPLIT_CONV + own.replace("conv", "local"), "b") == 4


def test_groups_that_do_not_divide_are_told() -> None:
    found = mistake(SPLIT_CONV + "[b] conv filters=8 kernel=1 groups=3")
    assert found.message == "b: 6 groups do not divide its input channels"
    assert place(found)[2] == "groups=3"
    found = mistake(SPLIT_CONV + "[b] conv filters=6 kernel=1 groups=2")
    assert (found.message, found.notes) == (
        "b: 4 groups do not divide its filters",
        ("6 filters / 4 groups = 1.5, not a whole number",),
    )


def test_fc_has_no_groups_of_its_own() -> None:
    assert codes(START + "[b] fc outputs=8 groups=2") == ["unknown-key"]


def test_claims_and_counts_state_the_whole_layer() -> None:
    net = good(SPLIT_CONV + "[b] conv filters=8 kernel=3 -> 8x6x6 units=288 weights=288 connections=10368")
    assert (net["b"].output, net["b"].units, net["b"].weights, net["b"].biases) == ((8, 6, 6), 288, 288, 8)
    assert net["b"].connections == 10368  # 6 * 6 * 288


def test_three_groups() -> None:
    text = (
        "gpus 3\n[image] input 3x8x8\n[a] conv filters=9 kernel=3\n[b] conv filters=6 kernel=3\n[n] lrn size=3 alpha=1"
    )
    assert [groups(text, layer) for layer in "abn"] == [1, 3, 3]


# Several inputs on a weight layer: one kernel each (comma lists per input, one value serves all), products summed, one
# bias.


def test_several_inputs_have_a_kernel_each_and_one_bias() -> None:
    text = "[i] input 3x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3,5 pad=1,2 neuron=relu"
    first, second, total, bias, neuron = ops(text, "x")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert (first.window.kernel, first.window.pad.left, first.bias) == ((3, 3), 1, False)
    assert (second.window.kernel, second.window.pad.left, second.bias) == ((5, 5), 2, False)
    assert (total, bias, neuron) == (Sum(), Bias("channel", 9 * 3 + 25 * 3, 25 * 4), Relu())
    net = good(text)
    assert [(p.key, p.shape) for p in net.graph.parameters_of("x")] == [
        ("x.weights.0", (4, 3, 3, 3)),
        ("x.weights.1", (4, 3, 5, 5)),
        ("x.bias", (4,)),
    ]
    assert (net["x"].weights, net["x"].biases) == (4 * 3 * 9 + 4 * 3 * 25, 4)


def test_one_value_serves_all_inputs() -> None:
    text = "[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3 stride=1 groups=2,1 init=he,gaussian(0.1)"
    first, second, *_ = ops(text, "x")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert (first.window, first.groups, second.window, second.groups) == (second.window, 2, first.window, 1)


def test_four_pads_of_two_inputs_are_one_pad_for_both() -> None:
    text = "[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3 pad=1,0,1,0"
    first, second, *_ = ops(text, "x")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert tuple(first.window.pad) == tuple(second.window.pad) == (1, 0, 1, 0)


def test_as_many_values_as_inputs_or_one() -> None:
    found = mistake("[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3,3,3")
    assert found.message == "kernel: has 3 values for 2 inputs; give one for each, or one for all"
    assert place(found)[2] == "3,3,3"
    assert codes("[i] input 4x8x8\n[x] conv filters=4 kernel=3,3") == ["bad-value"]
    assert codes("[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4,4 kernel=3") == ["bad-value"]


def test_products_of_several_inputs_must_have_one_shape() -> None:
    assert codes("[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3,5") == ["shapes-differ"]


def test_each_input_is_read_as_it_is_placed() -> None:
    text = SPLIT_CONV + "[b] conv inputs=a,image filters=4 kernel=3"
    first, second, *_ = ops(text, "b")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert (first.groups, second.groups) == (2, 1)


def test_several_inputs_of_fc_and_local() -> None:
    net = good("[i] input 4x2x2\n[f] fc outputs=3\n[x] fc inputs=i,f outputs=5")
    assert (net["x"].weights, net["x"].biases) == (16 * 5 + 3 * 5, 5)
    net = good("[i] input 4x3x3\n[j] relu\n[x] local inputs=i,j filters=2 kernel=2")
    # 2x2 places, 2 filters, 4 maps, 2x2 kernels, twice; a bias for each of the 8 units
    assert (net["x"].weights, net["x"].biases) == (2 * (2 * 2 * 2 * 4 * 2 * 2), 8)


# weights=X shares the matrix and never the bias; X stands earlier, same type, shape and placement.


def test_weights_shares_the_matrix_and_never_the_bias() -> None:
    net = good("[i] input 4x8x8\n[a] conv filters=4 kernel=3 pad=1\n[b] conv filters=4 kernel=3 weights=a")
    assert list(net.graph.parameters) == ["a.weight", "a.bias", "b.bias"]
    assert net.graph.nodes["b"].params == ("a.weight", "b.bias")
    assert (net["a"].weights, net["a"].biases, net["b"].weights, net["b"].biases) == (144, 4, 0, 4)
    assert net["b"].connections == 6 * 6 * 144
    assert net.total.weights == 144


def test_shared_weights_are_claimed_where_they_are_counted() -> None:
    text = "[i] input 4x8x8\n[a] conv filters=4 kernel=3 pad=1 -> weights=144\n[b] conv filters=4 kernel=3 weights=a"
    assert good(text + " -> weights=0").total.weights == 144
    assert mistake(text + " -> weights=144").notes == ("its weights are another layer's, and are counted there",)


def test_shared_weights_pass_on() -> None:
    text = "[i] input 8\n[a] fc outputs=8\n[b] fc outputs=8 weights=a\n[c] fc outputs=8 weights=b bias=none"
    net = good(text)
    assert [net.graph.nodes[n].params for n in "abc"] == [("a.weight", "a.bias"), ("a.weight", "b.bias"), ("a.weight",)]


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("[a] fc outputs=8\n[b] fc outputs=8 weights=c", "unknown-layer", "layer 'c' is unknown"),
        ("[a] fc outputs=8\n[b] fc outputs=8 weights=b", "reads-later-layer", "which does not stand above it"),
        ("[b] fc outputs=8 weights=c\n[c] fc outputs=8", "reads-later-layer", "which does not stand above it"),
        ("[a] local filters=8 kernel=1\n[b] conv filters=8 kernel=1 weights=a", "weights-mismatch", "which is local"),
        (
            "[a] conv filters=8 kernel=3\n[b] conv filters=8 kernel=3 weights=a reads=all",
            "weights-mismatch",
            "cannot take a's",
        ),
        ("[a] relu\n[b] conv filters=8 kernel=3 weights=a", "weights-mismatch", "which is relu"),
        (
            "[a] conv filters=4 kernel=1 gpu=0\n[b] conv filters=4 kernel=1 weights=a gpu=1",
            "weights-mismatch",
            "cannot",
        ),
        ("[a] fc outputs=8\n[b] fc outputs=8 weights=a,a", "bad-value", "one layer"),
    ],
)
def test_whose_weights_cannot_be_shared(text: str, code: str, said: str) -> None:
    found = mistake(START + text)
    assert (found.code, said in found.message) == (code, True), found.message


def test_the_shapes_of_unequal_matrices_are_told() -> None:
    found = mistake("[i] input 4x8x8\n[a] conv filters=8 kernel=3\n[b] conv filters=8 kernel=3 weights=a")
    assert found.notes == ("b needs 8x8x3x3, a has 8x4x3x3",)


def test_a_layer_with_several_inputs_shares_several_matrices() -> None:
    text = (
        "[i] input 4x8x8\n[j] relu\n[a] conv filters=4 kernel=3 inputs=i,j pad=1\n"
        "[b] conv filters=4 kernel=3 inputs=a,i weights=a"
    )
    graph = good(text).graph
    assert [key for key in graph.parameters if "weight" in key] == ["a.weights.0", "a.weights.1"]
    assert [graph.nodes[f"b:conv{n}"].params for n in ("", ".1")] == [("a.weights.0",), ("a.weights.1",)]


# The network that the rules were made for.


def test_alexnet_is_placed_and_grouped_as_the_paper_has_it() -> None:
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
    whole = [n for n, layer in good(text).graph.layers.items() if not layer.placement.split]
    assert whole == ["image", "fc8", "prob"]
    assert (placed(text, "fc8"), placed(text, "prob")) == (ON_0, ON_0)


def test_one_matrix_is_not_taken_for_two() -> None:
    text = "[i] input 8\n[a] fc outputs=8\n[b] fc outputs=8 inputs=a,i\n[c] fc outputs=8 inputs=i weights=b"
    assert mistake(text).code == "weights-mismatch"


def test_gpu_all_does_not_join_what_is_placed_differently() -> None:
    text = "gpus 2\n[i] input 4\n[a] fc outputs=4\n[b] fc outputs=4 gpu=0 inputs=i\n[c] concat inputs=a,b gpu=all"
    assert mistake(text).code == "placement-mismatch"
