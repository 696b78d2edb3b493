"""Layer types, neurons and keys of forks that are those of the original under another name, and those that are not."""

from __future__ import annotations

import pytest
from layerfiles import DATA, RATES, conv, diagnose, load, merged_spec, net, without_gpus

from netspec.check.report import Findings
from netspec.importers.cuda_convnet import Dialect
from netspec.importers.cuda_convnet.layers.data_shape import likely_shape
from netspec.importers.cuda_convnet.reading import read
from netspec.ir.shape import Shape
from netspec.source import Source

C = conv("c", "data", 3)
NIN = (
    DATA
    + conv("c", "data", 3, more="filterSize=5\npadding=2\nneuron=relu").replace("partialSum=0", "partialSum=8")
    + "[m]\ntype=cccp\ninputs=c\nchannels=1\nin_nodes=16\nout_nodes=10\ninitW=0.05\nneuron=relu\n"
    + "[p]\ntype=pool\npool=avg\ninputs=m\nchannels=10\nsizeX=8\nstride=1\n"
    + "[probs]\ntype=softmax\ninputs=p\n[logprob]\ntype=cost.logreg\ninputs=labels,probs\n"
).replace("gpu=0\n", "")
"""A small Network in Network, whose pool before the softmax covers its maps of 8 pixels."""


def lines(text: str, params: str | None = None) -> list[str]:
    """The lines of the layers of a spec, without the input and the softmax."""
    found = [" ".join(line.split()) for line in merged_spec(text, params).splitlines() if line.startswith("[")]
    return [line for line in found if line.split()[1] not in ("input", "softmax")]


def test_cccp_is_a_convolution_of_single_pixels() -> None:
    assert "default conv  neuron=relu" in merged_spec(NIN)
    assert lines(NIN)[1:3] == ["[m] conv filters=10 kernel=1 init=gaussian(0.05)", "[p] avgpool kernel=8 stride=1"]
    network = load(NIN)
    assert (network["m"].weights, network["m"].biases) == (16 * 10, 10)
    habits = [(d.message, d.span.text) for d in network.warnings if d.code == "cfg-old-habit" and d.layer == "m"]
    assert habits == [("m: cccp, which only a fork has, is read as a conv with filterSize=1", "cccp")]


def test_several_layers_over_the_maps_of_a_pixel_are_not_expressible() -> None:
    (error,) = [d for d in diagnose(NIN.replace("channels=1\n", "channels=2\n")) if d.severity == "error"]
    assert (error.code, error.span.text) == ("cfg-not-expressible", "2")


def test_maps_of_a_cccp_that_its_input_does_not_have_are_an_error() -> None:
    (error,) = [d for d in diagnose(NIN.replace("in_nodes=16", "in_nodes=24")) if d.severity == "error"]
    assert (error.code, error.notes) == ("cfg-not-square", ("1,024 numbers / 24 channels = 42.6667, not a square",))


def test_pool_before_a_softmax_covers_its_image() -> None:
    """Images of 224 pixels also fit: 217 windows of 8 pixels along each axis, and not one."""
    config = read(Source("nin.cfg", NIN.replace("sizeX=8", "sizeX=32")), Findings(Source("nin.cfg", NIN)))
    assert likely_shape(config, "2012") == Shape(3, 32, 32)


def test_neuron_dropout_is_a_dropout_that_scales_in_tests() -> None:
    text = net(C + "[d]\ntype=neuron\ninputs=c\nneuron=dropout[0.3]\n", "d")
    assert lines(text)[1] == "[d] dropout rate=0.3 scaling=test"
    after = net(conv("c", "data", 3, more="neuron=dropout[0.3]"), "c")
    assert lines(after)[1] == "[c_neuron] dropout rate=0.3 scaling=test"
    for value in ("0", "1", "0.2,0.3", "x"):
        (error,) = diagnose(net(conv("c", "data", 3, more=f"neuron=dropout[{value}]"), "c"))
        assert error.code == "bad-value" and "dropout is a layer of its own, type=hs with keep=" in error.notes


def test_fcdropo_drops_outputs_before_the_neuron() -> None:
    layer = "[f]\ntype=fcdropo\ninputs=data\noutputs=4\ninitW=0.1\nrate=0.4\n"
    fc, drop = "[f] fc outputs=4 init=gaussian(0.1)", "[f-dropout] dropout rate=0.4 scaling=test"
    assert lines(without_gpus(net(layer, "f")))[:2] == [fc, drop]
    assert lines(without_gpus(net(layer + "neuron=logistic\n", "f")))[:2] == [fc, f"{drop} neuron=logistic"]


def test_fcdropo_of_several_inputs_is_rejected() -> None:
    """Its program drops the first input's part once for each input."""
    layer = "[f]\ntype=fcdropo\ninputs=data,data\noutputs=4\ninitW=0.1,0.1\nrate=0.4\n"
    (error,) = [d for d in diagnose(without_gpus(net(layer, "f"))) if d.severity == "error"]
    assert (error.code, error.message) == ("wrong-inputs", "f: fcdropo reads 1, not 2 layers")


def drops(layer: str, key: str) -> list[str]:
    """The lines with dropout of a file without ``gpu=``, whose layer f has this key in the parameter file."""
    params = f"[f]\n{RATES}{key}\n[out]\n{RATES}[logprob]\ncoeff=1\n"
    return [line for line in lines(without_gpus(net(layer, "f")), params) if "dropout" in line]


def test_drop_rate_of_a_fork_drops_outputs_of_an_fc_with_one_input() -> None:
    layer = "[f]\ntype=fc\ninputs=data\noutputs=4\ninitW=0.1\n"
    assert drops(layer, "dropRate = 0.4") == ["[f-dropout] dropout rate=0.4 scaling=test"]
    assert drops(conv("f", "data", 3), "dropRate=0.4") == []


def test_union_is_a_concatenation() -> None:
    assert lines(net(C + conv("d", "data", 3) + "[u]\ntype=union\ninputs=c,d\n", "u"))[2] == "[u] concat inputs=c,d"


@pytest.mark.parametrize(("dialect", "read_as"), [("2012", "cost.crossent2"), ("v2", "cost.bce")])
def test_binxent_is_the_binary_cross_entropy(dialect: Dialect, read_as: str) -> None:
    text = net(C, "c").replace("type=cost.logreg\ninputs=labels,probs", "type=cost.binxent\ninputs=labels,out")
    text = text.replace("outputs=10\n", "outputs=10\nneuron=logistic\n").replace(
        "[probs]\ntype=softmax\ninputs=out\n", ""
    )
    network = load(text, dialect=dialect)
    (habit,) = [d.message for d in network.warnings if d.code == "cfg-old-habit"]
    assert habit == f"logprob: cost.binxent, which only a fork has, is read as {read_as}"
    assert lines(text)[-1] == "[logprob] binarycrossentropy inputs=out"


LOG = net(C, "c").replace("type=softmax", "type=logsoftmax").replace("cost.logreg", "cost.reg")


def test_cost_of_a_logsoftmax_is_that_of_a_softmax() -> None:
    assert merged_spec(LOG) == merged_spec(net(C, "c"))


def test_logsoftmax_is_read_by_no_other_layer() -> None:
    for text in (LOG.replace("cost.reg", "cost.logreg"), LOG.replace("cost.reg", "cost.crossent")):
        (error,) = [d for d in diagnose(text) if d.severity == "error"]
        assert error.message == "logprob: probs is a logsoftmax, which only a cost.reg can read"
    (error,) = [d for d in diagnose(LOG.replace("logsoftmax", "softmax")) if d.severity == "error"]
    assert error.message == "logprob: its second input is a logsoftmax; probs is of type softmax"


def test_bias_of_a_norm_is_its_constant() -> None:
    norm = "[n]\ntype=cmrnorm\ninputs=c\nchannels=16\nsize=5\n"
    params = f"[c]\n{RATES}[out]\n{RATES}[n]\nbias=2\nscale=0.0005\npow=0.75\n[logprob]\ncoeff=1\n"
    assert lines(net(C + norm, "n"), params)[1] == "[n] lrn size=5 k=2 scale=0.0005 beta=0.75"


def test_cost_that_only_a_fork_has_may_be_left_out() -> None:
    (error,) = diagnose(net(C, "c") + "[x]\ntype=cost.hingeloss\ninputs=labels,out\ngpu=0\n")
    assert error.notes[-1] == (
        "without this section, the file gives the network to be trained with its other costs, or the usual one"
    )


def test_options_of_noccn_name_the_layer_file() -> None:
    text = "[DEFAULT]\ndata-provider = convdata.X\n[train]\nlayer-def = $HERE/layers.cfg\ntrain-range = 0-9\n"
    (error,) = diagnose(text)
    assert error.notes == ("it has options of noccn, which name the layer file: layer-def=$HERE/layers.cfg",)
