"""Networks that were published as Darknet's files: their parameters, maps, and the sizes of ``.weights`` files."""

from __future__ import annotations

import math

import darknet_networks as published
import pytest

from netspec.importers.darknet import translate
from netspec.ir.shape import Shape
from netspec.net import Net, import_darknet, loads
from netspec.source import Source

SIZES = {
    "alexnet": (62_378_344, {"maxpool1": (96, 27, 27), "maxpool7": (256, 6, 6)}),
    "darknet19": (20_842_376, {"maxpool1": (32, 112, 112), "conv23": (1000, 7, 7)}),
    "darknet53": (41_609_928, {"conv1": (64, 128, 128), "sum74": (1024, 8, 8)}),
    "resnet50": (22_780_456, {"maxpool1": (64, 64, 64), "concat5": (256, 64, 64), "concat17": (512, 32, 32)}),
    "tiny": (1_042_104, {"conv19": (1000, 14, 14)}),
    "yolov2": (50_962_889, {"reshape27_2": (256, 19, 19), "concat28": (1280, 19, 19), "conv30": (425, 19, 19)}),
    "yolov3": (61_949_149, {"conv81": (255, 19, 19), "concat98": (384, 76, 76), "conv105": (255, 76, 76)}),
    "yolov3_tiny": (8_852_366, {"maxpool11": (512, 13, 13), "conv15": (255, 13, 13), "conv22": (255, 26, 26)}),
}
"""Parameters and maps. The maps are those that Darknet prints when it loads these files."""

BYTES = {"yolov2": (203_934_260, 16), "yolov3": (248_007_048, 20), "yolov3_tiny": (35_434_956, 20)}
"""The sizes of the published files, and of their headers: versions 0.1 and 0.2."""


def imported(text: str) -> Net:
    return import_darknet(Source("a.cfg", text)).net


@pytest.mark.parametrize("name", SIZES)
def test_parameters_and_maps(name: str) -> None:
    parameters, outputs = SIZES[name]
    network = imported(getattr(published, name)())
    assert network.total.parameters == parameters
    assert {key: network[key].output for key in outputs} == {key: Shape(*shape) for key, shape in outputs.items()}
    codes = {warning.code for warning in network.warnings}
    assert codes <= {"darknet-left-out"}
    again = loads(network.source.text)
    assert again.total == network.total


@pytest.mark.parametrize("name", BYTES)
def test_numbers_of_published_files(name: str) -> None:
    size, header = BYTES[name]
    pieces = translate(Source("a.cfg", getattr(published, name)())).pieces
    assert header + 4 * sum(math.prod(piece.shape) for piece in pieces) == size


def test_convolutional_layers_of_darknet53_are_those_of_a_published_file() -> None:
    """darknet53.conv.74 has 162,482,580 bytes: the layers before the pooling."""
    pieces = translate(Source("a.cfg", published.darknet53())).pieces
    assert 20 + 4 * sum(math.prod(piece.shape) for piece in pieces[:-2]) == 162_482_580


ALEXNET = """\
# Imported from a.cfg.
net a
default conv neuron=relu
[data] input 3x227x227
[conv0] conv filters=96 kernel=11 stride=4 -> 96x55x55
[maxpool1] maxpool kernel=3 stride=2 -> 96x27x27
[conv2] conv filters=256 kernel=5 pad=2 -> 256x27x27
[maxpool3] maxpool kernel=3 stride=2 -> 256x13x13
[conv4] conv filters=384 kernel=3 pad=1 -> 384x13x13
[conv5] conv filters=384 kernel=3 pad=1 -> 384x13x13
[conv6] conv filters=256 kernel=3 pad=1 -> 256x13x13
[maxpool7] maxpool kernel=3 stride=2 -> 256x6x6
[fc8] fc outputs=4096 init=uniform(0.0147313913) neuron=relu
[dropout9] dropout rate=0.5
[fc10] fc outputs=4096 init=uniform(0.0220970869) neuron=relu
[dropout11] dropout rate=0.5
[fc12] fc outputs=1000 init=uniform(0.0220970869)
[softmax13] softmax
train optimizer=sgd(lr=0.01, momentum=0.9, weight_decay=0.0001)
augment crop=227 from=227,454 flip=horizontal
test from=227
"""


def test_spec_is_as_a_person_writes_it() -> None:
    text = imported(published.alexnet()).source.text
    assert [" ".join(line.split()) for line in text.splitlines() if line] == ALEXNET.splitlines()


def test_outputs_of_a_network_that_finds_boxes_are_the_maps_that_it_reads() -> None:
    text = published.yolov3()
    network = imported(text)
    assert [*network.layers][-1] == "conv105"
    left_out, outputs = network.warnings
    assert left_out.notes == (
        "line 1: the training, whose loss is that of boxes",
        *(
            f"line {number}: [yolo], which finds boxes in the maps that it reads"
            for number, line in enumerate(text.splitlines(), 1)
            if line == "[yolo]"
        ),
    )
    assert outputs.message == "the network has 3 outputs; a spec has one, here conv105"
    assert outputs.notes == ("the others are layers that no layer need read: conv81, conv93",)
    assert network.unstated == {"training", "testing", "placement"}


def test_maps_of_an_earlier_layer_are_one_output() -> None:
    layers = published.rows("8x3", "4x3") + published.section("route", layers=0) + published.section("yolo")
    network = imported(published.net(32, "width=32\nhue=.1\n") + layers)
    assert [*network.layers][-1] == "output"
    (warning,) = network.warnings
    assert warning.notes == (
        "line 1: the training, whose loss is that of boxes",
        "line 5: width is stated a second time; Darknet reads the first",
        "line 27: [yolo], which finds boxes in the maps that it reads",
    )
