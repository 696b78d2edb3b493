"""Counts of published networks, to the last digit."""

from __future__ import annotations

import pytest
from networks import convnext
from places import SPECS

from netspec import load, loads
from netspec.net import Net
from netspec.stats import totals

TWO_GROUPS = [
    # layer, output, units, weights, biases, connections
    ("conv1", (96, 55, 55), 290_400, 34_848, 96, 105_415_200),
    ("conv2", (256, 27, 27), 186_624, 307_200, 256, 223_948_800),
    ("conv3", (384, 13, 13), 64_896, 884_736, 384, 149_520_384),
    ("conv4", (384, 13, 13), 64_896, 663_552, 384, 112_140_288),
    ("conv5", (256, 13, 13), 43_264, 442_368, 256, 74_760_192),
    ("fc6", (4096,), 4_096, 37_748_736, 4_096, 37_748_736),
    ("fc7", (4096,), 4_096, 16_777_216, 4_096, 16_777_216),
    ("fc8", (1000,), 1_000, 4_096_000, 1_000, 4_096_000),
]
CONVOLUTIONS = [row[0] for row in TWO_GROUPS[:5]]


def net(name: str) -> Net:
    return load(SPECS / f"{name}.net")


@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012", "alexnet-227"])
@pytest.mark.parametrize("row", TWO_GROUPS, ids=lambda row: row[0])
def test_layers_of_two_group_alexnets(name: str, row: tuple[object, ...]) -> None:
    n = net(name)[str(row[0])]
    assert (n.name, n.output, n.units, n.weights, n.biases, n.connections) == row


@pytest.mark.parametrize("name", ["alexnet", "alexnet-2012", "alexnet-227"])
def test_totals_of_two_group_alexnets(name: str) -> None:
    alexnet = net(name)
    conv = totals(alexnet[n] for n in CONVOLUTIONS)
    assert (conv.units, conv.weights, conv.biases, conv.connections) == (650_080, 2_332_704, 1_376, 665_784_864)
    total = alexnet.total
    assert (total.units, total.weights, total.biases, total.connections) == (659_272, 60_954_656, 10_568, 724_406_816)
    assert total.parameters == 60_965_224


def test_totals_of_alexnet_without_groups() -> None:
    one = net("alexnet-one-gpu")
    assert (one.total.weights, one.total.parameters, one.total.connections) == (62_367_776, 62_378_344, 1_135_256_096)
    conv = totals(one[n] for n in CONVOLUTIONS)
    # 6.0 % of the parameters and 94.8 % of the connections
    assert round(100 * conv.parameters / one.total.parameters, 1) == 6.0
    assert round(100 * conv.connections / one.total.connections, 1) == 94.8


def test_totals_of_torchvisions_alexnet() -> None:
    total = net("alexnet-torchvision").total
    assert (total.parameters, total.connections) == (61_100_840, 714_188_480)


MOBILENET_V2 = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
"""Sandler et al. (2018), table 2: expansion, channels, blocks and the first one's stride."""


def mobilenet_v2() -> str:
    lines = [
        "net m rounding=down",
        "default conv bias=none",
        "default batchnorm neuron=relu6",
        "[image] input 3x224x224",
    ]
    lines += ["[conv1] conv filters=32 kernel=3 stride=2 pad=1", "[bn1] batchnorm"]
    read, channels, block = "bn1", 32, 0
    for expansion, made, blocks, first in MOBILENET_V2:
        for stride in (first, *[1] * (blocks - 1)):
            block, inside = block + 1, channels * expansion
            if expansion > 1:
                lines += [f"[wide{block}] conv filters={inside} kernel=1", f"[wide-bn{block}] batchnorm"]
            lines += [f"[deep{block}] conv filters={inside} kernel=3 stride={stride} pad=1 groups={inside}"]
            lines += [f"[deep-bn{block}] batchnorm", f"[thin{block}] conv filters={made} kernel=1"]
            lines += [f"[thin-bn{block}] batchnorm neuron=linear"]
            shortcut = stride == 1 and made == channels
            lines += [f"[sum{block}] sum inputs={read},thin-bn{block}"] * shortcut
            read, channels = (f"sum{block}" if shortcut else f"thin-bn{block}"), made
    lines += ["[conv18] conv filters=1280 kernel=1", "[bn18] batchnorm", "[pool] avgpool kernel=global"]
    return "\n".join([*lines, "[fc] fc outputs=1000", "[prob] softmax"])


def test_totals_of_mobilenet_v2() -> None:
    """MobileNet v2: depthwise convolutions, shortcuts, relu6. torchvision documents 3,504,872 parameters for its
    mobilenet_v2, and the paper 300 million multiply-adds."""
    total = loads(mobilenet_v2()).total
    assert (total.parameters, total.connections) == (3_504_872, 300_774_272)


MOBILENET_V3_SMALL = [
    (3, 16, 16, True, "relu", 2),
    (3, 72, 24, False, "relu", 2),
    (3, 88, 24, False, "relu", 1),
    (5, 96, 40, True, "hardswish", 2),
    (5, 240, 40, True, "hardswish", 1),
    (5, 240, 40, True, "hardswish", 1),
    (5, 120, 48, True, "hardswish", 1),
    (5, 144, 48, True, "hardswish", 1),
    (5, 288, 96, True, "hardswish", 2),
    (5, 576, 96, True, "hardswish", 1),
    (5, 576, 96, True, "hardswish", 1),
]
"""Howard et al. (2019), table 2: kernel, expanded channels, channels, squeeze and excite, neuron, stride."""


def mobilenet_v3_small() -> str:
    lines = ["net m rounding=down", "default conv bias=none", "[image] input 3x224x224"]
    lines += ["[conv1] conv filters=16 kernel=3 stride=2 pad=1", "[bn1] batchnorm neuron=hardswish"]
    read, channels = "bn1", 16
    for block, (kernel, inside, made, excites, neuron, stride) in enumerate(MOBILENET_V3_SMALL):
        if inside != channels:
            lines += [f"[wide{block}] conv filters={inside} kernel=1", f"[wide-bn{block}] batchnorm neuron={neuron}"]
        window = f"kernel={kernel} stride={stride} pad={kernel // 2} groups={inside}"
        lines += [f"[deep{block}] conv filters={inside} {window}", f"[deep-bn{block}] batchnorm neuron={neuron}"]
        if excites:
            squeezed = max(8, (inside // 4 + 4) // 8 * 8)  # a multiple of 8 near a quarter
            lines += [f"[mean{block}] avgpool kernel=global", f"[squeeze{block}] fc outputs={squeezed} neuron=relu"]
            lines += [f"[excite{block}] fc outputs={inside} neuron=hardsigmoid"]
            lines += [f"[product{block}] product inputs=deep-bn{block},excite{block}"]
        lines += [f"[thin{block}] conv filters={made} kernel=1", f"[thin-bn{block}] batchnorm"]
        shortcut = stride == 1 and made == channels
        lines += [f"[sum{block}] sum inputs={read},thin-bn{block}"] * shortcut
        read, channels = (f"sum{block}" if shortcut else f"thin-bn{block}"), made
    lines += ["[conv12] conv filters=576 kernel=1", "[bn12] batchnorm neuron=hardswish", "[pool] avgpool kernel=global"]
    return "\n".join([*lines, "[fc13] fc outputs=1024 neuron=hardswish", "[fc14] fc outputs=1000", "[prob] softmax"])


def test_totals_of_mobilenet_v3_small() -> None:
    """MobileNet v3: squeeze and excite, hardswish. torchvision documents 2,542,856 parameters for its
    mobilenet_v3_small, and the paper 56 million multiply-adds."""
    total = loads(mobilenet_v3_small()).total
    assert (total.parameters, total.connections) == (2_542_856, 56_510_400)


def test_totals_of_convnext_tiny() -> None:
    """Liu et al. (2022). torchvision documents 28,589,128 parameters and 4.456 billion multiply-adds for its
    convnext_tiny."""
    total = loads(convnext((3, 3, 9, 3), (96, 192, 384, 768), image=224, classes=1000)).total
    assert (total.parameters, total.connections) == (28_589_128, 4_455_531_264)


def test_counts_of_the_half_width_alexnet() -> None:
    half = net("alexnet-half")
    assert half.total.parameters == 59_798_312
    # by hand: 48 * 363, 128 * 48 * 25, 192 * 128 * 9, 192 * 192 * 9, 256 * 192 * 9
    assert [half[n].weights for n in CONVOLUTIONS] == [17_424, 153_600, 221_184, 331_776, 442_368]
    assert [half[n].weights for n in ("fc6", "fc7", "fc8")] == [37_748_736, 16_777_216, 4_096_000]


def test_conv3_and_conv4_have_over_one_percent_of_the_parameters() -> None:
    alexnet = net("alexnet")
    shares = {n: round(100 * alexnet[n].parameters / alexnet.total.parameters, 2) for n in ("conv3", "conv4")}
    assert shares == {"conv3": 1.45, "conv4": 1.09}
