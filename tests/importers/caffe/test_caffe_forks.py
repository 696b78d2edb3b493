"""Layers of other versions of Caffe that a spec can express, and how others are reported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from caffe_files import images, labelled, layer
from caffemodels import Array, caffemodel
from prototxt import NAME, layers, mistakes, net, problems, values

from netspec.importers.caffe import translate
from netspec.importers.caffe.weights.matching import read_weights
from netspec.ir.shape import Shape
from netspec.source import Source

MAPS = images(4, 5, 7)
LOSS = layer("f", "InnerProduct", "b", inner_product_param={"num_output": 3}) + layer(
    "loss", "SoftmaxWithLoss", ["f", "label"]
)


def numbers(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).standard_normal(shape)


def interpolated(x: Array, height: int, width: int) -> Array:
    """caffe_cpu_interp2: output i is at i (size - 1) / (outputs - 1) of the input."""
    for axis, outputs in ((2, height), (3, width)):
        size = x.shape[axis]
        place = np.arange(outputs) * ((size - 1) / (outputs - 1) if outputs > 1 else 0.0)
        low = np.floor(place + 1e-12).astype(int)
        high = np.minimum(low + 1, size - 1)
        share = (place - low).reshape([-1 if a == axis else 1 for a in range(4)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


@pytest.mark.parametrize(
    ("fields", "line", "size", "kept"),
    [
        ({"height": 8, "width": 9}, "resize size=8x9 method=corners", (8, 9), slice(None)),
        ({"zoom_factor": 2}, "resize size=9x13 method=corners", (9, 13), slice(None)),
        ({"shrink_factor": 2}, "resize size=3x4 method=corners", (3, 4), slice(None)),
        ({"shrink_factor": 2, "zoom_factor": 4}, "resize size=9x13 method=corners", (9, 13), slice(None)),
        ({"height": 6, "width": 6, "zoom_factor": 2}, "resize size=9x13 method=corners", (9, 13), slice(None)),
        ({"height": 6, "width": 6, "shrink_factor": 1, "zoom_factor": 1}, "resize size=6 method=corners", (6, 6),
         slice(None)),
        ({"height": 6, "width": 6, "pad_beg": -1, "pad_end": 0}, "resize size=6 method=corners", (6, 6),
         slice(1, None)),
    ],
)  # fmt: skip
def test_interp(fields: dict[str, object], line: str, size: tuple[int, int], kept: slice) -> None:
    text = MAPS + layer("i", "Interp", "data", interp_param=fields)
    assert layers(text)[-1] == f"[i] {line}"
    x = numbers(2, 4, 5, 7)
    np.testing.assert_allclose(values(text, {}, x), interpolated(x[:, :, kept, kept], *size), atol=1e-12)


def test_interp_to_its_own_size_is_no_line() -> None:
    assert layers(MAPS + layer("i", "Interp", "data", interp_param={"height": 5, "width": 7})) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "it has no height and width, and no factor"),
        ({"height": 8}, "it has no height and width, and no factor"),
        ({"height": 0, "width": 8}, "its size is 0x8"),
        ({"zoom_factor": 0}, "its factor is below 1"),
        ({"pad_beg": 1, "zoom_factor": 2}, "its padding is above 0, or cuts off all of its maps"),
        ({"pad_beg": -3, "pad_end": -2, "zoom_factor": 2}, "its padding is above 0, or cuts off all of its maps"),
    ],
)
def test_interp_without_a_size(fields: dict[str, object], message: str) -> None:
    (found,) = mistakes(MAPS + layer("i", "Interp", "data", interp_param=fields))
    assert (found.code, found.message) == ("caffe-network", f"i: {message}")


GATED = (
    MAPS
    + layer("g", "Pooling", "data", pooling_param={"pool": "AVE", "global_pooling": True})
    + layer("t", "TanH", "data")
)


def test_axpy_is_a_product_with_a_number_for_each_channel_and_a_sum() -> None:
    text = GATED + layer("a", "Axpy", ["g", "t", "data"])
    x = numbers(2, 4, 5, 7)
    expected = x.mean((2, 3), keepdims=True) * np.tanh(x) + x
    np.testing.assert_allclose(values(text, {}, x), expected, atol=1e-12)
    assert layers(text)[-2:] == ["[a_product] product inputs=t,flatten", "[a] sum inputs=a_product,data"]


@pytest.mark.parametrize("bottoms", [["data", "t", "data"], ["g", "t", "g"]])
def test_axpy_of_other_shapes(bottoms: list[str]) -> None:
    (found,) = mistakes(GATED + layer("a", "Axpy", bottoms))
    assert found.message == "a: it takes a number for each channel and two maps"


def test_relu6() -> None:
    assert layers(MAPS + layer("t", "TanH", "data") + layer("r", "ReLU6", "t", "t")) == ["[t] tanh", "[r] relu6"]


INFERENCE = layer("b", "BN", "data", bn_param={"bn_mode": "INFERENCE", "shift_filler": {"type": "constant"}})
SLOPES = {"slope_filler": {"type": "constant", "value": 1}, "bias_filler": {"type": "constant", "value": 0}}


def test_bn_for_inference_has_coefficients_alone() -> None:
    assert layers(MAPS + INFERENCE) == ["[b] affine"]


def test_bn_with_slopes_is_a_batch_normalisation() -> None:
    params = [{"lr_mult": 1, "decay_mult": 0}] * 2 + [{"lr_mult": 0, "decay_mult": 0}] * 2
    fields = {"slope_filler": {"type": "constant", "value": 2}, "frozen": True, "momentum": 0.95, "eps": 1e-3}
    deploy = layer("b", "BN", "data", param=params, bn_param=fields)
    assert layers(MAPS + deploy) == ["[b] batchnorm decay_mult=0 eps=0.001 average=0.05"]
    (note,) = problems(labelled(4, 5, 7) + deploy + LOSS)
    assert note.startswith("b (BN) in line 2: it uses the running averages in training too")
    trained = layer("b", "BN", "data", bn_param=SLOPES)
    assert layers(labelled(4, 5, 7) + trained + LOSS)[0] == "[b] batchnorm average=0.1"
    assert layers(MAPS + layer("b", "BN", "data", bn_param={"eps": 1e-5})) == ["[b] batchnorm average=0.1"]


def test_biases_of_a_bn_decay() -> None:
    trained = labelled(4, 5, 7) + layer("b", "BN", "data", bn_param=SLOPES)
    trained += layer("f", "InnerProduct", "b", inner_product_param={"num_output": 3, "bias_term": False})
    trained += layer("loss", "SoftmaxWithLoss", ["f", "label"])
    solver = Source("solver.prototxt", 'base_lr: 1 lr_policy: "fixed" weight_decay: 0.5 max_iter: 9')
    assert "weight_decay=0.5, bias_decay=0.5" in translate(Source(NAME, trained), solver=solver).source.text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "several versions of Caffe have such layers, and its fields do not tell which"),
        ({"scale_filler": {"type": "constant", "value": 1}}, "several versions of Caffe have such layers"),
        ({**SLOPES, "eps": 0}, "its eps is not above 0, or its momentum not from 0 to 1"),
        ({**SLOPES, "momentum": 2}, "its eps is not above 0, or its momentum not from 0 to 1"),
        ({**SLOPES, "slope_filler": {"type": "constant", "value": 2}}, "its slopes do not begin at 1"),
    ],
)
def test_bn_that_is_not_read(fields: dict[str, object], reason: str) -> None:
    (note,) = problems(labelled(4, 5, 7) + layer("b", "BN", "data", bn_param=fields) + LOSS)
    assert note.startswith(f"b (BN) in line 2: {reason}")


def test_weights_of_a_bn(tmp_path: Path) -> None:
    """Its running averages are stored as such, not as sums with a factor."""
    text = MAPS + layer("b", "BN", "data", bn_param=SLOPES)
    arrays = [numbers(1, 4, 1, 1).astype(np.float32) + place for place in range(4)]
    path = tmp_path / "w.caffemodel"
    path.write_bytes(caffemodel({"b": arrays}))
    translation = translate(Source(NAME, text))
    weights = read_weights(path, net(text).graph, translation.blobs, translation.layers, Source(NAME, text))
    for key, array in zip(("weight", "bias", "running_mean", "running_var"), arrays, strict=True):
        np.testing.assert_array_equal(weights.arrays[f"b.{key}"](), array.reshape(-1))


OF_ANOTHER_VERSION = (
    "BVLC's Caffe has no layers of this type: take it out of a copy of the file, so that its readers read what it "
    "reads, and add what computes the same to the converted spec; `netspec explain` lists the layers of a spec"
)


def test_fields_of_a_layer_that_is_not_known_are_passed_over() -> None:
    """The report names the layer, and all others that cannot be expressed."""
    unknown = layer("p", "Permute", "data", permute_param={"order": [0, 2, 3, 1]}, lrn_param={"zzz": 1})
    assert problems(MAPS + unknown + layer("e", "Exp", "data")) == [
        f"p (Permute) in line 2: {OF_ANOTHER_VERSION}",
        "e (Exp) in line 3: a spec has no exponential function",
    ]


def test_loss_of_another_version_reads_labels() -> None:
    data = labelled(4, 5, 7) + layer("b", "TanH", "data")
    (note,) = problems(data + layer("loss", "WeightedSoftmaxWithLoss", ["b", "label"]))
    assert note == f"loss (WeightedSoftmaxWithLoss) in line 3: {OF_ANOTHER_VERSION}"


def test_layers_that_cannot_be_expressed_are_reported_beside_a_second_input() -> None:
    second = layer("rois", "Input", input_param={"shape": {"dim": [1, 5]}}) + layer("t", "TanH", "rois")
    assert problems(MAPS + second + layer("r", "ROIPooling", ["data", "t"]) + layer("s", "Sigmoid", "data")) == [
        "input in line 2: the network reads data, rois; a spec has one input",
        f"r (ROIPooling) in line 4: {OF_ANOTHER_VERSION}",
    ]


@pytest.mark.parametrize(
    ("type_", "field", "note"),
    [
        ("Convolution", "convolution_param { num_output: 4 kernel_size: 3 hole: 2 }", "it is dilation in BVLC's"),
        ("Data", "data_param { threads: 4 }", "it says how data are read, and can be left out"),
        ("BatchNorm", "batch_norm_param { scale_bias: true }", "a layer Scale with bias_term: true follows"),
    ],
)
def test_field_of_another_version_is_explained(type_: str, field: str, note: str) -> None:
    (found,) = mistakes(MAPS + f'layer {{ name: "c" type: "{type_}" bottom: "data" top: "c" {field} }}')
    assert found.code == "caffe-field" and note in found.notes[0]


def test_data_layer_of_another_version_reads_images_and_labels() -> None:
    """It may be another in the tests; what it does with the images is left out, with a warning."""
    ends = layer("b", "InnerProduct", "data", inner_product_param={"num_output": 3}) + LOSS
    data = 'layer { name: "d" type: "AnnotatedData" top: "data" top: "label" include { phase: TRAIN } boxes: 1 %s }\n'
    data += 'layer { name: "d" type: "ImageSegData" top: "data" top: "label" include { phase: TEST } }\n'
    (missing,) = mistakes(data % "" + ends)
    assert (missing.code, missing.notes) == ("caffe-input-shape", ("--input 3x224x224 states it",))
    shape = Shape(4, 5, 7)
    assert translate(Source(NAME, data % "" + ends), shape).diagnostics == ()
    prepared = translate(Source(NAME, data % "transform_param { scale: 2 }" + ends), shape)
    assert "[data]   input    4x5x7\n" in prepared.source.text
    (warning,) = prepared.diagnostics
    assert warning.message == "d: BVLC's Caffe has no layers AnnotatedData: what it does with images is not in the spec"
