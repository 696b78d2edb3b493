"""Layers that cuda-convnet rejected, and a type of layer whose data is elsewhere: each says why."""

from __future__ import annotations

import pytest
from layerfiles import conv, diagnose, load, net

C = conv("c", "data", 3)
V2 = C.replace("partialSum=0\n", "")
F = "[f]\ntype=fc\ninputs=data\noutputs=10\ninitW=0.1\ngpu=0\n"
COST = "[k]\ntype=softmax\ninputs=f\n[x]\ntype=cost.logreg\ninputs=labels,k\ngpu=0\n"


@pytest.mark.parametrize(
    ("middle", "reads", "code", "message", "underlined"),
    [
        (C + conv("d", "c", 16, more="randSparse=1"), "d", "bad-value", "randSparse needs more than one group", None),
        (C + conv("d", "c", 16, more="groups=3\nrandSparse=1\nfilterChannels=5"), "d",
         "bad-value", "filters of 5 channels do not cover 16 channels in 3 groups evenly", "5"),
        ("[n]\ntype=neuron\ninputs=data\ngpu=0\n", "n", "missing-key", "it needs neuron=", None),
        (C + "[e]\ntype=eltsum\ninputs=c,data\n", "e",
         "shapes-differ", "its inputs have different lengths: c 1024, data 192", "c,data"),
        (F + COST + "[y]\ntype=neuron\nneuron=relu\ninputs=x\ngpu=0\n", "y",
         "reads-loss", "x is a cost and has no output", "x"),
        ("[b]\ntype=blur\ninputs=data\nchannels=3\nfilterSize=9\nstdev=2\ngpu=0\n", "b",
         "kernel-too-large", "its filter is larger than its maps of 8", "9"),
        (C + "[p]\ntype=pool\npool=max\ninputs=c\nchannels=16\nsizeX=3\nstride=2\nstart=9\n", "p",
         "kernel-too-large", "no window fits", "3"),
        (F + "[g]\ntype=cost.gsum2\ninputs=f,data\ngpu=0\n", "f",
         "wrong-inputs", "its first input is a gate, one number", "f,data"),
        (C + conv("d", "c", 16, more="weightSource=c"), "d",
         "weights-mismatch", "it needs 144x16 weights, c has 27x16", "c"),
        (C + conv("d", "c", 16, more="weightSource=c[1]"), "d",
         "weights-mismatch", "1 is not the number of an input of c", "c[1]"),
        (F.replace("inputs=data", "inputs=data,data").replace("0.1", "0.1,0.1\nweightSource=,f[1]"), "f",
         "weights-mismatch", "1 is not the number of an earlier input of f", ",f[1]"),
        (conv("c", "data", 3, more="filterSize=11"), "c",
         "kernel-too-large", "its filter of 11 is larger than its padded image of 10", "11"),
    ],
)  # fmt: skip
def test_rejected_in_2012(middle: str, reads: str, code: str, message: str, underlined: str | None) -> None:
    (found,) = [d for d in diagnose(net(middle, reads), dialect="2012") if d.severity == "error"]
    assert (found.code, found.message.partition(": ")[2]) == (code, message)
    assert underlined is None or found.span.text == underlined


@pytest.mark.parametrize(
    ("middle", "reads", "code", "message", "underlined"),
    [
        (V2 + "[s]\ntype=sfc\ninputs=c\noutputs=5\nparts=3\ninitW=0.1\n", "s",
         "groups-do-not-divide", "3 parts do not divide the 1,024 of c", "3"),
        (V2 + "[p]\ntype=pass\ninputs=c\ngpu=0\n[q]\ntype=pass\ninputs=c\ngpu=0\n", "p,q",
         "cfg-replicas", "c is passed on by p on the same GPU already", "c"),
        (V2.replace("gpu=0", "gpu=0,0"), "c", "bad-value", "gpu names one GPU twice", "0,0"),
        (conv("a", "data", 3, more="gpu=0,1") + conv("b", "data", 3, more="gpu=0,1,2")
         + "[s]\ntype=concat\ninputs=a,b\n", "s",
         "cfg-replicas", "data is read by 3 replicas of it and 2 of a; all readers need as many", "0,1,2"),
        (V2 + "[r]\ntype=resize\ninputs=c\nchannels=16\nscale=1.5\n", "r",
         "cfg-no-gradient", "resize passes no gradient, but its input depends on layers with weights", "c"),
        (F + COST + "children=z\n", "f", "unknown-layer", "there is no cost.logreg 'z' above it", "z"),
        (F + COST + "children=k\n", "f", "unknown-layer", "there is no cost.logreg 'k' above it", "k"),
    ],
)  # fmt: skip
def test_rejected_in_version_2(middle: str, reads: str, code: str, message: str, underlined: str) -> None:
    (found,) = [d for d in diagnose(net(middle, reads), dialect="v2") if d.severity == "error"]
    assert (found.code, found.message.partition(": ")[2], found.span.text) == (code, message, underlined)


@pytest.mark.parametrize(("name", "outputs"), [("tree12", 12), ("tree", 1000)])
def test_tree_of_classes_becomes_a_layer_with_the_number_in_its_name(name: str, outputs: int) -> None:
    """The tree is in the data. Without a number there are the 1000 classes of ImageNet."""
    network = load(net(f"[{name}]\ntype=treefc\ninputs=data\ninitW=0.1\nneuron=relu\ngpu=0\n", name), dialect="2012")
    assert network[name].output == (outputs,)
    assert [d.code for d in network.warnings] == ["cfg-substitute"]


def test_cost_may_have_one_above_it_as_a_child() -> None:
    second = COST.replace("[x]", "[y]").replace("[k]", "[l]").replace("labels,k", "labels,l")
    network = load(net(F + COST + second + "children=x\n", "f"), dialect="v2")
    assert {"x", "y"} <= set(network.layers)


def test_names_that_a_spec_cannot_have_are_replaced_by_different_ones() -> None:
    network = load(net("".join(conv(name, "data", 3) for name in ("c/1", "c:1", "c_1")), "c/1,c:1,c_1"))
    assert list(network.layers)[1:4] == ["c_1_2", "c_1_3", "c_1"]
