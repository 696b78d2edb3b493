"""Values of imported networks, against the formulas, and of twins, against the layer that they are merged into."""

from __future__ import annotations

import re

import numpy as np
import pytest
from computed import random_parameters, values
from hypothesis import given
from hypothesis_profiles import examples
from layerfiles import DATA, RATES, SHAPE, TWINS, conv, diagnose, ending, load, locations, merged_spec, net
from random_columns import columns
from twin_parameters import merge_twin_parameters

from netspec.importers.cuda_convnet import Dialect, Translation, translate
from netspec.ir.ops import BinaryCrossEntropy, CauchyError, NoisyRelu, SquaredError, SumSquares
from netspec.net import loads
from netspec.source import Source

NOT_TWINS = {
    "different outputs": TWINS.replace(
        "outputs=6\ninitW=0.01,0.01\nneuron=relu\ngpu=1", "outputs=7\ninitW=0.01,0.01\ngpu=1"
    ),
    "share of the other GPU": TWINS.replace("inputs=pool1b", "inputs=pool1a")
    .replace("inputs=n2a,n2b", "inputs=n2a,n2b,pool1b")
    .replace("initW=0.01,0.01\nneuron=relu\ngpu=0", "initW=0.01,0.01,0.01\nneuron=relu\ngpu=0"),
    "extra reader of one half": TWINS + conv("extra", "pool1b", 16),
    "last block smaller": TWINS.replace("channels=32\nsize=3", "channels=32\nsize=5\nblocked=true"),
}  # fmt: skip


def translations(text: str) -> tuple[Translation, Translation]:
    source = Source("net.cfg", text)
    return translate(source, shape=SHAPE), translate(source, shape=SHAPE, merged=True)


@pytest.mark.parametrize("case", ["twins", *NOT_TWINS])
def test_twins_compute_the_same_as_their_merged_layer(case: str) -> None:
    text = NOT_TWINS.get(case, TWINS)
    assert_same_function(text + ending("fca,fcb,extra" if "[extra]" in text else "fca,fcb"))


def assert_same_function(text: str) -> None:
    """Check that a file's network computes the same with its twins separate and merged, from the same weights."""
    separate, merged = translations(text)
    separate_graph, merged_graph = loads(separate.source.text).graph, loads(merged.source.text).graph
    parameters = random_parameters(separate_graph)
    merged_parameters = merge_twin_parameters(separate, merged, merged_graph, parameters)
    np.testing.assert_allclose(
        values(merged_graph, merged_parameters)[merged_graph.output.name],
        values(separate_graph, parameters)[separate_graph.output.name],
        rtol=1e-9,
        atol=1e-12,
    )


@given(text=columns())
@examples(100)
def test_random_columns_compute_the_same_when_merged(text: str) -> None:
    assert_same_function(text)


def test_joins_on_each_gpu_are_merged_correctly() -> None:
    """Concatenations on both GPUs are copies of each other and are merged; sums do not hold the values of both GPUs."""
    columns_text = TWINS.replace("outputs=6\ninitW=0.01,0.01\nneuron=relu\ngpu=1", "outputs=6\ninitW=0.01,0.01\ngpu=1")
    joined = "".join(
        f"[j{g}]\ntype={{}}\ninputs=fca,fcb\ngpu={i}\n[d{g}]\ntype=fc\ninputs=j{g}\noutputs=4\ninitW=0.1\ngpu={i}\n"
        for i, g in enumerate("ab")
    )
    for type_ in ("concat", "eltsum", "eltmax"):
        text = columns_text + joined.format(type_, type_) + ending("da,db")
        assert_same_function(text)
        assert "gpu=0" in next(line for line in merged_spec(text).splitlines() if line.startswith("[j"))
        assert_same_function(TWINS + joined.format(type_, type_) + ending("da,db"))


def test_twins_become_one_line_with_their_comment() -> None:
    text = merged_spec(TWINS + ending("fca,fcb"))
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("[")] == [
        ["[data]", "input"], ["[conv1]", "conv"], ["[pool1]", "maxpool"], ["[conv2]", "conv"], ["[n2]", "lrn"],
        ["[fc]", "fc"], ["[out]", "fc"], ["[probs]", "softmax"],
    ]  # fmt: skip
    assert "# all of both\n# fcb lists the shares of its input in the order 1, 0\n[fc]" in text
    assert "gpus    2\n" in text and "reads=all" in text


def test_helper_lines_of_twins_are_named_after_the_layer() -> None:
    """The pool keeps the layer's name; the names of the crop before it and the neuron after it derive from that."""
    pools = TWINS.replace("stride=2\nneuron=relu", "stride=2\nstart=1\noutputsX=3\nneuron=brelu[2]")
    text = merged_spec(pools.replace("type=pool\n", "# small\ntype=pool\n") + ending("fca,fcb"))
    lines = [line.split() for line in text.splitlines() if line.startswith("[pool1")]
    assert text.count("# small\n") == text.count("# small\n[pool1-covered]") == 1
    assert lines[:2] == [
        ["[pool1-covered]", "crop", "size=7", "top=1", "left=1"], ["[pool1]", "maxpool", "kernel=3", "stride=2"],
    ]  # fmt: skip
    assert [line[0] for line in lines[2:]] == [
        "[pool1_neuron-above-0]", "[pool1_neuron-from-top]", "[pool1_neuron-below-top]", "[pool1_neuron]"
    ]  # fmt: skip


def test_empty_windows_of_merged_twins_become_padding() -> None:
    """conv1's maps have 8 x 8 pixels."""
    text = merged_spec(TWINS.replace("stride=2\nneuron=relu", "stride=2\noutputsX=6\nneuron=relu") + ending("fca,fcb"))
    lines = [line.split() for line in text.splitlines() if line.startswith("[pool1")]
    assert lines == [
        ["[pool1-pooled]", "maxpool", "kernel=3", "stride=2"],
        ["[pool1]", "zeropad", "pad=0,2,0,2", "neuron=relu"],
    ]


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("different outputs", {"fca", "fcb"}),
        ("share of the other GPU", {"conv1a", "conv1b", "pool1a", "pool1b", "conv2a", "conv2b"}),
        ("extra reader of one half", {"conv1a", "conv1b", "pool1a", "pool1b", "conv2a", "conv2b"}),
    ],
)
def test_layers_that_are_not_twins_stay_two_lines(case: str, names: set[str]) -> None:
    text = NOT_TWINS[case]
    text += ending("fca,fcb,extra" if "[extra]" in text else "fca,fcb")
    lines = {line.split()[0][1:-1] for line in merged_spec(text).splitlines() if line.startswith("[")}
    assert names <= lines


@pytest.mark.parametrize(
    ("neuron", "function"),
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("ident", lambda x: x),
        ("abs", np.abs),
        ("square", np.square),
        ("logistic", lambda x: 1 / (1 + np.exp(-x))),
        ("tanh[1.7,0.5]", lambda x: 1.7 * np.tanh(0.5 * x)),
        ("linear[2,-1]", lambda x: 2 * x - 1),
        ("brelu[6]", lambda x: np.clip(x, 0, 6)),
        ("brelu[0.5]", lambda x: np.clip(x, 0, 0.5)),
        ("drelu[2]", lambda x: x - 2 * np.tanh(x / 2)),
    ],
)
@pytest.mark.parametrize("own_section", [False, True])
def test_neurons_match_the_formulas(neuron: str, function: np.ufunc, own_section: bool) -> None:
    if own_section:
        text = net(f"[c]\ntype=neuron\ninputs=data\nneuron={neuron}\ngpu=0\n", "c")
    else:
        text = net("[c]\ntype=concat\ninputs=data\n" + f"neuron={neuron}\ngpu=0\n", "c")
    graph = load(text).graph
    computed = values(graph)
    np.testing.assert_allclose(computed[graph.layers["out"].inputs[0]], function(computed["data"]), atol=1e-12)


@pytest.mark.parametrize("neuron", ["drelu[0]", "drelu[0.0]"])
def test_drelu_of_0_becomes_the_identity(neuron: str) -> None:
    loaded = load(net(f"[c]\ntype=neuron\ninputs=data\nneuron={neuron}\ngpu=0\n", "c"))
    assert locations(loaded.warnings) == [("cfg-substitute", 10, neuron)]
    computed = values(loaded.graph)
    np.testing.assert_array_equal(computed["c"], computed["data"])


@pytest.mark.parametrize("own_section", [False, True])
def test_nrelu_becomes_noisy_relu(own_section: bool) -> None:
    lines = "type=neuron\ninputs=data\n" if own_section else "type=concat\ninputs=data\n"
    loaded = load(net(f"[c]\n{lines}neuron=nrelu\ngpu=0\n", "c"))
    assert loaded.warnings == ()
    (op,) = (node.op for node in loaded.graph.nodes.values() if isinstance(node.op, NoisyRelu))
    assert op == NoisyRelu(std=1.0)


@pytest.mark.parametrize(("neuron", "names"), [("relu", ["[n]"]), ("nrelu", ["[na]", "[nb]"])])
def test_only_noisy_twins_stay_two_lines(neuron: str, names: list[str]) -> None:
    halves = "".join(f"[n{x}]\ntype=neuron\ninputs=data\nneuron={neuron}\ngpu={gpu}\n" for gpu, x in enumerate("ab"))
    text = merged_spec(DATA + halves + ending("na,nb"))
    assert [line.split()[0] for line in text.splitlines() if line.startswith("[n")] == names


def test_single_matrix_can_be_shared() -> None:
    sections = (
        "[a]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\ngpu=0\n[b]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\ngpu=0\n"
        "[c]\ntype=fc\ninputs=a,b\noutputs=5\ninitW=0.1,0.1\ninitB=1\nweightSource=,c[0]\nneuron=relu\ngpu=0\n"
    )
    graph = load(net(sections, "c")).graph
    parameters = random_parameters(graph)
    computed = values(graph, parameters)
    expected = (computed["a"] + computed["b"]) @ parameters["c_0.weight"].T + parameters["c_0.bias"]
    np.testing.assert_allclose(computed["c"], np.maximum(expected, 0), atol=1e-12)


def test_layer_whose_only_matrix_is_shared_stays_one_line() -> None:
    sections = [
        ("a", "data", "0.1", ""),
        ("b", "a", "0.1", ""),
        ("c", "b,a", "0.1,0.2", "b,"),
        ("d", "c", "0.1", "c[1]"),
    ]
    fc = "[{0}]\ntype=fc\ninputs={1}\noutputs=4\ninitW={2}\nweightSource={3}\ngpu=0\n"
    file = net("".join(fc.format(*section) for section in sections), "d")
    lines = re.findall(r"^(\[\w+\]) +(fc|sum) ", merged_spec(file), re.MULTILINE)[:-1]
    assert lines == [("[a]", "fc"), ("[b]", "fc"), ("[c_0]", "fc"), ("[c_1]", "fc"), ("[c]", "sum"), ("[d]", "fc")]
    graph = load(file).graph
    assert [k for k in graph.parameters if k.endswith("weight")] == ["a.weight", "b.weight", "c_1.weight", "out.weight"]
    parameters = random_parameters(graph)
    computed = values(graph, parameters)
    c = computed["b"] @ parameters["b.weight"].T + parameters["c_0.bias"] + computed["a"] @ parameters["c_1.weight"].T
    np.testing.assert_allclose(computed["d"], c @ parameters["c_1.weight"].T + parameters["d.bias"], atol=1e-12)


def test_matrix_shared_through_another_input_is_that_of_its_owner() -> None:
    fc = "[{0}]\ntype=fc\ninputs={1}\noutputs=4\ninitW={2}\nweightSource={3}\ngpu=0\n"
    sections = (("a", "data", "0.1", ""), ("b", "a", "0.1", ""), ("c", "a,b", "0.1,0.1", "b,c[0]"))
    text = merged_spec(net("".join(fc.format(*section) for section in sections), "c"))
    assert re.findall(r"^\[(\w+)\] .* weights=(\w+)", text, re.MULTILINE) == [("c_0", "b"), ("c_1", "b")]


def test_matrices_may_be_shared_in_another_order() -> None:
    fc = "[{0}]\ntype=fc\ninputs={1}\noutputs=4\ninitW={2}\nweightSource={3}\ngpu=0\n"
    sections = (("a", "data", "0.1", ""), ("b", "a", "0.1", ""), ("c", "a,a", "0.1,0.1", ","))
    text = net("".join(fc.format(*s) for s in (*sections, ("d", "a,a", "0.1,0.1", "c[1],c[0]"))), "b,c,d")
    pairs = re.findall(r"^\[(\w+)\] .* weights=(\w+)", merged_spec(text), re.MULTILINE)
    assert pairs == [("d_0", "c_1"), ("d_1", "c_0")]


def test_all_matrices_of_a_layer_can_be_shared() -> None:
    shared = conv("c", "data", 3) + conv("d", "data", 3, more="weightSource=c")
    graph = load(net(shared, "c,d")).graph
    assert [k for k in graph.parameters if k.startswith(("c", "d"))] == ["c.weight", "c.bias", "d.bias"]


@pytest.mark.parametrize(
    ("source", "code"), [("a", "weights-mismatch"), ("e", "unknown-layer"), ("c[1]", "weights-mismatch")]
)
def test_invalid_weight_source_is_an_error(source: str, code: str) -> None:
    shared = "[a]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\ngpu=0\n" + conv("c", "data", 3)
    diagnostics = diagnose(net(shared + conv("d", "data", 3, more=f"weightSource={source}"), "a,c,d"))
    assert [d.code for d in diagnostics if d.severity == "error"] == [code]


def test_sfc_parts_read_consecutive_runs_of_the_input() -> None:
    text = net("[s]\ntype=sfc\ninputs=data\noutputs=2\nparts=3\ninitW=0.1\ngpu=0\n", "s")
    graph = load(text, dialect="v2").graph
    parameters = random_parameters(graph)
    computed = values(graph, parameters)
    runs = computed["data"].reshape(2, 3, 64)
    expected = np.concatenate([runs[:, p] @ parameters["s.weight"][2 * p : 2 * p + 2].T for p in range(3)], axis=1)
    np.testing.assert_allclose(computed["s"], expected + parameters["s.bias"], atol=1e-12)


def test_blocked_norm_sums_within_each_block() -> None:
    norm = "[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize=4\nblocked=true\n"
    computed = values(load(net(conv("c", "data", 3) + norm, "n")).graph)
    sums = (
        (computed["c"].reshape(2, 4, 4, 8, 8) ** 2)
        .sum(axis=2, keepdims=True)
        .repeat(4, axis=2)
        .reshape(computed["c"].shape)
    )
    np.testing.assert_allclose(computed["n"], computed["c"] * (1 + 0.0001 / 4 * sums) ** -0.75, atol=1e-12)


def test_unshared_biases_differ_at_each_position() -> None:
    graph = load(net(conv("c", "data", 3, more="sharedBiases=0\nneuron=ident"), "c")).graph
    parameters = random_parameters(graph)
    without_biases = values(graph, {**parameters, "c.bias": np.zeros_like(parameters["c.bias"])})
    np.testing.assert_allclose(values(graph, parameters)["c"], without_biases["c"] + parameters["c.bias"], atol=1e-12)


def test_weighted_sum_and_logistic_costs_are_translated() -> None:
    text = DATA + (
        "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\nneuron=logistic\n"
        "[g]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
        "[e]\ntype=eltsum\ninputs=f,g\ncoeffs=2,-0.5\n"
        "[cost]\ntype=cost.crossent2\ninputs=labels,f\ngpu=0\n[cost2]\ntype=cost.crossent2\ninputs=labels,e\ngpu=0\n"
    )
    network = load(text)
    assert [d.code for d in network.warnings] == ["cfg-substitute"]  # each image has several labels
    nodes = network.graph.nodes
    assert [loss.op for loss in network.graph.losses] == [BinaryCrossEntropy(), BinaryCrossEntropy(of="probabilities")]
    assert nodes["cost"].inputs == ("f",) and nodes["f_neuron"].inputs == ("f",)
    assert network.graph.layers["e"].inputs == ("e-times0", "e-times1")


@pytest.mark.parametrize(("reads", "factor"), [("data", 2.0), ("data,data", 1.5)])
def test_weighted_sum_of_images_is_not_taken_for_a_label_difference(reads: str, factor: float) -> None:
    coefficients = "2" if reads == "data" else "2,-0.5"
    graph = load(net(f"[e]\ntype=eltsum\ninputs={reads}\ngpu=0\ncoeffs={coefficients}\n", "e")).graph
    computed = values(graph)
    np.testing.assert_allclose(computed["e"], factor * computed["data"], atol=1e-12)


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize(
    ("coefficients", "factor", "code"), [("2", 4.0, "cfg-substitute"), ("2,-0.5,7", 1.5, "cfg-left-out")]
)
def test_wrong_number_of_coefficients_gives_a_warning(
    dialect: Dialect, coefficients: str, factor: float, code: str
) -> None:
    """Neither version checked how many coefficients there are."""
    coeffs = f"coeffs={coefficients}\n"
    text = net("[e]\ntype=eltsum\ninputs=data,data\ngpu=0\n" + (coeffs if dialect == "2012" else ""), "e")
    params = "[out]\n" + RATES + "[logprob]\ncoeff=1\n" + ("[e]\n" + coeffs if dialect == "v2" else "")
    network = load(text, params, dialect)
    assert [(d.code, d.span.text) for d in network.warnings if d.code.startswith("cfg")] == [(code, coefficients)]
    computed = values(network.graph)
    np.testing.assert_allclose(computed["e"], factor * computed["data"], atol=1e-12)


def test_squared_difference_from_labels_becomes_squared_error() -> None:
    text = DATA + (
        "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
        "[d]\ntype=eltsum\ninputs=f,labels\ncoeffs=1,-1\n[c]\ntype=cost.sum2\ninputs=d\n"
    )
    (loss,) = load(text).graph.losses
    assert (loss.op, loss.inputs) == (SquaredError(), ("f",))
    # (f/2 - 2t)^2 = 4 (f/4 - t)^2
    (loss,) = load(text.replace("coeffs=1,-1", "coeffs=0.5,-2")).graph.losses
    assert (loss.op, loss.inputs) == (SquaredError(4.0), ("c-scaled",))


def test_other_squares_become_sum_squares() -> None:
    text = DATA.partition("[labels]")[0] + (
        "[f]\ntype=fc\ninputs=data\noutputs=192\ninitW=0.1\ngpu=0\n"
        "[d]\ntype=eltsum\ninputs=f,data\ncoeffs=1,-1\n[c]\ntype=cost.sum2\ninputs=d\n"
    )
    (loss,) = load(text).graph.losses
    assert (loss.op, loss.inputs) == (SumSquares(), ("d",))
    twice = text.replace("[f]", "[target]\ntype=data\ndataIdx=0\n[f]").replace("inputs=f,data", "inputs=f,target")
    (loss,) = load(twice).graph.losses
    assert (loss.op, loss.inputs) == (SumSquares(), ("d",))


def test_rflickr_and_bce_costs_are_translated() -> None:
    fc = "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
    flickr = "[c]\ntype=cost.rflickr\ninputs=labels,f\ngpu=0\n"
    (loss,) = load(DATA + fc + "neuron=logistic\n" + flickr).graph.losses
    assert (loss.op, loss.inputs) == (CauchyError(), ("f",))
    bce = "[c]\ntype=cost.bce\ninputs=labels,f\ngpu=0\n"
    rates = "[f]\nepsW=0.1\nepsB=0.1\nmomW=0\nmomB=0\n[c]\ncoeff=0.5\nposWeight=3\n"
    (loss,) = load(DATA + fc + "neuron=logistic\n" + bce, rates).graph.losses
    assert (loss.op, loss.inputs) == (BinaryCrossEntropy(0.5, positive=3.0), ("f",))


def test_twins_too_large_to_merge_stay_two_lines() -> None:
    """46,000 x 46,000 weights are below the limit of 2^31; two such matrices are above it."""
    halves = "".join(
        f"[big{half}]\ntype=fc\ninputs=n2a,n2b\noutputs=46000\ninitW=1,1\ngpu={gpu}\n"
        f"[fc{half}]\ntype=fc\ninputs=big{half}\noutputs=46000\ninitW=1\ngpu={gpu}\n"
        for gpu, half in enumerate("ab")
    )
    text = merged_spec(TWINS.partition("# all of both\n")[0] + halves + ending("fca,fcb"))
    assert {"[biga]", "[bigb]", "[fca]", "[fcb]", "[conv1]"} <= {line.split(" ")[0] for line in text.splitlines()}
