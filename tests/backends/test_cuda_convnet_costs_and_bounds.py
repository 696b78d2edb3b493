"""Costs, and bounds on weights, in the files of cuda-convnet."""

from __future__ import annotations

import pytest
from round_trip import BACKEND, Dialect, assert_same_net, reimported

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
def test_sections_of_costs(loss: str, dialect: Dialect, cost: str) -> None:
    text = f"[image] input 3x8x8 range=255 mean=image\n[f] fc outputs=4 init=gaussian(1)\n[e] {loss}\n"
    files = BACKEND.emit(loads(text), dialect)
    assert cost in files.layers and ("posWeight=3" in files.params) == ("positive" in loss)


@pytest.mark.parametrize("gpus", [1, 2, 3])
@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize(
    "loss", ["binarycrossentropy of=probabilities", "crossentropy", "binarycrossentropy", "squarederror", "sumsquares"]
)
def test_losses_survive_the_round_trip(loss: str, dialect: Dialect, gpus: int) -> None:
    layers = f"[f] fc outputs=12 init=gaussian(1)\n[e] {loss} loss_weight=0.5\n"
    net = loads(f"net x\ngpus {gpus}\n[image] input 3x8x8 range=255 mean=image\n{layers}")
    again = reimported(BACKEND.emit(net, dialect), net.graph)
    (before,), (after,) = net.graph.losses, again.graph.losses
    assert (after.op, after.inputs) == (before.op, before.inputs)
    function = {"crossentropy": ["softmax"], "binarycrossentropy": ["logistic"]}.get(loss, [])
    assert [layer.type for layer in again.layers.values()] == ["input", "fc", *function, loss.split()[0]]


COSTS_OF_2012 = """\
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


def test_costs_of_2012_survive_the_round_trip() -> None:
    net = loads(COSTS_OF_2012)
    files = BACKEND.emit(net)
    assert (files.dialect, files.warnings) == ("2012", ())
    assert "type=cost.tica\ninputs=c\ngpu=0\nchannels=16\nsizeX=4\n" in files.layers
    assert "type=cost.gsum2\ninputs=gate,c\n" in files.layers and "coeff=-0.01\n" in files.params
    assert "type=cost.gsum2\ninputs=labels,c\n" in files.layers and "coeff=0.25\n" in files.params
    assert "setSize=2\nthreads=1\n" in files.params
    assert_same_net(net, reimported(files, net.graph))


def test_version_2_rejects_costs_of_2012() -> None:
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(loads(COSTS_OF_2012), "v2")
    costs = [d.message.partition("version 2 has no ")[2] for d in caught.value.diagnostics if d.severity == "error"]
    assert costs == ["cost.tica", "cost.gsum2", "cost.gsum2", "cost.msm"]


def test_only_2012_has_super_eps() -> None:
    text = f"[image] input 3x8x8 range=255 mean=image\n[a] fc outputs=16 init=gaussian(1) super_eps=0.5\n{ENDING}"
    net = loads(text + "train optimizer=sgd(weight_decay=0.1)")
    files = BACKEND.emit(net)
    assert (files.dialect, files.warnings, files.params.count("superEps=0.5")) == ("2012", (), 1)
    assert_same_net(net, reimported(files, net.graph))
    files = BACKEND.emit(net, "v2")
    assert [(d.code, d.span.text) for d in files.warnings] == [("left-out-of-cfg", "super_eps=0.5")]
    two = text.replace("super_eps=0.5", "inputs=image,image super_eps=1,2")
    (warning,) = BACKEND.emit(loads(two), "2012").warnings
    assert warning.message == "a: superEps is one for all inputs; super_eps is left out"


@pytest.mark.parametrize(
    ("layer", "dialect", "lines"),
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
def test_bounds_in_the_files_of_each_version(layer: str, dialect: Dialect, lines: str) -> None:
    net = loads(f"[image] input 3x8x8 range=255 mean=image\n[a] {layer} init=gaussian(1)\n{ENDING}")
    files = BACKEND.emit(net, dialect)
    assert [line for line in lines.split("\n") if line not in files.params] == []
    assert_same_net(net, reimported(files, net.graph))


def test_class_scores_on_two_gpus_are_joined_once() -> None:
    files = BACKEND.emit(loads("gpus 2\n[image] input 3x4x4\n[a] fc outputs=4\n"), "2012")
    assert files.layers.count("type=concat") == 1
