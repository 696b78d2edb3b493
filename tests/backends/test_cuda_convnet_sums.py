"""Sums of layers with weights, only one of which has a bias, become one section with several inputs."""

from __future__ import annotations

import re

import pytest
from round_trip import BACKEND, Dialect, assert_same_net, reimported

from netspec.diagnostics import SpecError
from netspec.importers.cuda_convnet import translate
from netspec.net import ImportOptions, loads
from netspec.net import import_layer_file as imported
from netspec.source import Source

IMAGE = "[image] input 3x8x8 range=255 mean=image\ndefault conv init=gaussian(0.1)\ndefault fc init=gaussian(0.1)\n"
A = "[a] conv filters=16 kernel=1 inputs=image\n"
B = "[b] conv filters=16 kernel=1 inputs=image"
END = "[f] fc outputs=4\n"
SHARED = (
    "[data]\ntype=data\ndataIdx=0\n[labels]\ntype=data\ndataIdx=1\n"
    "[a]\ntype=fc\ninputs=data\noutputs=8\ninitW=0.1\ngpu=0\n"
    "[b]\ntype=fc\ninputs=a,a,data\noutputs=8\ninitW=0.1,0.2,0.3\nweightSource=,b[0],a\nneuron=relu\ninitB=1\n"
    "[c]\ntype=fc\ninputs=b,b\noutputs=8\ninitW=0.1,0.2\nweightSource=b[1],\n"
    "[out]\ntype=fc\ninputs=c\noutputs=10\ninitW=0.1\n[probs]\ntype=softmax\ninputs=out\n"
    "[logprob]\ntype=cost.logreg\ninputs=labels,probs\ngpu=0\n"
)


def layers(text: str, dialect: Dialect = "2012") -> str:
    result: str = BACKEND.emit(loads(IMAGE + text), dialect).layers  # type: ignore[attr-defined]
    return result


def section(text: str, name: str) -> dict[str, str]:
    body = re.search(rf"^\[{name}\]\n((?:.+\n)+)", text, re.MULTILINE)
    assert body is not None
    return dict(line.split("=", 1) for line in body[1].splitlines())


def test_sum_of_convolutions_is_one_section() -> None:
    text = layers(
        "[a] conv filters=16 kernel=3 pad=1\n[b] conv filters=16 kernel=1 inputs=image bias=none\n"
        "[s] sum inputs=b,a neuron=relu\n[f] fc outputs=4\n"
    )
    merged = section(text, "s")
    assert (merged["type"], merged["inputs"], merged["neuron"]) == ("conv", "image,image", "relu")
    assert (merged["filterSize"], merged["padding"], merged["filters"]) == ("1,3", "0,1", "16,16")
    assert "[a]" not in text and "[b]" not in text and section(text, "f")["inputs"] == "s"


@pytest.mark.parametrize("dialect", ["2012", "v2"])
def test_shared_matrices_survive_the_round_trip(dialect: Dialect) -> None:
    """Both files have the same inputs, weights, biases and shared matrices."""
    net = loads(imported(Source("shared.cfg", SHARED), options=ImportOptions(None, "2012", merged=True)).source.text)
    files = BACKEND.emit(net, dialect)
    text = files.layers  # type: ignore[attr-defined]
    assert section(text, "b")["weightSource"] == ",b[0],a[0]" and section(text, "c")["weightSource"] == "b[0],"
    before = translate(Source("a.cfg", SHARED), shape=net.graph.input.output).definition.layers
    after = translate(Source("b.cfg", text), dialect=dialect, shape=net.graph.input.output).definition.layers
    assert {n: (x.inputs, x.weights, x.biases, x.shared) for n, x in before.items()} == {
        n: (x.inputs, x.weights, x.biases, x.shared) for n, x in after.items()
    }
    assert_same_net(net, reimported(files, net.graph))


@pytest.mark.parametrize(
    "text",
    [
        f"{A}{B} bias=none\n[r] relu\n[s] sum inputs=a,b\n[m] max inputs=s,r\n",
        f"{A}{B} bias=none neuron=relu\n[s] sum inputs=a,b\n",
        f"{A}{B.replace('conv', 'local')} bias=none\n[s] sum inputs=a,b\n",
        f"{A}{B} bias=none\n{B.replace('[b]', '[d]')} weights=b\n[s] sum inputs=a,b\n[m] max inputs=s,d\n",
        f"{A}{B} weights=a bias=none\n{B.replace('[b]', '[d]')} weights=a\n[s] sum inputs=a,b\n[m] max inputs=s,d\n",
    ],
    ids=["another reader", "neuron", "two types", "weights shared outside", "weights shared within and outside"],
)
def test_layers_that_cannot_be_merged_need_a_bias(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        layers(text + END)
    assert [d.message for d in caught.value.diagnostics] == ["b: cuda-convnet has biases in every layer with weights"]


def test_sum_of_layers_with_biases_stays_a_sum() -> None:
    text = layers(f"{A}{B}\n[s] sum inputs=a,b\n{END}")
    assert section(text, "s")["type"] == "eltsum" and section(text, "b")["type"] == "conv"
