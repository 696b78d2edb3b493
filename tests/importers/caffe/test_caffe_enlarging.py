"""Deconvolution and Crop of Caffe, and the networks that Long, Shelhamer & Darrell (2015) published with them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from caffe_files import images, labelled, layer
from caffe_networks import Writer
from caffemodels import caffemodel
from classics import classic
from prototxt import layers, net, problems, rejected

from netspec import backend
from netspec.diff import compare
from netspec.ir.shape import Shape
from netspec.net import import_caffe
from netspec.source import Source


def fcn(*, skips: bool) -> str:
    """fcn32s of fcn.berkeleyvision.org, or fcn8s, which also reads the fourth and the third pooling."""
    w = Writer(images(3, 500, 500))
    for block, (filters, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        for number in range(1, depth + 1):
            w.conv(f"conv{block}_{number}", filters, 3, pad=100 if (block, number) == (1, 1) else 1)
        w.pool(f"pool{block}", 2)
    w.conv("fc6", 4096, 7)
    w.dropout("drop6", 0.5)
    w.conv("fc7", 4096, 1)
    w.dropout("drop7", 0.5)
    w.conv("score_fr", 21, 1, relu=False)

    def enlarge(name: str, kernel: int) -> None:
        given = {"num_output": 21, "kernel_size": kernel, "stride": kernel // 2, "bias_term": False}
        w.add(name, "Deconvolution", convolution_param=given)

    def crop(name: str, bottoms: list[str], offset: int) -> None:
        w.add(name, "Crop", bottoms, crop_param={"axis": 2, "offset": offset})

    if skips:
        for name, pool, offset in (("upscore2", "pool4", 5), ("upscore_pool4", "pool3", 9)):
            enlarge(name, 4)
            scores = w.at
            w.conv(f"score_{pool}", 21, 1, relu=False, at=pool)
            crop(f"score_{pool}c", [w.at, scores], offset)
            w.add(f"fuse_{pool}", "Eltwise", [scores, w.at], eltwise_param={"operation": "SUM"})
    enlarge("upscore8" if skips else "upscore", 16 if skips else 64)
    crop("score", [w.at, "data"], 31 if skips else 19)
    return w.text


def test_fcn_32s() -> None:
    """The paper's table 1 gives 134 million parameters of FCN-VGG16, which are those of all layers but the last: VGG-16
    without its last layer, as convolutions, and 21 * (4,096 + 1)."""
    network = net(fcn(skips=False))
    last = 64 * 64 * 21 * 21
    assert network.total.parameters - last == 14_714_688 + 102_764_544 + 16_781_312 + 21 * 4097 == 134_346_581
    shapes = {"conv1_1": 698, "pool1": 349, "pool2": 175, "pool3": 88, "pool4": 44, "pool5": 22, "fc6": 16}
    assert {name: network[name].output.height for name in shapes} == shapes
    assert layers(fcn(skips=False))[-2:] == [
        "[upscore] deconv filters=21 kernel=64 stride=32 bias=none",
        "[score] crop size=500 top=19 left=19",
    ]
    assert (network["upscore"].output, network["score"].output) == (Shape(21, 544, 544), Shape(21, 500, 500))


def test_fcn_8s() -> None:
    network = net(fcn(skips=True))
    shapes = {"upscore2": 34, "fuse_pool4": 34, "upscore_pool4": 70, "upscore8": 568, "score": 500}
    assert {name: network[name].output.height for name in shapes} == shapes
    assert [line.partition("] ")[2] for line in layers(fcn(skips=True)) if "crop" in line] == [
        "crop size=34 top=5 left=5",
        "crop size=70 top=9 left=9",
        "crop size=500 top=31 left=31",
    ]


def up(name: str = "up", **fields: object) -> str:
    return layer(name, "Deconvolution", "data", convolution_param={"num_output": 6, **fields})


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"kernel_size": 4, "stride": 2, "pad": 1}, "[up] deconv filters=6 kernel=4 stride=2 pad=1"),
        ({"kernel_h": 2, "kernel_w": 3, "group": 3}, "[up] deconv filters=6 kernel=2x3 groups=3"),
        ({"kernel_size": 3, "dilation": 2, "bias_term": False}, "[up] deconv filters=6 kernel=3 dilation=2 bias=none"),
    ],
)
def test_windows(fields: dict[str, object], line: str) -> None:
    assert layers(images(3, 9, 9) + up(**fields)) == [line]


def test_what_caffe_rejects_is_rejected() -> None:
    assert rejected(images(3, 9, 9) + up(kernel_size=1, pad=5)) == ["up: its padding cuts off all of its top"]
    assert "group must divide" in rejected(images(3, 9, 9) + up(kernel_size=1, group=2))[0]
    both = images(3, 9, 9) + up(kernel_size=2)
    crop = layer("c", "Crop", ["up", "data"], crop_param={"offset": 2})
    assert rejected(both + crop) == ["c: it crops more than there is"]
    crop = layer("c", "Crop", ["up", "data"], crop_param={"offset": [0, 1, 1]})
    assert rejected(both + crop) == ["c: it has 3 offset, and crops 2 axes"]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "[c] crop size=9"),
        ({"offset": 1}, "[c] crop size=9 top=1 left=1"),
        ({"offset": [1, 0]}, "[c] crop size=9 top=1"),
        ({"axis": 3, "offset": 1}, "[c] crop size=10x9 left=1"),
        ({"axis": -1}, "[c] crop size=10x9"),
    ],
)
def test_crops(fields: dict[str, object], line: str) -> None:
    text = images(6, 9, 9) + up(kernel_size=2) + layer("c", "Crop", ["up", "data"], crop_param=fields)
    assert layers(text)[1] == line


def test_crops_of_channels_are_slices() -> None:
    text = images(3, 9, 9) + up(kernel_size=2)
    crop = layer("c", "Crop", ["up", "data"], crop_param={"axis": 1, "offset": [2, 1, 0]})
    assert layers(text + crop)[1:] == ["[c_slice] slice channels=3 first=2", "[c] crop size=9 top=1"]
    crop = layer("c", "Crop", ["up", "data"], crop_param={"axis": 0, "offset": 1})
    assert "it takes some of the images" in problems(text + crop)[0]
    crop = layer("c", "Crop", ["data", "data"], crop_param={"axis": 1})
    relu = layer("r", "ReLU", "c")
    assert layers(text.replace(up(kernel_size=2), "") + crop + relu) == ["[r] relu"]


def test_initial_values_are_caffes() -> None:
    """Caffe counts 6 / 2 * 4 * 4 = 48 numbers for each channel as fan_in, and a spec 4 / 2 * 4 * 4 / 2 / 2 = 8."""
    fields: dict[str, object] = {"kernel_size": 4, "stride": 2, "group": 2}
    fc = layer("f", "InnerProduct", "up", inner_product_param={"num_output": 5})
    loss = layer("loss", "SoftmaxWithLoss", ["f", "label"])
    for word, init in (("msra", f"gaussian({(2 / 48) ** 0.5:.9g})"), ("xavier", f"uniform({(3 / 48) ** 0.5:.9g})")):
        given = up(**fields, weight_filler={"type": word}, bias_filler={"type": "constant", "value": 0.5})
        (line, *_) = layers(labelled(4, 9, 9) + given + fc + loss)
        assert line == f"[up] deconv filters=6 kernel=4 stride=2 groups=2 init={init} bias=0.5"


@pytest.mark.parametrize("trained", [True, False])
def test_interpolations_keep_their_filler(trained: bool) -> None:
    """Also where nothing is trained: they often have no weights in a file."""
    text = labelled(4, 9, 9) if trained else images(4, 9, 9)
    text += up(kernel_size=4, stride=2, group=2, bias_term=False, weight_filler={"type": "bilinear"})
    if trained:
        text += layer("f", "InnerProduct", "up", inner_product_param={"num_output": 5})
        text += layer("loss", "SoftmaxWithLoss", ["f", "label"])
    assert layers(text)[0] == "[up] deconv filters=6 kernel=4 stride=2 groups=2 init=bilinear bias=none"


def test_weights_are_those_of_the_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weight, bias = (rng.normal(size=size).astype(np.float32) for size in ((4, 3, 3, 3), (6,)))
    network, weights = tmp_path / "up.prototxt", tmp_path / "up.caffemodel"
    network.write_text(images(4, 5, 5) + up(kernel_size=3, stride=2, group=2), "utf-8")
    weights.write_bytes(caffemodel({"up": [weight, bias]}))
    result = import_caffe(Source(str(network), network.read_text("utf-8")), weights=weights)
    arrays = {key: read() for key, read in result.arrays.items()}
    x = rng.normal(size=(2, 4, 5, 5)).astype(np.float32)
    tensors = (torch.from_numpy(array) for array in (x, weight, bias))
    expected = torch.nn.functional.conv_transpose2d(*tensors, stride=2, groups=2)
    ours = backend.load("reference").run(result.net.graph, arrays, x).output
    np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("filler", ["type: 'positive_unitball'", "type: 'gaussian' std: 1 sparse: 3"])
def test_filler_that_a_spec_lacks_is_left_out_where_nothing_is_trained(filler: str) -> None:
    """Such weights come from a file. With a loss, their first values matter."""
    parameter = f"num_output: 3 kernel_size: 4 stride: 2 weight_filler {{ {filler} }}"
    up = f'layer {{ name: "up" type: "Deconvolution" bottom: "data" top: "up" convolution_param {{ {parameter} }} }}'
    deployed = images(3, 4, 4) + up
    network = net(deployed)
    (warning,) = network.warnings
    assert warning.code == "caffe-substitute" and warning.message.startswith("up: its weights must come from a file")
    assert warning.spans[0].text == filler.split("std: 1 ")[-1]
    assert layers(deployed)[0].startswith("[up] deconv filters=3 kernel=4 stride=2")


@pytest.mark.parametrize(("name", "skips"), [("fcn-32s", False), ("fcn-8s", True)])
def test_classics_differ_from_the_authors_files_in_the_kernels_between_classes(name: str, skips: bool) -> None:
    """The specs have only those from a class to the same class; the others are zero there."""
    comparison = compare(classic(name), net(fcn(skips=skips)))
    changed = {(x.name, d.key) for x in comparison.layers for d in x.differences if d.effect == "function"}
    enlarging = ("upscore2", "upscore_pool4", "upscore8") if skips else ("upscore",)
    assert changed == {(layer, "groups") for layer in enlarging}
    assert comparison.misfits == tuple((layer, layer) for layer in enlarging)


def test_loss_of_pixels() -> None:
    """The network trains on masks, whose pixels without a class are 255."""
    text = labelled(3, 4, 6) + layer("c", "Convolution", "data", convolution_param={"num_output": 5, "kernel_size": 1})

    def loss(bottom: str = "c", *, name: str = "loss", weight: float = 1, **given: object) -> str:
        parameters = {"loss_weight": weight} if weight != 1 else {}
        return layer(name, "SoftmaxWithLoss", [bottom, "label"], loss_param=given, **parameters)

    for given in ({}, {"ignore_label": 255}, {"ignore_label": 255, "normalize": True}, {"normalization": "VALID"}):
        network = net(text + loss(**given))
        assert layers(text + loss(**given))[-1] == "[loss] crossentropy" and network.warnings == ()
        assert network.graph.is_dense and network.graph.scores.name == "c"
    for given, divisor in (({"normalize": False}, "images"), ({"normalization": "BATCH_SIZE"}, "images"),
                           ({"normalization": "FULL"}, "all pixels, unlabelled ones too")):  # fmt: skip
        (warning,) = net(text + loss(**given)).warnings
        assert f"divided by the number of {divisor}; a spec's, by the number of labelled pixels" in warning.message
        assert [note.partition(":")[0] for note in warning.notes] == ["an image has 24 pixels"] * (divisor == "images")
    for wrong, reason in (
        (loss(ignore_label=0), "it ignores the label 0; pixels of a mask without a class are 255"),
        (loss(normalization="NONE"), "it is summed"),
    ):
        (note,) = problems(text + wrong)
        assert reason in note
    side = layer("d", "Convolution", "data", convolution_param={"num_output": 5, "kernel_size": 1})
    several = net(text + side + loss("d", name="side", weight=0.4) + loss())
    assert (several.graph.loss_weights, several.graph.scores.name) == ({"side": 0.4, "loss": 1.0}, "c")
