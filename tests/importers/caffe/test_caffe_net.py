"""Phases, older formats, inputs and connections of Caffe's networks."""

from __future__ import annotations

from pathlib import Path

import pytest
from caffe_files import images, labelled, layer, message
from prototxt import NAME, layers, mistakes, net, problems, rejected, spec

from netspec.importers.caffe import translate
from netspec.ir.shape import Shape
from netspec.net import load
from netspec.source import Source

CONV = {"num_output": 4, "kernel_size": 3}


def only(phase: str) -> dict[str, str]:
    return {"phase": phase}


def data(phase: str, **fields: object) -> str:
    return layer("data", "Data", top=["data", "label"], include=only(phase), **fields)


def dense(name: str, bottom: str, **fields: object) -> str:
    return layer(name, "InnerProduct", bottom, inner_product_param={"num_output": 5}, **fields)


LOSS = layer("loss", "SoftmaxWithLoss", ["f", "label"])
CROP = {"transform_param": {"crop_size": 9, "mean_value": [1, 2, 3]}}


def test_the_network_of_the_training_is_read() -> None:
    text = data("TRAIN", **CROP) + data("TEST", **CROP) + dense("f", "data")
    text += layer("accuracy", "Accuracy", ["f", "label"], include=only("TEST")) + LOSS
    assert layers(text) == ["[f] fc outputs=5 init=constant(0)", "[loss] crossentropy"]


def test_file_of_the_test_alone_is_read_as_that() -> None:
    text = data("TEST", **CROP) + dense("f", "data") + layer("a", "ReLU", "f", "f", exclude=only("TRAIN"))
    assert layers(text) == ["[f] fc outputs=5 neuron=relu"]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"include": {"phase": "TRAIN"}}, True),
        ({"include": {"phase": "TEST"}}, False),
        ({"include": [{"phase": "TEST"}, {"min_level": 1}]}, True),
        ({"exclude": {"phase": "TRAIN", "max_level": 0}}, True),
        ({"exclude": [{"stage": "one"}, {"level": 1}]}, None),
        ({"exclude": {"stage": "one"}}, False),
        ({"include": {"stage": ["one", "two"]}}, False),
        ({"include": {"not_stage": "two"}}, True),
    ],
)
def test_rules_of_layers(rule: dict[str, object], kept: bool | None) -> None:
    state = f"{message(state={'phase': 'TRAIN', 'level': 1, 'stage': 'one'})}\n"
    text = state + images(3, 9, 9) + dense("f", "data") + layer("r", "ReLU", "f", "f", **rule)
    if kept is None:
        assert mistakes(text)[0].message == "NetStateRule has no field level; did you mean min_level?"
    else:
        assert layers(text) == ["[f] fc outputs=5" + " neuron=relu" * kept]


def test_network_that_computes_something_else_in_the_other_phase_is_refused() -> None:
    text = data("TRAIN", **CROP) + data("TEST", **CROP) + dense("f", "data")
    text += layer("r", "ReLU", "f", "f", include=only("TRAIN"))
    text += layer("t", "TanH", "f", "f", include=only("TEST")) + LOSS
    assert problems(text) == [
        "r (ReLU) in line 4: it is only there in the phase TRAIN",
        "t (TanH) in line 5: it is only there in the phase TEST",
    ]


def test_two_layers_for_the_statistics_of_two_phases_are_one() -> None:
    text = data("TRAIN", **CROP) + data("TEST", **CROP) + dense("f", "data")
    for phase, running in (("TRAIN", False), ("TEST", True)):
        text += layer("bn", "BatchNorm", "f", "f", include=only(phase), batch_norm_param={"use_global_stats": running})
    assert layers(text + LOSS)[1:] == ["[bn] batchnorm average=0.001 affine=no", "[loss] crossentropy"]


def statistics(running: bool) -> str:
    """A network to train, all of whose batch normalisations state which statistics they use."""
    bn = {"batch_norm_param": {"use_global_stats": running}}
    return labelled(3) + dense("f", "data") + layer("bn", "BatchNorm", "f", "f", **bn) + LOSS


def test_running_averages_in_training_are_refused() -> None:
    reason = "it uses the running averages in training too; a spec uses the statistics of the batch"
    assert problems(statistics(True)) == [f"bn (BatchNorm) in line 3: {reason}"]


def test_statistics_of_the_batch_in_tests_are_replaced_with_a_warning() -> None:
    again = layer("again", "BatchNorm", "f", "f", batch_norm_param={"use_global_stats": False})
    network = net(statistics(False).replace(LOSS, again + LOSS))
    (warning,) = [d for d in network.warnings if d.code == "caffe-substitute"]
    assert warning.message == (
        "bn: it uses the statistics of the batch outside training too; a spec uses running averages"
    )
    assert "[bn] batchnorm average=0.001 affine=no" in layers(statistics(False))


def test_statistics_of_the_batch_in_a_network_to_deploy_are_refused() -> None:
    bn = layer("bn", "BatchNorm", "data", batch_norm_param={"use_global_stats": False})
    (note,) = problems(images(3, 9, 9) + bn)
    assert note.endswith("a spec uses running averages; without use_global_stats, Caffe uses them too")


V1 = """
layers { name: "data" type: DATA top: "data" top: "label"
  data_param { source: "x" batch_size: 2 crop_size: 9 mirror: true } transform_param { mean_value: [1, 2, 3] } }
layers { name: "c" type: CONVOLUTION bottom: "data" top: "c" blobs_lr: 1 blobs_lr: 2 weight_decay: 1 weight_decay: 0
  convolution_param { num_output: 4 kernel_size: 3 } }
layers { name: "r" type: RELU bottom: "c" top: "c" }
layers { name: "f" type: INNER_PRODUCT bottom: "c" top: "f" inner_product_param { num_output: 5 } }
layers { name: "loss" type: SOFTMAX_LOSS bottom: "f" bottom: "label" }
"""

V0 = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 9 input_dim: 9
layers { layer { name: "p" type: "padding" pad: 1 } bottom: "data" top: "p" }
layers { layer { name: "c" type: "conv" num_output: 4 kernelsize: 3 biasterm: false } bottom: "p" top: "c" }
layers { layer { name: "r" type: "relu" } bottom: "c" top: "c" }
layers { layer { name: "n" type: "lrn" local_size: 5 alpha: 0.1 } bottom: "c" top: "n" }
layers { layer { name: "q" type: "pool" pool: AVE kernelsize: 3 stride: 3 } bottom: "n" top: "q" }
layers { layer { name: "f" type: "innerproduct" num_output: 5 } bottom: "q" top: "f" }
layers { layer { name: "prob" type: "softmax" } bottom: "f" top: "prob" }
"""


def test_second_format() -> None:
    assert spec(V1) == [
        "net a rounding=caffe",
        "[data] input 3x9x9 range=255 mean=1,2,3 order=bgr",
        "[c] conv filters=4 kernel=3 init=constant(0) bias_lr_mult=2 neuron=relu",
        "[f] fc outputs=5 init=constant(0)",
        "[loss] crossentropy",
        "train batch=2",
        "augment crop=9 flip=horizontal",
    ]
    record = translate(Source(NAME, V1))
    assert record.blobs == {"c.weight": ("c", 0), "c.bias": ("c", 1), "f.weight": ("f", 0), "f.bias": ("f", 1)}


def test_first_format() -> None:
    assert spec(V0) == [
        "net a rounding=caffe",
        "[data] input 3x9x9",
        "[c] conv filters=4 kernel=3 pad=1 bias=none neuron=relu",
        "[n] lrn size=5 scale=0.1 beta=0.75",
        "[q] avgpool kernel=3",
        "[f] fc outputs=5",
        "[prob] softmax",
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (V0.replace("innerproduct", "inerproduct"),
         "f: Caffe has no layers of type 'inerproduct'; did you mean 'innerproduct'?"),
        (V0.replace("local_size: 5", "kernelsize: 5"), "n: a layer 'lrn' has no kernelsize"),
        (V0.replace('type: "conv"', 'type: "lrn"').replace("num_output: 4 kernelsize: 3 biasterm: false", ""),
         "c: only a convolution or a pooling with one bottom reads a padding layer"),
        (V1 + layer("s", "ReLU", "f"), "layer is today's format and layers an older one: a file has one of them"),
    ],
)  # fmt: skip
def test_mistakes_of_the_older_formats(text: str, found: str) -> None:
    assert rejected(text) == [found]


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ('input: "data" input_dim: 10 input_dim: 3 input_dim: 7 input_dim: 9\n', (3, 7, 9)),
        ('input: "data" input_shape { dim: 10 dim: 3 dim: 7 dim: 9 }\n', (3, 7, 9)),
        ('input: "data" input_shape { dim: 10 dim: 12 }\n', (12,)),
        (images(3, 7, 9), (3, 7, 9)),
        (layer("data", "MemoryData", memory_data_param={"channels": 3, "height": 7, "width": 9}), (3, 7, 9)),
        (layer("data", "DummyData", dummy_data_param={"num": 2, "channels": 3, "height": 7, "width": 9}), (3, 7, 9)),
        (layer("data", "ImageData", image_data_param={"new_height": 7, "new_width": 9}), (3, 7, 9)),
        (layer("data", "ImageData", transform_param={"crop_size": 9}, image_data_param={"is_color": False}), (1, 9, 9)),
        (layer("data", "Data", **CROP), (3, 9, 9)),
        (layer("data", "Data", transform_param={"crop_size": 9, "force_gray": True}), (1, 9, 9)),
    ],
)
def test_shape_of_the_images(text: str, shape: tuple[int, ...]) -> None:
    network = net(text + dense("f", "data"))
    assert network["data"].output == Shape(*shape)
    assert "caffe-input-shape" not in {warning.code for warning in network.warnings}


@pytest.mark.parametrize(
    ("fields", "shape", "assumed"),
    [
        ({"transform_param": {"crop_size": 227}}, (3, 227, 227), "the images have 3 channels"),
        (
            {"data_param": {"source": "mnist_train_lmdb"}},
            (1, 28, 28),
            "the images are 1x28x28, as those of the data set in 'mnist_train_lmdb' are",
        ),
        (
            {"data_param": {"source": "CIFAR10_lmdb"}, "transform_param": {"crop_size": 24}},
            (3, 24, 24),
            "the images have 3 channels",
        ),
    ],
)
def test_assumed_shape_is_a_warning(fields: dict[str, object], shape: tuple[int, ...], assumed: str) -> None:
    network = net(layer("data", "Data", top=["data", "label"], **fields) + dense("f", "data") + LOSS)
    assert network["data"].output == Shape(*shape)
    (warning,) = (warning for warning in network.warnings if warning.code == "caffe-input-shape")
    assert (warning.code, warning.message) == ("caffe-input-shape", f"data: it is assumed that {assumed}")
    assert net(layer("data", "Data") + dense("f", "data"), Shape(1, 8, 8)).warnings == ()


def test_shape_that_nothing_states_is_an_error() -> None:
    (found,) = mistakes(layer("data", "Data", data_param={"source": "x"}) + dense("f", "data"))
    assert (found.code, found.span.text) == ("caffe-input-shape", 'name: "data"')
    axes = layer("data", "Input", input_param={"shape": {"dim": [1, 3, 4, 5, 6]}})
    assert problems(axes + dense("f", "data")) == [
        "input in line 1: its values are N x 3 x 4 x 5 x 6; a spec has images and vectors"
    ]


def test_network_with_two_inputs_is_refused() -> None:
    text = images(3, 9, 9) + images(4, name="more") + dense("f", "data") + dense("g", "more")
    assert problems(text) == ["input in line 2: the network reads data, more; a spec has one input"]
    assert layers(images(3, 9, 9) + images(4, name="label") + dense("f", "data") + LOSS)[-1] == "[loss] crossentropy"


TWICE = layer("r", "ReLU", "data") + layer("s", "ReLU", "data", "r")


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        (dense("f", "dta"), "f: no layer above it computes dta; did you mean data?", 'bottom: "dta"'),
        (dense("f", "g") + dense("g", "data"), "f: no layer above it computes g", 'bottom: "g"'),
        (TWICE, "s: r is a value already, which r computes", 'top: "r"'),
        (
            dense("f", "data", include={}, exclude={}),
            "f: a layer has rules include or exclude, not both",
            "exclude {  }",
        ),
    ],
)
def test_layers_that_do_not_fit_together_are_an_error(text: str, message: str, place: str) -> None:
    (found,) = mistakes(images(3, 9, 9) + text)
    assert (found.code, found.message, found.span.text) == ("caffe-network", message, place)


def test_files_that_are_no_networks() -> None:
    assert rejected('name: "a"') == ["this file has no layers"]
    (found,) = mistakes('net: "train_val.prototxt" base_lr: 0.01')
    assert (found.message, found.notes) == (
        "this is a solver, not a network",
        ('the network is in the file that it names: net: "train_val.prototxt"',),
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<!DOCTYPE html>\n<html>\n", "this is a web page, which netspec does not read"),
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
            "this is a pointer of Git LFS, in place of a file",
        ),
        ("net a\n[x] input 3x8x8\n", "this is a spec, whose name ends in .net"),
        ("import torch\n\nclass Net(nn.Module):\n", "this is a program in Python, which netspec does not read"),
    ],
)
def test_files_of_other_tools_are_one_mistake(text: str, what: str) -> None:
    (found,) = mistakes(text)
    assert (found.code, found.message) == ("foreign-file", what)


def test_comments_in_another_encoding_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "a.prototxt"
    file.write_bytes(f"# Gr\xf6\xdfe\n{images(3, 9, 9)}{dense('f', 'data')}".encode("latin-1"))
    assert load(file)["f"].output == Shape(5)


def test_mistakes_that_the_checker_finds_are_at_the_layer() -> None:
    text = images(3, 9, 9) + layer("c", "Convolution", "data", convolution_param={"num_output": 70_000_000, **CONV})
    found = mistakes(text.replace("num_output: 70000000 ", "").replace("num_output: 4", "num_output: 2000000000"))
    assert {d.span.text for d in found} == {'name: "c"'}


def test_names_that_a_spec_does_not_have_are_changed() -> None:
    text = 'name: "my net/1"\n' + images(3, 9, 9, name="data/0") + layer("1x1", "ReLU", "data/0", "a") + layer(
        "a b", "TanH", "a") + layer("a_b", "ReLU", "a b", "c")  # fmt: skip
    assert spec(text) == ["net my_net_1", "[data_0] input 3x9x9", "[n1x1] relu", "[a_b] tanh", "[a_b_relu] relu"]
