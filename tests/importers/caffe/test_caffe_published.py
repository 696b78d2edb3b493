"""Networks that were published as Caffe's files: their numbers of parameters and the sizes of their maps."""

from __future__ import annotations

from collections.abc import Callable

import caffe_networks as published
import pytest
from classics import classic
from prototxt import layers, net

from netspec.diff import compare
from netspec.ir.shape import Shape

SIZES = {
    "alexnet": (published.alexnet, 60_965_224, {"conv1": (96, 55, 55), "pool5": (256, 6, 6)}),
    "vgg16": (published.vgg16, 138_357_544, {"pool5": (512, 7, 7)}),
    "googlenet": (published.googlenet, 13_378_280, {"pool1_3x3_s2": (64, 56, 56), "loss1_ave_pool": (512, 4, 4)}),
    "resnet50": (published.resnet50, 25_557_096, {"pool1": (64, 56, 56), "res5c": (2048, 7, 7)}),
    "squeezenet": (published.squeezenet, 1_248_424, {"pool1": (96, 55, 55), "pool8": (512, 13, 13)}),
    "nin": (published.nin, 7_595_176, {"conv1": (96, 54, 54), "cccp8": (1000, 6, 6)}),
    "lenet": (published.lenet, 431_080, {"pool2": (50, 4, 4)}),
    "cifar10_full": (published.cifar10_full, 89_578, {"pool1": (32, 16, 16), "pool3": (64, 4, 4)}),
    "mobilenet": (published.mobilenet, 4_231_976, {"conv14_sep": (1024, 7, 7)}),
}

WARNINGS = {"alexnet": ["lrn-across-groups"], "nin": ["unread-pixels"]}
"""What the checker warns of: both are so in Caffe."""


@pytest.mark.parametrize("name", SIZES)
def test_parameters_and_maps(name: str) -> None:
    write, parameters, outputs = SIZES[name]
    network = net(write())
    assert network.total.parameters == parameters
    assert {key: network[key].output for key in outputs} == {key: Shape(*shape) for key, shape in outputs.items()}
    assert [warning.code for warning in network.warnings] == list(WARNINGS.get(name, ()))


ALEXNET = """\
net a rounding=caffe
default conv neuron=relu
[data] input 3x227x227
[conv1] conv filters=96 kernel=11 stride=4 -> 96x55x55
[norm1] lrn size=5 scale=0.0001 beta=0.75
[pool1] maxpool kernel=3 stride=2 -> 96x27x27
[conv2] conv filters=256 kernel=5 pad=2 groups=2 -> 256x27x27
[norm2] lrn size=5 scale=0.0001 beta=0.75
[pool2] maxpool kernel=3 stride=2 -> 256x13x13
[conv3] conv filters=384 kernel=3 pad=1 -> 384x13x13
[conv4] conv filters=384 kernel=3 pad=1 groups=2 -> 384x13x13
[conv5] conv filters=256 kernel=3 pad=1 groups=2 -> 256x13x13
[pool5] maxpool kernel=3 stride=2 -> 256x6x6
[fc6] fc outputs=4096 neuron=relu
[drop6] dropout rate=0.5
[fc7] fc outputs=4096 neuron=relu
[drop7] dropout rate=0.5
[fc8] fc outputs=1000
[prob] softmax
"""


def test_spec_is_as_a_person_writes_it() -> None:
    lines = [" ".join(line.split()) for line in net(published.alexnet()).source.text.splitlines()[1:] if line]
    assert lines == ALEXNET.splitlines()


def test_caffenet_pools_before_it_normalises() -> None:
    order = [line.split()[0] for line in layers(published.alexnet(pool_first=True))]
    assert order[:5] == ["[conv1]", "[pool1]", "[norm1]", "[conv2]", "[pool2]"]
    assert net(published.alexnet(pool_first=True)).total.parameters == net(published.alexnet()).total.parameters


def test_resnet_has_a_line_for_each_convolution_normalisation_and_sum() -> None:
    lines = layers(published.resnet50())
    assert lines[:3] == ["[conv1] conv filters=64 kernel=7 stride=2 pad=3 bias=0", "[bn_conv1] batchnorm",
                         "[pool1] maxpool kernel=3 stride=2"]  # fmt: skip
    assert lines[-4:] == ["[res5c] sum neuron=relu inputs=res5b,bn_res5c_branch2c", "[pool5] avgpool kernel=7 stride=1",
                          "[fc1000] fc outputs=1000", "[prob] softmax"]  # fmt: skip
    assert len(lines) == 53 + 53 + 16 + 4


@pytest.mark.parametrize(("name", "write"), [("googlenet", published.googlenet), ("vgg-16", published.vgg16)])
def test_classics_are_the_networks_of_caffes_files(name: str, write: Callable[[], str]) -> None:
    comparison = compare(classic(name), net(write()))
    assert (comparison.function, comparison.misfits) == ("same", ())


def test_resnet_50_differs_from_its_authors_file_in_the_biases_of_conv1() -> None:
    comparison = compare(classic("resnet-50"), net(published.resnet50()))
    assert comparison.misfits == (("conv1", "conv1"),)
    assert [(x.name, d.key) for x in comparison.layers for d in x.differences if d.effect == "function"] == [
        ("conv1", "bias")
    ]
