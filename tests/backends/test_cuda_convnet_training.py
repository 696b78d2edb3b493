"""Costs, and what weights are held to, in the files of cuda-convnet."""

from __future__ import annotations

import pytest
from written_back import BACKEND, Dialect, back, same

from netspec.diagnostics import SpecError
from netspec.net import loads

ENDING = "[out] fc outputs=10 init=gaussian(0.1)\n[prob] softmax\n"


@pytest.mark.parametrize(
    ("loss", "dialect", "cost"),
    [
        ("sumsquares", "v2", "type=cost.sum2\ninputs=f\n"),
        ("cauchyerror", "2012", "type=cost.rflickr\ninputs=labels-one-hot,f\n"),
        ("setcrossentropy size=3", "2012", "type=cost.msm\ninputs=labels,f\n"),
        ("binarycrossentropy positive=3", "v2", "type=cost.bce\ninputs=labels-one-hot,e-logistic\n"),
    ],
)
def test_costs_of_one_version_or_both(loss: str, dialect: Dialect, cost: str) -> None:
    text = f"[image] input 3x8x8 range=255 mean=image\n[f] fc outputs=4 init=gaussian(1)\n[e] {loss}\n"
    made = BACKEND.emit(loads(text), dialect)
    assert cost in made.layers and ("posWeight=3" in made.params) == ("positive" in loss)


@pytest.mark.parametrize("gpus", [1, 2, 3])
@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize(
    "loss", ["binarycrossentropy of=probabilities", "crossentropy", "binarycrossentropy", "squarederror", "sumsquares"]
)
def test_losses_are_costs_over_labels(loss: str, dialect: Dialect, gpus: int) -> None:
    layers = f"[f] fc outputs=12 init=gaussian(1)\n[e] {loss} loss_weight=0.5\n"
    net = loads(f"net x\ngpus {gpus}\n[image] input 3x8x8 range=255 mean=image\n{layers}")
    again = back(BACKEND.emit(net, dialect), net.graph)
    (mine,), (theirs,) = net.graph.losses, again.graph.losses
    assert (theirs.op, theirs.inputs) == (mine.op, mine.inputs)
    function = {"crossentropy": ["softmax"], "binarycrossentropy": ["logistic"]}.get(loss, [])
    assert [layer.type for layer in again.layers.values()] == ["input", "fc", *function, loss.split()[0]]


OF_2012 = """\
net costs
[image] input 3x8x8 range=255 mean=image
[c] conv filters=16 kernel=3 init=gaussian(0.1)
[near] topographic size=4 loss_weight=0.1
[gate] fc outputs=1 init=gaussian(0.1) inputs=c neuron=logistic
[small] gatedsumsquares inputs=gate,c loss_weight=-0.01
[numbered] sumsquares gate=class inputs=c loss_weight=0.25
[f] fc outputs=6 init=gaussian(0.1) inputs=c
[sets] setcrossentropy size=2
"""


def test_the_further_costs_of_2012_are_written_and_read_again() -> None:
    net = loads(OF_2012)
    made = BACKEND.emit(net)
    assert (made.dialect, made.warnings) == ("2012", ())
    assert "type=cost.tica\ninputs=c\ngpu=0\nchannels=16\nsizeX=4\n" in made.layers
    assert "type=cost.gsum2\ninputs=gate,c\n" in made.layers and "coeff=-0.01\n" in made.params
    assert "type=cost.gsum2\ninputs=labels,c\n" in made.layers and "coeff=0.25\n" in made.params
    assert "setSize=2\nthreads=1\n" in made.params
    same(net, back(made, net.graph))


def test_version_2_has_not_these_costs() -> None:
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(loads(OF_2012), "v2")
    told = [d.message.partition("version 2 has no ")[2] for d in caught.value.diagnostics if d.severity == "error"]
    assert told == ["cost.tica", "cost.gsum2", "cost.gsum2", "cost.msm"]


def test_super_eps_is_of_2012() -> None:
    text = f"[image] input 3x8x8 range=255 mean=image\n[a] fc outputs=16 init=gaussian(1) super_eps=0.5\n{ENDING}"
    net = loads(text + "train optimizer=sgd(weight_decay=0.1)")
    made = BACKEND.emit(net)
    assert (made.dialect, made.warnings, made.params.count("superEps=0.5")) == ("2012", (), 1)
    same(net, back(made, net.graph))
    made = BACKEND.emit(net, "v2")
    assert [(d.code, d.span.text) for d in made.warnings] == [("left-out-of-cfg", "super_eps=0.5")]
    two = text.replace("super_eps=0.5", "inputs=image,image super_eps=1,2")
    (told,) = BACKEND.emit(loads(two), "2012").warnings
    assert told.message == "a: superEps is one for all inputs; super_eps is left out"


@pytest.mark.parametrize(
    ("layer", "dialect", "said"),
    [
        ("conv filters=16 kernel=3 max_norm=2.7", "2012", "wball=0.1"),  # 2.7 / (3 * 9)
        ("local filters=16 kernel=3 max_norm=2.7", "2012", "wball=0.1"),
        ("local filters=16 kernel=3 max_norm=2.7", "v2", "wball=2.7"),
        ("fc outputs=16 max_norm=1", "2012", "wball=0.0052083333333"),  # 1 / (3 * 8 * 8)
        ("fc outputs=16 fixed_norm=1", "v2", "wball=1"),
        ("fc outputs=15 parts=3 norm_over=parts fixed_norm=1.5", "v2", "wball=1.5"),
        ("conv filters=16 kernel=4 min_std=0.4 max_std=0.8", "v2", "wcNormMin=0.0577350269\nwcNormMax=0.1154700538"),
        ("conv filters=16 kernel=3 max_std=0.0155884572681", "2012", "wcNormMax=0.003"),  # 0.003 * sqrt(27)
    ],
)
def test_bounds_of_weights_in_the_words_of_each_version(layer: str, dialect: Dialect, said: str) -> None:
    net = loads(f"[image] input 3x8x8 range=255 mean=image\n[a] {layer} init=gaussian(1)\n{ENDING}")
    made = BACKEND.emit(net, dialect)
    assert [line for line in said.split("\n") if line not in made.params] == []
    same(net, back(made, net.graph))


def test_class_scores_on_several_gpus_are_joined_once() -> None:
    files = BACKEND.emit(loads("gpus 2\n[image] input 3x4x4\n[a] fc outputs=4\n"), "2012")
    assert files.layers.count("type=concat") == 1
