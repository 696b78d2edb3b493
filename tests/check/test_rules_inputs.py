"""Layers that read several inputs, and layers that share their weights."""

from __future__ import annotations

import pytest
from checking import codes, only_diagnostic, ops_of, position_of, valid_net

from netspec.ir.graph import Placement
from netspec.ir.ops import Bias, Conv, Relu, Sum

START = "gpus 2\n[image] input 4x8x8\n"
SPLIT_CONV = START + "[a] conv filters=8 kernel=3 pad=1\n"
ON_0 = Placement(gpu=0)
ON_1 = Placement(gpu=1)


# Several inputs on a weight layer: one kernel each (comma lists per input, one value serves all), products summed, one
# bias.


def test_several_inputs_have_separate_kernels_and_one_bias() -> None:
    text = "[i] input 3x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3,5 pad=1,2 neuron=relu"
    first, second, total, bias, neuron = ops_of(text, "x")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert (first.window.kernel, first.window.pad.left, first.bias) == ((3, 3), 1, False)
    assert (second.window.kernel, second.window.pad.left, second.bias) == ((5, 5), 2, False)
    assert (total, bias, neuron) == (Sum(), Bias("channel", 9 * 3 + 25 * 3, 25 * 4), Relu())
    net = valid_net(text)
    assert [(p.key, p.shape) for p in net.graph.parameters_of("x")] == [
        ("x.weights.0", (4, 3, 3, 3)),
        ("x.weights.1", (4, 3, 5, 5)),
        ("x.bias", (4,)),
    ]
    assert (net["x"].weights, net["x"].biases) == (4 * 3 * 9 + 4 * 3 * 25, 4)


def test_one_value_applies_to_all_inputs() -> None:
    text = "[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3 stride=1 groups=2,1 init=he,gaussian(0.1)"
    first, second, *_ = ops_of(text, "x")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert (first.window, first.groups, second.window, second.groups) == (second.window, 2, first.window, 1)


def test_four_pads_for_two_inputs_apply_to_both() -> None:
    text = "[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3 pad=1,0,1,0"
    first, second, *_ = ops_of(text, "x")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert tuple(first.window.pad) == tuple(second.window.pad) == (1, 0, 1, 0)


def test_four_pads_for_four_inputs_are_one_each() -> None:
    text = "[i] input 4x8x8\n[j] relu\n[k] relu\n[l] relu\n[x] conv inputs=i,j,k,l filters=4 kernel=1,3,5,7 pad=0,1,2,3"
    assert valid_net(text)["x"].output == (4, 8, 8)
    windows = [op.window for op in ops_of(text, "x") if isinstance(op, Conv)]
    assert [tuple(window.pad) for window in windows] == [(0,) * 4, (1,) * 4, (2,) * 4, (3,) * 4]


def test_number_of_values_is_one_or_the_number_of_inputs() -> None:
    found = only_diagnostic("[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3,3,3")
    assert found.message == "kernel: has 3 values for 2 inputs; give one for each, or one for all"
    assert position_of(found)[2] == "3,3,3"
    assert codes("[i] input 4x8x8\n[x] conv filters=4 kernel=3,3") == ["bad-value"]
    assert codes("[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4,4 kernel=3") == ["bad-value"]


def test_outputs_of_several_inputs_must_have_one_shape() -> None:
    assert codes("[i] input 4x8x8\n[j] relu\n[x] conv inputs=i,j filters=4 kernel=3,5") == ["shapes-differ"]


def test_each_input_is_read_according_to_its_placement() -> None:
    text = SPLIT_CONV + "[b] conv inputs=a,image filters=4 kernel=3"
    first, second, *_ = ops_of(text, "b")
    assert isinstance(first, Conv) and isinstance(second, Conv)
    assert (first.groups, second.groups) == (2, 1)


def test_weights_of_fc_and_local_with_several_inputs() -> None:
    net = valid_net("[i] input 4x2x2\n[f] fc outputs=3\n[x] fc inputs=i,f outputs=5")
    assert (net["x"].weights, net["x"].biases) == (16 * 5 + 3 * 5, 5)
    net = valid_net("[i] input 4x3x3\n[j] relu\n[x] local inputs=i,j filters=2 kernel=2")
    # 2x2 positions, 2 filters, 4 maps, 2x2 kernels, twice; a bias for each of the 8 units
    assert (net["x"].weights, net["x"].biases) == (2 * (2 * 2 * 2 * 4 * 2 * 2), 8)


# weights=X shares the matrix but not the bias; X is an earlier layer with the same type, shape and placement.


def test_weights_key_shares_the_matrix_but_not_the_bias() -> None:
    net = valid_net("[i] input 4x8x8\n[a] conv filters=4 kernel=3 pad=1\n[b] conv filters=4 kernel=3 weights=a")
    assert list(net.graph.parameters) == ["a.weight", "a.bias", "b.bias"]
    assert net.graph.nodes["b"].params == ("a.weight", "b.bias")
    assert (net["a"].weights, net["a"].biases, net["b"].weights, net["b"].biases) == (144, 4, 0, 4)
    assert net["b"].connections == 6 * 6 * 144
    assert net.total.weights == 144


def test_claims_of_shared_weights_hold_at_their_owner() -> None:
    text = "[i] input 4x8x8\n[a] conv filters=4 kernel=3 pad=1 -> weights=144\n[b] conv filters=4 kernel=3 weights=a"
    assert valid_net(text + " -> weights=0").total.weights == 144
    assert only_diagnostic(text + " -> weights=144").notes == (
        "its weights are another layer's, and are counted there",
    )


def test_shared_weights_can_be_shared_again() -> None:
    text = "[i] input 8\n[a] fc outputs=8\n[b] fc outputs=8 weights=a\n[c] fc outputs=8 weights=b bias=none"
    net = valid_net(text)
    assert [net.graph.nodes[n].params for n in "abc"] == [("a.weight", "a.bias"), ("a.weight", "b.bias"), ("a.weight",)]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("[a] fc outputs=8\n[b] fc outputs=8 weights=c", "unknown-layer", "layer 'c' is unknown"),
        ("[a] fc outputs=8\n[b] fc outputs=8 weights=b", "reads-later-layer", "which is not above it"),
        ("[b] fc outputs=8 weights=c\n[c] fc outputs=8", "reads-later-layer", "which is not above it"),
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
def test_weights_of_unsuitable_layers_cannot_be_shared(text: str, code: str, message: str) -> None:
    found = only_diagnostic(START + text)
    assert (found.code, message in found.message) == (code, True), found.message


def test_note_states_the_shapes_of_unequal_matrices() -> None:
    found = only_diagnostic("[i] input 4x8x8\n[a] conv filters=8 kernel=3\n[b] conv filters=8 kernel=3 weights=a")
    assert found.notes == ("b needs 8x8x3x3, a has 8x4x3x3",)


def test_layer_with_several_inputs_shares_several_matrices() -> None:
    text = (
        "[i] input 4x8x8\n[j] relu\n[a] conv filters=4 kernel=3 inputs=i,j pad=1\n"
        "[b] conv filters=4 kernel=3 inputs=a,i weights=a"
    )
    graph = valid_net(text).graph
    assert [key for key in graph.parameters if "weight" in key] == ["a.weights.0", "a.weights.1"]
    assert [graph.nodes[f"b:conv{n}"].params for n in ("", ".1")] == [("a.weights.0",), ("a.weights.1",)]


def test_one_matrix_cannot_replace_two() -> None:
    text = "[i] input 8\n[a] fc outputs=8\n[b] fc outputs=8 inputs=a,i\n[c] fc outputs=8 inputs=i weights=b"
    assert only_diagnostic(text).code == "weights-mismatch"
