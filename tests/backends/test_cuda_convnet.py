"""Specs as the files of cuda-convnet: what is written, that it is the same network, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from chances import examples
from expressible import specs
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from places import SPECS
from written_back import BACKEND, Dialect, back, same

import netspec
from netspec import backend
from netspec.diagnostics import SpecError
from netspec.diff import compare
from netspec.ir.graph import Graph
from netspec.ir.ops import VOCABULARY, Bias, Input, Loss, NoisyRelu
from netspec.net import loads

TWO = """\
net two rounding=up
gpus 2
default conv init=gaussian(0.01) neuron=relu
[image] input 3x16x16 range=255 mean=image
[conv1] conv filters=32 kernel=5 stride=2 bias=1
[norm1] lrn size=5 k=2 scale=1e-4 beta=0.75
[conv2] conv filters=64 kernel=3 pad=1 reads=all lr=0 bias_lr=0.002
[pool2] maxpool kernel=3 stride=2
[drop2] dropout rate=0.4 scaling=test
[fc3] fc outputs=10 init=gaussian(0.1) gpu=1
[prob] softmax
train epochs=5 batch=64 optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=5e-4) schedule=dexp(factor=0.004, levels=4)
"""

LAYERS = """\
# Written by netspec. Another `netspec compile` overwrites this file as long as this line stands first.
# The net two, for cuda-convnet of 2012.
# The shape of its data, for netspec import: --input 3x16x16

[image]
type=data
dataIdx=0

[labels]
type=data
dataIdx=1

[conv1a]
type=conv
inputs=image
channels=3
filters=16
padding=0
stride=2
filterSize=5
initW=0.01
initB=1
partialSum=0
neuron=relu
gpu=0

[conv1b]
type=conv
inputs=image
channels=3
filters=16
padding=0
stride=2
filterSize=5
initW=0.01
initB=1
partialSum=0
neuron=relu
gpu=1

[norm1a]
type=cmrnorm
inputs=conv1a
channels=16
size=5

[norm1b]
type=cmrnorm
inputs=conv1b
channels=16
size=5

[conv2a]
type=conv
inputs=norm1a,norm1b
channels=16,16
filters=32,32
padding=1,1
stride=1,1
filterSize=3,3
initW=0.01,0.01
partialSum=0
neuron=relu

[conv2b]
type=conv
inputs=norm1a,norm1b
channels=16,16
filters=32,32
padding=1,1
stride=1,1
filterSize=3,3
initW=0.01,0.01
partialSum=0
neuron=relu
gpu=1

[pool2a]
type=pool
inputs=conv2a
pool=max
channels=32
sizeX=3
stride=2

[pool2b]
type=pool
inputs=conv2b
pool=max
channels=32
sizeX=3
stride=2

[drop2a]
type=hs
inputs=pool2a
keep=0.6

[drop2b]
type=hs
inputs=pool2b
keep=0.6

[fc3]
type=fc
inputs=drop2a,drop2b
outputs=10
initW=0.1,0.1
gpu=1

[prob]
type=softmax
inputs=fc3

[logprob]
type=cost.logreg
inputs=labels,prob
gpu=1
"""

SCHEDULES = "schedW=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\nschedB=dexp[tgtFactor=250,noiseStdev=0,numSteps=4]\n"
CONV1 = f"epsW=0.01\nepsB=0.01\nmomW=0.9\nmomB=0.9\nwc=0.0005\n{SCHEDULES}"
CONV2 = f"epsW=0,0\nepsB=0.002\nmomW=0.9,0.9\nmomB=0.9\nwc=0.0005,0.0005\n{SCHEDULES}"
FC3 = f"epsW=0.01,0.01\nepsB=0.01\nmomW=0.9,0.9\nmomB=0.9\nwc=0.0005,0.0005\n{SCHEDULES}"
PARAMS = f"""\
# Written by netspec. Another `netspec compile` overwrites this file as long as this line stands first.
# The net two, for cuda-convnet of 2012.
# Options for the command line of convnet.py: --epochs=5 --mini=64

[conv1a]
{CONV1}
[conv1b]
{CONV1}
[norm1a]
scale=0.0001
pow=0.75
minDiv=2

[norm1b]
scale=0.0001
pow=0.75
minDiv=2

[conv2a]
{CONV2}
[conv2b]
{CONV2}
[drop2a]
enable=true

[drop2b]
enable=true

[fc3]
{FC3}
[logprob]
coeff=1
topk=5
"""


def test_a_net_on_two_gpus_of_2012() -> None:
    made = BACKEND.emit(loads(TWO))
    assert (made.layers, made.params, made.warnings) == (LAYERS, PARAMS, ())


def test_what_version_2_says_otherwise() -> None:
    made = BACKEND.emit(loads(TWO), "v2")
    wanted = LAYERS.replace("for cuda-convnet of 2012", "for cuda-convnet version 2")
    wanted = wanted.replace("partialSum=0", "sumWidth=4").replace("type=hs", "type=dropout2").replace("keep=0.6\n", "")
    assert made.layers == wanted
    assert "epsW=dexp[base=0.01;tgtFactor=250;numSteps=4]\nepsB=dexp[base=0.01;tgtFactor=250;numSteps=4]" in made.params
    assert "enable=true\nkeep=0.6" in made.params and "sched" not in made.params


def same_outputs(one: Graph, other: Graph) -> None:
    """The same weights, and the same noise everywhere, give the same."""
    random = np.random.default_rng(1)
    weights = {key: random.uniform(0.01, 0.3, size=p.shape) for key, p in one.parameters.items()}
    images = random.uniform(0.1, 1, size=(2, *one.input.output))
    run = backend.load("reference").run
    mine, theirs = (run(graph, weights, images, noise=even_noise(graph)).values for graph in (one, other))
    for ours, own in zip(results(one), results(other), strict=True):
        np.testing.assert_allclose(theirs[own], mine[ours], rtol=1e-9, atol=1e-12)


def even_noise(graph: Graph) -> dict[str, np.ndarray]:
    """For what adds noise, as much for each unit."""
    noisy = [node for node in graph.nodes.values() if isinstance(node.op, NoisyRelu)]
    return {node.name: np.full((2, *node.output), 0.5) for node in noisy}


def results(graph: Graph) -> list[str]:
    """What a network comes to: its output, or what its losses read."""
    return [node.inputs[0] for node in graph.losses] or [graph.output.name]


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@given(data=st.data())
@examples(25, HealthCheck.too_slow)
def test_what_is_written_and_read_again_is_the_same_net(dialect: Dialect, data: st.DataObject) -> None:
    net = loads(data.draw(specs(dialect)))
    again = back(BACKEND.emit(net, dialect), net.graph)
    same(net, again)
    same_outputs(net.graph, again.graph)


SAID = {
    "alexnet": "schedule", "alexnet-2012": "schedule", "alexnet-227": "schedule", "alexnet-one-gpu": "schedule",
    "alexnet-half": "schedule", "alexnet-four-convs": "schedule", "alexnet-no-lrn": "schedule",
    "alexnet-no-dropout": "schedule", "alexnet-tanh": "schedule", "alexnet-tiled-pooling": "schedule",
    "cifar-quick": "schedule",
}  # fmt: skip
"""Specs that both versions can say, and the key whose value neither can."""


@pytest.mark.many
@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize("name", SAID)
def test_the_family_of_alexnet_is_written_and_read_again(name: str, dialect: Dialect) -> None:
    net = netspec.load(SPECS / f"{name}.net")
    made = BACKEND.emit(net, dialect)
    assert {w.code for w in made.warnings} == {"left-out-of-cfg"}
    assert [w.layer for w in made.warnings] == [*(["conv1"] if name == "alexnet-2012" else []), "train"]
    assert all(w.span.text.startswith(SAID[name]) for w in made.warnings)
    same(net, back(made, net.graph), scheduled=False)


@pytest.mark.parametrize("name", ["alexnet-torchvision", "caffenet", "lenet", "alexnet-tiny"])
def test_the_others_are_refused_by_2012(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(netspec.load(SPECS / f"{name}.net"), "2012")
    assert {d.code for d in caught.value.diagnostics if d.severity == "error"} == {"not-in-cfg"}


def test_without_a_version_the_older_one_that_can_say_it_is_taken() -> None:
    assert BACKEND.emit(loads(TWO)).dialect == "2012"
    assert BACKEND.emit(loads(TWO.replace(" scaling=test", ""))).dialect == "v2"


def test_every_operation_is_written_refused_or_part_of_a_layer() -> None:
    parts = {Input, Bias} | {op for op in VOCABULARY if issubclass(op, Loss)}
    known = [*BACKEND.emitted(), *BACKEND.refused(), *parts]
    assert len(known) == len(set(known)) and set(known) == set(VOCABULARY)


ENDING = "[out] fc outputs=10 init=gaussian(0.1)\n[prob] softmax\n"


@pytest.mark.parametrize(
    ("line", "dialect", "section"),
    [
        ("crop size=8 top=1 left=3", "v2", "type=crop\ninputs=image\nchannels=3\nstartX=3\nstartY=1\nsizeX=8\n"),
        (
            "crop size=8 top=3 left=3",
            "2012",
            "pool=maxabs\nchannels=3\nsizeX=1\nstride=1\nstart=3\noutputsX=8\n",
        ),
        ("resize step=1.5", "2012", "type=resize\ninputs=image\nchannels=3\nscale=1.5\n"),
        ("colourspace to=lab centred=yes", "v2", "type=rgb2lab\ninputs=image\ncenter=true\n"),
        ("colourspace to=yuv", "2012", "type=rgb2yuv\ninputs=image\n"),
        ("sumpool kernel=2", "v2", "pool=avg\nchannels=3\nsizeX=2\nstride=2\nsum=true\n"),
        ("maxabspool kernel=2", "2012", "pool=maxabs\nchannels=3\nsizeX=2\nstride=2\n"),
        (
            "zeropad pad=2,1,2,1",
            "2012",
            "pool=maxabs\nchannels=3\nsizeX=1\nstride=1\nstart=-2\noutputsX=15\n",
        ),
        ("log a=1.5", "v2", "type=neuron\ninputs=image\nneuron=log[1.5]\n"),
    ],
)
def test_layers_that_one_version_or_both_have(line: str, dialect: Dialect, section: str) -> None:
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n[a] {line}\n{ENDING}")
    assert section in BACKEND.emit(net, dialect).layers


@pytest.mark.parametrize("type_", ["conv", "local"])
def test_more_places_than_usual(type_: str) -> None:
    """8 + 1 + 2 pixels have 9 places, and cuda-convnet without being told 8."""
    line = f"[a] {type_} filters=16 kernel=3 pad=1,2,1,2 init=gaussian(0.1)"
    net = loads(f"net x rounding=up\n[image] input 3x8x8 range=255 mean=image\n{line}\n{ENDING}")
    made = BACKEND.emit(net, "v2")
    assert "padding=1\n" in made.layers and "modulesX=9\n" in made.layers
    same(net, back(made, net.graph))


def test_the_same_numbers_in_another_shape_are_no_section() -> None:
    middle = "[r] reshape size=48x3x3\n[c] conv filters=16 kernel=3 init=gaussian(0.1)\n[f] flatten"
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n{middle}\n{ENDING}")
    made = BACKEND.emit(net)
    assert "[c]\ntype=conv\ninputs=image\nchannels=48\n" in made.layers and "[f]" not in made.layers


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize("line", ["crop size=12", "zeropad pad=0"])
def test_what_neither_cuts_nor_adds_is_no_section(line: str, dialect: Dialect) -> None:
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n[a] {line}\n{ENDING}")
    made = BACKEND.emit(net, dialect)
    assert "[a]" not in made.layers and "[out]\ntype=fc\ninputs=image\n" in made.layers
    same(net, back(made, net.graph))
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n[a] {line} neuron=relu\n{ENDING}")
    made = BACKEND.emit(net, dialect)
    assert "[a]\ntype=neuron\ninputs=image\nneuron=relu\n" in made.layers
    same(net, back(made, net.graph))


@pytest.mark.parametrize("place", ["", " gpu=1", " gpu=all"])
def test_what_neither_cuts_nor_adds_and_lies_on_two_gpus(place: str) -> None:
    """Where it does not move what it reads, readers read that, each its own GPU's half."""
    head = "net x rounding=up\ngpus 2\n[image] input 3x12x12 range=255 mean=image"
    halves = "[c] conv filters=64 kernel=3 init=gaussian(1)"
    net = loads(f"{head}\n{halves}\n[a] crop size=10{place}\n[b] zeropad pad=0\n[p] maxpool kernel=2\n{ENDING}")
    made = BACKEND.emit(net, "v2")
    assert made.layers.count("neuron=ident") == (place == " gpu=1")
    same(net, back(made, net.graph))


@pytest.mark.parametrize(("kernel", "stride", "before"), [(2, 2, 0), (3, 2, 1), (3, 1, 2), (16, 1, 15)])
def test_pooling_of_rows_that_are_maps_is_pooling_across_maps(kernel: int, stride: int, before: int) -> None:
    made = 16 // stride
    behind = stride * (made - 1) + kernel - 16 - before
    net = loads(
        f"net x\n[image] input 3x4x4 range=255 mean=image\n[c] conv filters=16 kernel=3 pad=1 init=gaussian(0.1)\n"
        f"[m] reshape size=1x16x16\n[p] maxpool kernel={kernel}x1 stride={stride}x1 pad=0,0,{before},{behind}"
        f" neuron=relu\n[r] reshape size={made}x4x4\n{ENDING}"
    )
    written = BACKEND.emit(net, "v2")
    assert (
        f"type=cmpool\ninputs=c\npool=max\nchannels=16\nsize={kernel}\nstride={stride}\noutputs={made}\n"
        in written.layers
    )
    again = back(written, net.graph)
    same(net, again)
    same_outputs(net.graph, again.graph)
    with pytest.raises(SpecError, match="cuda-convnet of 2012 does not pool across maps"):
        BACKEND.emit(net, "2012")


def test_version_2_is_told_of_more_windows_than_usual() -> None:
    conv = "[c] conv filters=16 kernel=3 pad=0,2,0,2 init=gaussian(0.1)"
    net = loads(f"net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n{conv}\n{ENDING}")
    made = BACKEND.emit(net, "v2")
    assert "modulesX=12" in made.layers
    same_outputs(net.graph, back(made, net.graph).graph)


@pytest.mark.parametrize(("pad", "dialect"), [("0,12,0,12", "v2"), ("5", "2012"), ("5", "v2")])
def test_a_convolution_beyond_the_image_is_written_and_read_again(pad: str, dialect: Dialect) -> None:
    conv = f"[c] conv filters=16 kernel=3 pad={pad} outside=bias init=gaussian(0.1)"
    net = loads(f"net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n{conv}\n{ENDING}")
    made = BACKEND.emit(net, dialect)
    again = back(made, net.graph)
    same(net, again)
    same_outputs(net.graph, again.graph)


def test_a_name_that_is_taken_is_not_given_twice() -> None:
    text = TWO.replace("[norm1]", "[conv1a]")
    net = loads(text)
    again = back(BACKEND.emit(net), net.graph)
    assert compare(net, again).function == "same"
