"""Specs exported as files of cuda-convnet: sections, and that importing them again gives the same network."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest
from cuda_convnet_specs import specs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples
from places import SPECS
from round_trip import BACKEND, Dialect, assert_same_net, reimported

import netspec
from netspec import backend
from netspec.diagnostics import SpecError
from netspec.ir.graph import Graph
from netspec.ir.ops import VOCABULARY, Bias, Input, Loss, NoisyRelu
from netspec.net import loads


def assert_same_outputs(one: Graph, other: Graph) -> None:
    """Check that two graphs compute the same from the same weights, images and noise."""
    rng = np.random.default_rng(1)
    weights = {key: rng.uniform(0.01, 0.3, size=p.shape) for key, p in one.parameters.items()}
    images = rng.uniform(0.1, 1, size=(2, *one.input.output))
    run = backend.load("reference").run
    values, others = (run(graph, weights, images, drawn=constant_noise(graph)).values for graph in (one, other))
    for name, other_name in zip(result_names(one), result_names(other), strict=True):
        np.testing.assert_allclose(others[other_name], values[name], rtol=1e-9, atol=1e-12)


def constant_noise(graph: Graph) -> dict[str, np.ndarray]:
    """Return noise of 0.5 for every unit of the nodes that add noise."""
    noisy = [node for node in graph.nodes.values() if isinstance(node.op, NoisyRelu)]
    return {node.name: np.full((2, *node.output), 0.5) for node in noisy}


def result_names(graph: Graph) -> list[str]:
    """Return the names of the values that the losses read or, without losses, of the output."""
    return [node.inputs[0] for node in graph.losses] or [graph.output.name]


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@given(data=st.data())
@examples(25)
def test_random_specs_survive_the_round_trip(dialect: Dialect, data: st.DataObject) -> None:
    net = loads(data.draw(specs(dialect)))
    again = reimported(BACKEND.emit(net, dialect), net.graph)
    assert_same_net(net, again)
    assert_same_outputs(net.graph, again.graph)


EXPRESSIBLE = (
    "alexnet",
    "alexnet-2012",
    "alexnet-227",
    "alexnet-one-gpu",
    "alexnet-half",
    "alexnet-four-convs",
    "alexnet-no-lrn",
    "alexnet-no-dropout",
    "alexnet-tanh",
    "alexnet-tiled-pooling",
    "cifar-quick",
)
"""Specs that both versions can express, except for their schedules."""


@pytest.mark.many
@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize("name", EXPRESSIBLE)
def test_alexnets_survive_the_round_trip(name: str, dialect: Dialect) -> None:
    net = netspec.load(SPECS / f"{name}.net")
    files = BACKEND.emit(net, dialect)
    assert {w.code for w in files.warnings} == {"left-out-of-cfg"}
    assert [w.layer for w in files.warnings] == [*(["conv1"] if name == "alexnet-2012" else []), "train"]
    assert all(w.span.text.startswith("schedule") for w in files.warnings)
    assert_same_net(net, reimported(files, net.graph), scheduled=False)


@pytest.mark.parametrize("name", ["alexnet-torchvision", "caffenet", "lenet", "alexnet-tiny"])
def test_2012_cannot_express_other_specs(name: str) -> None:
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(netspec.load(SPECS / f"{name}.net"), "2012")
    assert {d.code for d in caught.value.diagnostics if d.severity == "error"} == {"not-in-cfg"}


def test_every_operation_is_emitted_rejected_or_part_of_a_layer() -> None:
    parts = {Input, Bias} | {op for op in VOCABULARY if issubclass(op, Loss)}
    operations = import_module(f"{BACKEND.__name__}.ops")
    known = [*operations.EMITTED, *operations.UNSUPPORTED, *parts]
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
def test_sections_of_single_layers(line: str, dialect: Dialect, section: str) -> None:
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n[a] {line}\n{ENDING}")
    assert section in BACKEND.emit(net, dialect).layers


@pytest.mark.parametrize("type_", ["conv", "local"])
def test_more_positions_than_cuda_convnet_would_use(type_: str) -> None:
    """A kernel of 3 has 9 positions on 1 + 8 + 2 pixels; without modulesX, cuda-convnet would use 8."""
    line = f"[a] {type_} filters=16 kernel=3 pad=1,2,1,2 init=gaussian(0.1)"
    net = loads(f"net x rounding=up\n[image] input 3x8x8 range=255 mean=image\n{line}\n{ENDING}")
    files = BACKEND.emit(net, "v2")
    assert "padding=1\n" in files.layers and "modulesX=9\n" in files.layers
    assert_same_net(net, reimported(files, net.graph))


def test_reshape_and_flatten_need_no_section() -> None:
    middle = "[r] reshape size=48x3x3\n[c] conv filters=16 kernel=3 init=gaussian(0.1)\n[f] flatten"
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n{middle}\n{ENDING}")
    files = BACKEND.emit(net)
    assert "[c]\ntype=conv\ninputs=image\nchannels=48\n" in files.layers and "[f]" not in files.layers


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@pytest.mark.parametrize("line", ["crop size=12", "zeropad pad=0"])
def test_crop_and_zeropad_without_effect_need_no_section(line: str, dialect: Dialect) -> None:
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n[a] {line}\n{ENDING}")
    files = BACKEND.emit(net, dialect)
    assert "[a]" not in files.layers and "[out]\ntype=fc\ninputs=image\n" in files.layers
    assert_same_net(net, reimported(files, net.graph))
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n[a] {line} neuron=relu\n{ENDING}")
    files = BACKEND.emit(net, dialect)
    assert "[a]\ntype=neuron\ninputs=image\nneuron=relu\n" in files.layers
    assert_same_net(net, reimported(files, net.graph))


@pytest.mark.parametrize("gpu", ["", " gpu=1", " gpu=all"])
def test_crop_without_effect_on_two_gpus(gpu: str) -> None:
    """Unless it moves its input to another GPU, the next layer reads that input directly, each GPU its own half."""
    head = "net x rounding=up\ngpus 2\n[image] input 3x12x12 range=255 mean=image"
    halves = "[c] conv filters=64 kernel=3 init=gaussian(1)"
    net = loads(f"{head}\n{halves}\n[a] crop size=10{gpu}\n[b] zeropad pad=0\n[p] maxpool kernel=2\n{ENDING}")
    files = BACKEND.emit(net, "v2")
    assert files.layers.count("neuron=ident") == (gpu == " gpu=1")
    assert_same_net(net, reimported(files, net.graph))


@pytest.mark.parametrize(("kernel", "stride", "before"), [(2, 2, 0), (3, 2, 1), (3, 1, 2), (16, 1, 15)])
def test_pooling_of_maps_reshaped_to_rows_is_pooling_across_maps(kernel: int, stride: int, before: int) -> None:
    outputs = 16 // stride
    after = stride * (outputs - 1) + kernel - 16 - before
    net = loads(
        f"net x\n[image] input 3x4x4 range=255 mean=image\n[c] conv filters=16 kernel=3 pad=1 init=gaussian(0.1)\n"
        f"[m] reshape size=1x16x16\n[p] maxpool kernel={kernel}x1 stride={stride}x1 pad=0,0,{before},{after}"
        f" neuron=relu\n[r] reshape size={outputs}x4x4\n{ENDING}"
    )
    files = BACKEND.emit(net, "v2")
    assert (
        f"type=cmpool\ninputs=c\npool=max\nchannels=16\nsize={kernel}\nstride={stride}\noutputs={outputs}\n"
        in files.layers
    )
    again = reimported(files, net.graph)
    assert_same_net(net, again)
    assert_same_outputs(net.graph, again.graph)
    with pytest.raises(SpecError, match="cuda-convnet of 2012 does not pool across maps"):
        BACKEND.emit(net, "2012")


def test_version_2_states_more_windows_than_usual() -> None:
    conv = "[c] conv filters=16 kernel=3 pad=0,2,0,2 init=gaussian(0.1)"
    net = loads(f"net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n{conv}\n{ENDING}")
    files = BACKEND.emit(net, "v2")
    assert "modulesX=12" in files.layers
    assert_same_outputs(net.graph, reimported(files, net.graph).graph)


def test_version_2_states_fewer_windows_if_they_read_all_pixels() -> None:
    """Rounded down, windows of 3 at stride 2 with padding 1 are 6 on 12 pixels; cuda-convnet would use 7."""
    conv = "[c] conv filters=16 kernel=3 stride=2 pad=1 rounding=down init=gaussian(0.1)"
    net = loads(f"[image] input 3x12x12 range=255 mean=image\n{conv}\n{ENDING}")
    files = BACKEND.emit(net, "v2")
    assert "modulesX=6" in files.layers
    assert_same_outputs(net.graph, reimported(files, net.graph).graph)


@pytest.mark.parametrize(("pad", "dialect"), [("0,12,0,12", "v2"), ("5", "2012"), ("5", "v2")])
def test_convolution_over_padding_alone_survives_the_round_trip(pad: str, dialect: Dialect) -> None:
    conv = f"[c] conv filters=16 kernel=3 pad={pad} outside=bias init=gaussian(0.1)"
    net = loads(f"net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n{conv}\n{ENDING}")
    files = BACKEND.emit(net, dialect)
    again = reimported(files, net.graph)
    assert_same_net(net, again)
    assert_same_outputs(net.graph, again.graph)
