"""Counts of a graph: what is counted, and properties that hold for every network."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import pytest
from checking import spec, valid_net
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS

from netspec import load, loads
from netspec.formatting import format_number
from netspec.ir.ops import VOCABULARY, Bias, ChannelScale, Conv, Deconv, Dropout, Linear, Local, PRelu
from netspec.ir.ops.base import Op
from netspec.net import Net
from netspec.report import as_dict, im2col_table, layer_table
from netspec.stats import MatrixProduct, flops_by_kind, layer_numbers, matrix_products, share, totals

PATHS = sorted(SPECS.glob("*.net"))


def net(name: str) -> Net:
    return load(SPECS / f"{name}.net")


def test_layers_without_weights_are_listed_but_not_counted() -> None:
    alexnet = net("alexnet")
    pool = alexnet["pool1"]
    assert (pool.output, pool.units, pool.parameters, pool.connections, pool.counted) == (
        (96, 27, 27),
        69_984,
        0,
        0,
        False,
    )
    assert list(alexnet.layers) == list(alexnet.graph.layers)


def test_batchnorm_has_weights_but_adds_no_units() -> None:
    text = "[i] input 3x8x8\n[c] conv filters=4 kernel=3\n[b] batchnorm\n[f] fc outputs=5"
    with_norm, without_norm = valid_net(text), valid_net(text.replace("[b] batchnorm\n", ""))
    assert (with_norm["b"].weights, with_norm["b"].biases, with_norm["b"].connections, with_norm["b"].counted) == (
        4,
        4,
        0,
        False,
    )
    assert with_norm.total.units == without_norm.total.units == 4 * 6 * 6 + 5
    assert with_norm.total.connections == without_norm.total.connections
    assert (with_norm.total.weights, with_norm.total.biases) == (
        without_norm.total.weights + 4,
        without_norm.total.biases + 4,
    )


# im2col: convolutions as matrix products.


def test_matrix_products_of_alexnet() -> None:
    products = {m.layer: (m.groups, m.rows, m.inner, m.columns) for m in matrix_products(net("alexnet").graph)}
    assert products == {
        "conv1": (1, 96, 363, 3025),
        "conv2": (2, 128, 1200, 729),
        "conv3": (1, 384, 2304, 169),
        "conv4": (2, 192, 1728, 169),
        "conv5": (2, 128, 1728, 169),
    }


def test_growth_of_the_unrolled_image() -> None:
    growth = {m.layer: m.growth for m in matrix_products(net("alexnet").graph)}
    assert growth["conv1"] == 363 * 3025 / (3 * 224 * 224)  # 7.3 times
    assert growth["conv2"] == 2 * 1200 * 729 / (96 * 27 * 27)  # a stride of 1 reads each pixel 25 times
    assert growth["conv2"] == 25


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_matrix_product_size_equals_the_connections(path: Path) -> None:
    network = load(str(path))
    for m in matrix_products(network.graph):
        assert m.connections == network[m.layer].connections
        absent = (16 * 6 - 60) * 25 * 100 if (path.stem, m.layer) == ("lenet-5", "c3") else 0
        assert m.groups * m.rows * m.inner * m.columns == m.connections + absent


def test_matrix_product_of_a_transposed_convolution() -> None:
    """Of 4 channels of 8 x 8 pixels, in 2 groups: 4 x 16 weights of each of the 2 channels of a group, 64 pixels."""
    network = valid_net("[i] input 4x8x8\n[d] deconv filters=8 kernel=4 stride=2 pad=1 groups=2")
    (m,) = matrix_products(network.graph)
    assert m == MatrixProduct("d", 2, 64, 2, 64, 1.0, 2 * 64 * 2 * 64)
    assert m.connections == network["d"].connections
    assert im2col_table(network).notes[-1].startswith("d: a transposed convolution is its transposed weights")


# Shares of the GPU groups.


def test_shares_of_split_whole_and_placed_layers() -> None:
    alexnet = net("alexnet")
    assert share(alexnet["conv2"], 0, 2) == share(alexnet["conv2"], 1, 2) == (93_312, 153_600, 128, 111_974_400)
    assert share(alexnet["fc8"], 0, 2) == (1_000, 4_096_000, 1_000, 4_096_000)
    assert share(alexnet["fc8"], 1, 2) == (0, 0, 0, 0)
    assert share(alexnet["image"], 0, 2) == share(alexnet["image"], 1, 2) == (150_528, 0, 0, 0)
    conv = valid_net("gpus 3\n[i] input 3x8x8\n[c] conv filters=6 kernel=3 gpu=0,2\n[p] softmax")["c"]
    assert share(conv, 0, 3) == share(conv, 2, 3) == (216, 162, 6, 5_832)
    assert share(conv, 1, 3) == (0, 0, 0, 0)
    slope = valid_net("gpus 2\n[i] input 4\n[f] fc outputs=6\n[r] prelu shared=yes\n[s] softmax")["r"]
    assert share(slope, 0, 2) == share(slope, 1, 2) == (3, 1, 0, 0)


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_shares_add_up_to_the_layer(path: object) -> None:
    network = load(str(path))
    groups = network.graph.groups
    for n in network.layers.values():
        placed = n.placement.split or n.placement.gpu is not None
        whole = (n.units, n.weights, n.biases, n.connections)
        parts = [share(n, g, groups) for g in range(groups)]
        assert tuple(map(sum, zip(*parts, strict=True))) == (whole if placed else tuple(groups * x for x in whole))


def test_groups_of_normalisations_are_those_of_all_gpu_groups() -> None:
    """32 in each of two GPU groups are 64 together. Layers without a window or a normalisation have no groups."""
    two = valid_net(
        "gpus 2\n[i] input 3x8x8\n[c] conv filters=128 kernel=3\n[g] groupnorm groups=32 neuron=relu\n"
        "[l] layernorm\n[r] relu\n[p] softmax\n"
    )
    layers = as_dict(two, 1)["layers"]
    assert {entry["name"]: entry["groups"] for entry in layers if "groups" in entry} == {"g": 64, "l": 2}
    names = [column.name for column in layer_table(two, 1).columns]
    rows = [dict(zip(names, row, strict=True)) for row in layer_table(two, 1).rows]
    assert {row["layer"]: row["groups"] for row in rows if row["groups"]} == {"c": "1", "g": "64", "l": "2"}
    assert {row["kernel"] for row in rows if row["layer"] in "gl"} == {""}


# What each layer would cost fully connected, and FLOPs.


def test_dense_connections_of_alexnet() -> None:
    alexnet = net("alexnet")
    assert alexnet["conv1"].dense_connections == 3 * 224 * 224 * 96 * 55 * 55
    assert alexnet["fc6"].dense_connections == alexnet["fc6"].connections
    assert alexnet["pool1"].dense_connections == 0


def test_flops_by_hand() -> None:
    tiny = valid_net(
        "[i] input 2x4x4\n[c] conv filters=3 kernel=3 neuron=relu\n[p] maxpool kernel=2\n[n] lrn size=5 alpha=1\n"
        "[f] fc outputs=5 bias=none\n[s] softmax"
    )
    # conv 3x2x2: 12 * 18 = 216 connections, 12 biases, 12 relu; pool 3x1x1: 3 * 3 comparisons; lrn 3 * (2 * 5 + 3);
    # fc 3 * 5 = 15 connections; softmax 3 * 5
    assert {n.name: n.flops for n in tiny.layers.values()} == {"i": 0, "c": 456, "p": 9, "n": 39, "f": 30, "s": 15}
    assert tiny.total.flops == 456 + 9 + 39 + 30 + 15
    assert flops_by_kind(tiny.graph) == {
        "connections": 462,
        "biases": 12,
        "relu": 12,
        "maxpool": 9,
        "lrn": 39,
        "softmax": 15,
    }


def test_flops_are_listed_by_words_of_the_spec() -> None:
    """The neuron ``linear`` is not listed as ``affine``, which is a layer, nor a layer by its operation's name."""
    spent = flops_by_kind(
        valid_net(
            "[i] input 2x4x4\n[a] affine neuron=linear(2)\n[r] rnorm size=3 alpha=1\n[c] contrast size=3 alpha=1\n"
            "[n] nrelu\n[f] fc outputs=5 bias=none neuron=linear(3)\n[s] softmax"
        ).graph
    )
    # 32 units: a coefficient, a bias and a factor each; 5 of fc have a factor
    assert (spent["affine"], spent["biases"], spent["linear"]) == (32, 32, 37)
    assert spent.keys() == {"connections", "biases", "affine", "linear", "rnorm", "contrast", "nrelu", "softmax"}


@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.stem)
def test_totals_agree_with_layers_parameters_and_flops(path: Path) -> None:
    network = load(str(path))
    layers = layer_numbers(network.graph)
    total = totals(layers)
    assert total == network.total
    parameters = network.graph.parameters.values()
    stored = sum(math.prod(p.shape) for p in parameters)
    absent = (16 * 6 - 60) * 25 if path.stem == "lenet-5" else 0
    assert total.parameters == sum(p.size for p in parameters) == stored - absent
    assert total.weights == sum(p.size for p in parameters if p.role == "weight")
    assert sum(flops_by_kind(network.graph).values()) == total.flops >= 2 * total.connections
    for n in layers:
        assert n.units == math.prod(n.output)
        assert n.connections <= n.dense_connections or not n.dense_connections
        assert n.activation_bytes(3) == 12 * n.units
    for node in network.graph.nodes.values():
        if isinstance(node.op, Conv):
            assert (
                network[node.layer].connections == network[node.layer].weights * node.output.height * node.output.width
            )
        if isinstance(node.op, Linear):
            assert network[node.layer].connections == network[node.layer].weights


@examples(40)
@given(
    groups=st.integers(1, 4),
    filters=st.integers(1, 4),
    kernel=st.integers(1, 5),
    size=st.integers(5, 9),
    reads=st.sampled_from(["own", "all"]),
)
def test_reads_own_divides_weights_and_connections_by_groups(
    groups: int, filters: int, kernel: int, size: int, reads: str
) -> None:
    text = (
        f"gpus {groups}\n[i] input 3x{size}x{size}\n[a] conv filters={groups * filters} kernel=1\n"
        f"[b] conv filters={groups * 2} kernel={kernel} reads={reads}"
    )
    b = valid_net(text)["b"]
    positions = (size - kernel + 1) ** 2
    read = groups * filters if reads == "all" else filters
    assert b.weights == kernel * kernel * read * groups * 2
    assert b.connections == b.weights * positions
    assert Fraction(b.dense_connections, b.connections) >= 1


def test_shared_weights_are_counted_once_at_their_owner() -> None:
    shared = valid_net("[i] input 4\n[a] fc outputs=4\n[b] fc outputs=4 weights=a")
    assert (shared["a"].weights, shared["b"].weights, shared.total.weights) == (16, 0, 16)
    assert (shared["a"].connections, shared["b"].connections, shared.total.connections) == (16, 16, 32)
    assert shared["b"].counted


def test_plain_numbers_are_readable() -> None:
    assert [format_number(n) for n in (55, 0.5, 1e-4, 123456.0, 1e14)] == [
        "55",
        "0.5",
        "0.0001",
        "123456",
        "100000000000000",
    ]
    assert [format_number(n) for n in (1e15, -1e200, math.inf, 10**16)] == [
        "1e+15",
        "-1e+200",
        "inf",
        "10000000000000000",
    ]


def test_comments_of_specs_state_the_computed_parameters() -> None:
    for name in ("alexnet-one-gpu", "alexnet-half", "alexnet-torchvision", "cifar-quick", "lenet"):
        assert f"{net(name).total.parameters:,}" in spec(name)


def test_operations_with_flops_describe_their_rule() -> None:
    for op in VOCABULARY:
        if "flops" in vars(op) and op.flops_rule == Op.flops_rule:
            # The default rule, 1 a unit, is right only for these, whose products are listed separately.
            assert op in (Conv, Deconv, Local, Linear, Bias, Dropout, ChannelScale, PRelu), op


@pytest.mark.parametrize(
    ("layer", "flops", "rule"),
    [
        ("maxabspool kernel=2", 3 * 16 * 7, "maxabspool: 2 kernel area - 1 a unit"),
        ("sumpool kernel=2", 3 * 16 * 3, "sumpool: kernel area - 1 a unit"),
        ("resize step=2", 3 * 16 * 7, "resize: 7 a unit"),
        ("sum inputs=i,i,i", 3 * 64 * 2, "sum: inputs - 1 a unit"),
        ("tanh", 3 * 64, "tanh: 1 a unit"),
    ],
)
def test_notes_explain_flops(layer: str, flops: int, rule: str) -> None:
    notes = layer_table(loads(f"[i] input 3x8x8\n[a] {layer}"), 1).notes
    assert notes[3] == f"FLOPs of one image's forward pass: {flops} = {flops} {rule.partition(':')[0]}"
    assert notes[4] == f"FLOPs are 2 a connection; {rule}"
