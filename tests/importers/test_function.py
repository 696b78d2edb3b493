"""What imported networks compute, against the formulas, and twins against the one layer that they become."""

from __future__ import annotations

import re

import numpy as np
import pytest
from carrying import carried
from chances import examples
from columns import columns
from computing import drawn, values
from hypothesis import HealthCheck, given
from layerfiles import DATA, RATES, SHAPE, TWINS, conv, ending, load, net, readable, said, told

from netspec.importers.cuda_convnet import Dialect, Translation, translate
from netspec.ir.ops import BinaryCrossEntropy, CauchyError, NoisyRelu, SquaredError, SumSquares
from netspec.net import loads
from netspec.source import Source

NOT_TWINS = {
    "another number": TWINS.replace(
        "outputs=6\ninitW=0.01,0.01\nneuron=relu\ngpu=1", "outputs=7\ninitW=0.01,0.01\ngpu=1"
    ),
    "the other's share": TWINS.replace("inputs=pool1b", "inputs=pool1a")
    .replace("inputs=n2a,n2b", "inputs=n2a,n2b,pool1b")
    .replace("initW=0.01,0.01\nneuron=relu\ngpu=0", "initW=0.01,0.01,0.01\nneuron=relu\ngpu=0"),
    "one reader of one half": TWINS + conv("extra", "pool1b", 16),
}  # fmt: skip


def both(text: str) -> tuple[Translation, Translation]:
    source = Source("net.cfg", text)
    return translate(source, shape=SHAPE), translate(source, shape=SHAPE, merged=True, readable=True)


@pytest.mark.parametrize("case", ["twins", *NOT_TWINS])
def test_twins_compute_what_their_one_layer_does(case: str) -> None:
    text = NOT_TWINS.get(case, TWINS)
    assert_same_function(text + ending("fca,fcb,extra" if "[extra]" in text else "fca,fcb"))


def assert_same_function(text: str) -> None:
    """A file's layers by themselves, and with twins as one, compute the same from the same weights."""
    apart, whole = both(text)
    assert apart.source is not None and whole.source is not None
    one, other = loads(apart.source.text).graph, loads(whole.source.text).graph
    drawn_once = drawn(one)
    same = carried(apart, whole, other, drawn_once)
    np.testing.assert_allclose(
        values(other, same)[other.output.name], values(one, drawn_once)[one.output.name], rtol=1e-9, atol=1e-12
    )


@given(text=columns())
@examples(100, HealthCheck.too_slow)
def test_whatever_stands_on_each_gpu_computes_the_same_as_one_layer(text: str) -> None:
    assert_same_function(text)


def test_what_joins_all_gpus_on_each_of_them_is_whole() -> None:
    """The concatenations are copies of one; a sum of both GPUs' values is no copy of them."""
    two = TWINS.replace("outputs=6\ninitW=0.01,0.01\nneuron=relu\ngpu=1", "outputs=6\ninitW=0.01,0.01\ngpu=1")
    joined = "".join(
        f"[j{g}]\ntype={{}}\ninputs=fca,fcb\ngpu={i}\n[d{g}]\ntype=fc\ninputs=j{g}\noutputs=4\ninitW=0.1\ngpu={i}\n"
        for i, g in enumerate("ab")
    )
    for type_ in ("concat", "eltsum", "eltmax"):
        text = two + joined.format(type_, type_) + ending("da,db")
        assert_same_function(text)
        assert "gpu=0" in next(line for line in readable(text).splitlines() if line.startswith("[j"))
        assert_same_function(TWINS + joined.format(type_, type_) + ending("da,db"))


def test_twins_are_one_line_with_their_comment() -> None:
    text = readable(TWINS + ending("fca,fcb"))
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("[")] == [
        ["[data]", "input"], ["[conv1]", "conv"], ["[pool1]", "maxpool"], ["[conv2]", "conv"], ["[n2]", "lrn"],
        ["[fc]", "fc"], ["[out]", "fc"], ["[probs]", "softmax"],
    ]  # fmt: skip
    assert "# all of both\n# fcb lists the shares of its input in the order 1, 0\n[fc]" in text
    assert "gpus    2\n" in text and "reads=all" in text


def test_lines_that_twins_have_besides_their_own_are_called_after_these() -> None:
    """The pooling has its layer's name; the crop before it and the neuron behind it have names made of that."""
    pools = TWINS.replace("stride=2\nneuron=relu", "stride=2\nstart=1\noutputsX=3\nneuron=brelu[2]")
    text = readable(pools.replace("type=pool\n", "# small\ntype=pool\n") + ending("fca,fcb"))
    lines = [line.split() for line in text.splitlines() if line.startswith("[pool1")]
    assert text.count("# small\n") == text.count("# small\n[pool1-covered]") == 1
    assert lines[:2] == [
        ["[pool1-covered]", "crop", "size=7", "top=1", "left=1"], ["[pool1]", "maxpool", "kernel=3", "stride=2"],
    ]  # fmt: skip
    assert [line[0] for line in lines[2:]] == [
        "[pool1_neuron-above-0]", "[pool1_neuron-from-top]", "[pool1_neuron-below-top]", "[pool1_neuron]"
    ]  # fmt: skip


def test_twins_with_windows_that_have_no_pixel() -> None:
    """conv1's maps have 8 x 8 pixels."""
    text = readable(TWINS.replace("stride=2\nneuron=relu", "stride=2\noutputsX=6\nneuron=relu") + ending("fca,fcb"))
    lines = [line.split() for line in text.splitlines() if line.startswith("[pool1")]
    assert lines == [
        ["[pool1-pooled]", "maxpool", "kernel=3", "stride=2"],
        ["[pool1]", "zeropad", "pad=0,2,0,2", "neuron=relu"],
    ]


@pytest.mark.parametrize(
    ("case", "names"),
    [
        ("another number", {"fca", "fcb"}),
        ("the other's share", {"conv1a", "conv1b", "pool1a", "pool1b", "conv2a", "conv2b"}),
        ("one reader of one half", {"conv1a", "conv1b", "pool1a", "pool1b", "conv2a", "conv2b"}),
    ],
)
def test_what_is_no_twin_stays_two_lines(case: str, names: set[str]) -> None:
    text = NOT_TWINS[case]
    text += ending("fca,fcb,extra" if "[extra]" in text else "fca,fcb")
    lines = {line.split()[0][1:-1] for line in readable(text).splitlines() if line.startswith("[")}
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
@pytest.mark.parametrize("own", [False, True])
def test_neurons(neuron: str, function: np.ufunc, own: bool) -> None:
    if own:
        text = net(f"[c]\ntype=neuron\ninputs=data\nneuron={neuron}\ngpu=0\n", "c")
    else:
        text = net("[c]\ntype=concat\ninputs=data\n" + f"neuron={neuron}\ngpu=0\n", "c")
    graph = load(text).graph
    made = values(graph)
    np.testing.assert_allclose(made[graph.layers["out"].inputs[0]], function(made["data"]), atol=1e-12)


@pytest.mark.parametrize("neuron", ["drelu[0]", "drelu[0.0]"])
def test_the_identity_stands_in_for_a_double_relu_of_0(neuron: str) -> None:
    loaded = load(net(f"[c]\ntype=neuron\ninputs=data\nneuron={neuron}\ngpu=0\n", "c"))
    assert told(loaded.warnings) == [("cfg-substitute", 10, neuron)]
    made = values(loaded.graph)
    np.testing.assert_array_equal(made["c"], made["data"])


@pytest.mark.parametrize("own", [False, True])
def test_noisy_neurons(own: bool) -> None:
    lines = "type=neuron\ninputs=data\n" if own else "type=concat\ninputs=data\n"
    loaded = load(net(f"[c]\n{lines}neuron=nrelu\ngpu=0\n", "c"))
    assert loaded.warnings == ()
    (op,) = (node.op for node in loaded.graph.nodes.values() if isinstance(node.op, NoisyRelu))
    assert op == NoisyRelu(std=1.0)


@pytest.mark.parametrize(("neuron", "names"), [("relu", ["[n]"]), ("nrelu", ["[na]", "[nb]"])])
def test_halves_that_add_noise_to_the_same_maps_stay_two_lines(neuron: str, names: list[str]) -> None:
    halves = "".join(f"[n{x}]\ntype=neuron\ninputs=data\nneuron={neuron}\ngpu={gpu}\n" for gpu, x in enumerate("ab"))
    text = readable(DATA + halves + ending("na,nb"))
    assert [line.split()[0] for line in text.splitlines() if line.startswith("[n")] == names


def test_single_matrices_may_be_shared() -> None:
    two = (
        "[a]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\ngpu=0\n[b]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\ngpu=0\n"
        "[c]\ntype=fc\ninputs=a,b\noutputs=5\ninitW=0.1,0.1\ninitB=1\nweightSource=,c[0]\nneuron=relu\ngpu=0\n"
    )
    graph = load(net(two, "c")).graph
    given = drawn(graph)
    made = values(graph, given)
    wanted = (made["a"] + made["b"]) @ given["c_0.weight"].T + given["c_0.bias"]
    np.testing.assert_allclose(made["c"], np.maximum(wanted, 0), atol=1e-12)


def test_a_layer_of_one_matrix_stays_a_line_when_others_share_it_singly() -> None:
    sections = [
        ("a", "data", "0.1", ""),
        ("b", "a", "0.1", ""),
        ("c", "b,a", "0.1,0.2", "b,"),
        ("d", "c", "0.1", "c[1]"),
    ]
    fc = "[{0}]\ntype=fc\ninputs={1}\noutputs=4\ninitW={2}\nweightSource={3}\ngpu=0\n"
    file = net("".join(fc.format(*section) for section in sections), "d")
    lines = re.findall(r"^(\[\w+\]) +(fc|sum) ", readable(file), re.MULTILINE)[:-1]
    assert lines == [("[a]", "fc"), ("[b]", "fc"), ("[c_0]", "fc"), ("[c_1]", "fc"), ("[c]", "sum"), ("[d]", "fc")]
    graph = load(file).graph
    assert [k for k in graph.parameters if k.endswith("weight")] == ["a.weight", "b.weight", "c_1.weight", "out.weight"]
    given = drawn(graph)
    made = values(graph, given)
    c = made["b"] @ given["b.weight"].T + given["c_0.bias"] + made["a"] @ given["c_1.weight"].T
    np.testing.assert_allclose(made["d"], c @ given["c_1.weight"].T + given["d.bias"], atol=1e-12)


def test_whole_sets_of_matrices_may_be_shared() -> None:
    shared = conv("c", "data", 3) + conv("d", "data", 3, more="weightSource=c")
    graph = load(net(shared, "c,d")).graph
    assert [k for k in graph.parameters if k.startswith(("c", "d"))] == ["c.weight", "c.bias", "d.bias"]


@pytest.mark.parametrize(
    ("source", "code"), [("a", "weights-mismatch"), ("e", "unknown-layer"), ("c[1]", "weights-mismatch")]
)
def test_weights_that_cannot_be_shared(source: str, code: str) -> None:

    shared = "[a]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\ngpu=0\n" + conv("c", "data", 3)
    found = said(net(shared + conv("d", "data", 3, more=f"weightSource={source}"), "a,c,d"))
    assert [d.code for d in found if d.severity == "error"] == [code]


def test_parts_of_a_fully_connected_layer_read_runs_of_the_vector() -> None:
    text = net("[s]\ntype=sfc\ninputs=data\noutputs=2\nparts=3\ninitW=0.1\ngpu=0\n", "s")
    graph = load(text, dialect="v2").graph
    given = drawn(graph)
    made = values(graph, given)
    runs = made["data"].reshape(2, 3, 64)
    wanted = np.concatenate([runs[:, p] @ given["s.weight"][2 * p : 2 * p + 2].T for p in range(3)], axis=1)
    np.testing.assert_allclose(made["s"], wanted + given["s.bias"], atol=1e-12)


def test_blocks_of_a_response_norm() -> None:
    norm = "[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize=4\nblocked=true\n"
    made = values(load(net(conv("c", "data", 3) + norm, "n")).graph)
    sums = (made["c"].reshape(2, 4, 4, 8, 8) ** 2).sum(axis=2, keepdims=True).repeat(4, axis=2).reshape(made["c"].shape)
    np.testing.assert_allclose(made["n"], made["c"] * (1 + 0.0001 / 4 * sums) ** -0.75, atol=1e-12)


def test_biases_of_their_own_at_each_place() -> None:
    graph = load(net(conv("c", "data", 3, more="sharedBiases=0"), "c")).graph
    given = drawn(graph)
    without = values(graph, {**given, "c.bias": np.zeros_like(given["c.bias"])})
    np.testing.assert_allclose(values(graph, given)["c"], without["c"] + given["c.bias"], atol=1e-12)


def test_weighted_sums_and_logistic_costs() -> None:
    text = DATA + (
        "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\nneuron=logistic\n"
        "[g]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
        "[e]\ntype=eltsum\ninputs=f,g\ncoeffs=2,-0.5\n"
        "[cost]\ntype=cost.crossent2\ninputs=labels,f\ngpu=0\n[cost2]\ntype=cost.crossent2\ninputs=labels,e\ngpu=0\n"
    )
    net_ = load(text)
    assert [d.code for d in net_.warnings] == ["cfg-substitute"]  # labels of which there are several
    made = net_.graph.nodes
    assert [loss.op for loss in net_.graph.losses] == [BinaryCrossEntropy(), BinaryCrossEntropy(of="probabilities")]
    assert made["cost"].inputs == ("f",) and made["f_neuron"].inputs == ("f",)
    assert net_.graph.layers["e"].inputs == ("e-times0", "e-times1")


@pytest.mark.parametrize(("reads", "factor"), [("data", 2.0), ("data,data", 1.5)])
def test_a_weighted_sum_of_images_alone(reads: str, factor: float) -> None:
    """It is no comparison with labels."""
    coefficients = "2" if reads == "data" else "2,-0.5"
    graph = load(net(f"[e]\ntype=eltsum\ninputs={reads}\ngpu=0\ncoeffs={coefficients}\n", "e")).graph
    made = values(graph)
    np.testing.assert_allclose(made["e"], factor * made["data"], atol=1e-12)


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize(
    ("coefficients", "factor", "code"), [("2", 4.0, "cfg-substitute"), ("2,-0.5,7", 1.5, "cfg-left-out")]
)
def test_a_weighted_sum_of_another_number_of_inputs(
    dialect: Dialect, coefficients: str, factor: float, code: str
) -> None:
    """Which both versions took: they did not look at how many weights there are."""
    given = f"coeffs={coefficients}\n"
    text = net("[e]\ntype=eltsum\ninputs=data,data\ngpu=0\n" + (given if dialect == "2012" else ""), "e")
    params = "[out]\n" + RATES + "[logprob]\ncoeff=1\n" + ("[e]\n" + given if dialect == "v2" else "")
    found = load(text, params, dialect)
    assert [(d.code, d.span.text) for d in found.warnings if d.code.startswith("cfg")] == [(code, coefficients)]
    made = values(found.graph)
    np.testing.assert_allclose(made["e"], factor * made["data"], atol=1e-12)


def test_a_squared_difference_from_labels_is_the_squared_error() -> None:
    text = DATA + (
        "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
        "[d]\ntype=eltsum\ninputs=f,labels\ncoeffs=1,-1\n[c]\ntype=cost.sum2\ninputs=d\n"
    )
    (loss,) = load(text).graph.losses
    assert (loss.op, loss.inputs) == (SquaredError(), ("f",))
    # (f/2 - 2t)^2 = 4 (f/4 - t)^2
    (loss,) = load(text.replace("coeffs=1,-1", "coeffs=0.5,-2")).graph.losses
    assert (loss.op, loss.inputs) == (SquaredError(4.0), ("c-scaled",))


def test_squares_of_anything_else_are_made_small() -> None:
    text = DATA.partition("[labels]")[0] + (
        "[f]\ntype=fc\ninputs=data\noutputs=192\ninitW=0.1\ngpu=0\n"
        "[d]\ntype=eltsum\ninputs=f,data\ncoeffs=1,-1\n[c]\ntype=cost.sum2\ninputs=d\n"
    )
    (loss,) = load(text).graph.losses
    assert (loss.op, loss.inputs) == (SumSquares(), ("d",))
    twice = text.replace("[f]", "[target]\ntype=data\ndataIdx=0\n[f]").replace("inputs=f,data", "inputs=f,target")
    (loss,) = load(twice).graph.losses
    assert (loss.op, loss.inputs) == (SumSquares(), ("d",))


def test_costs_of_labels_and_predictions() -> None:
    fc = "[f]\ntype=fc\ninputs=data\noutputs=5\ninitW=0.1\ngpu=0\n"
    flickr = "[c]\ntype=cost.rflickr\ninputs=labels,f\ngpu=0\n"
    (loss,) = load(DATA + fc + "neuron=logistic\n" + flickr).graph.losses
    assert (loss.op, loss.inputs) == (CauchyError(), ("f",))
    bce = "[c]\ntype=cost.bce\ninputs=labels,f\ngpu=0\n"
    rates = "[f]\nepsW=0.1\nepsB=0.1\nmomW=0\nmomB=0\n[c]\ncoeff=0.5\nposWeight=3\n"
    (loss,) = load(DATA + fc + "neuron=logistic\n" + bce, rates).graph.losses
    assert (loss.op, loss.inputs) == (BinaryCrossEntropy(0.5, positive=3.0), ("f",))


def test_twins_with_more_weights_than_a_layer_may_have_stay_two_lines() -> None:
    """46,000 x 46,000 is under 2^31, and twice as much is over it."""
    halves = "".join(
        f"[big{half}]\ntype=fc\ninputs=n2a,n2b\noutputs=46000\ninitW=1,1\ngpu={gpu}\n"
        f"[fc{half}]\ntype=fc\ninputs=big{half}\noutputs=46000\ninitW=1\ngpu={gpu}\n"
        for gpu, half in enumerate("ab")
    )
    text = readable(TWINS.partition("# all of both\n")[0] + halves + ending("fca,fcb"))
    assert {"[biga]", "[bigb]", "[fca]", "[fcb]", "[conv1]"} <= {line.split(" ")[0] for line in text.splitlines()}
