"""Reading ``.caffemodel`` files, and finding their blobs for the parameters of a spec."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from caffe_records import record
from caffemodels import Array, Form, blob, caffemodel, field, layer
from checking import refused

from netspec import loads
from netspec.diagnostics import CannotOpen, SpecError
from netspec.importers.caffe.net.layers import Layer
from netspec.importers.caffe.weights.blobs import read_blobs
from netspec.importers.caffe.weights.matching import Weights, read_weights
from netspec.importers.caffe.weights.wire import Malformed

NET = """
layer { name: "conv1" type: "Convolution" convolution_param { num_output: 4 kernel_size: 3 group: 2 } }
layer { name: "bn1" type: "BatchNorm" }
layer { name: "scale1" type: "Scale" scale_param { bias_term: true } }
layer { name: "fc2" type: "InnerProduct" inner_product_param { num_output: 5 bias_term: false } }
"""
WANTED = {
    "conv1.weight": ("conv1", 0), "conv1.bias": ("conv1", 1), "bn1.running_mean": ("bn1", 0),
    "bn1.running_var": ("bn1", 1), "bn1.weight": ("scale1", 0), "bn1.bias": ("scale1", 1), "fc2.weight": ("fc2", 0),
}  # fmt: skip
SPEC = """
[x] input 6x5x5
[conv1] conv filters=4 kernel=3 groups=2
[bn1] batchnorm
[fc2] fc outputs=5 bias=none
"""
SHAPES = {
    "conv1.weight": (4, 3, 3, 3), "conv1.bias": (4,), "bn1.running_mean": (4,), "bn1.running_var": (4,),
    "bn1.weight": (4,), "bn1.bias": (4,), "fc2.weight": (5, 36),
}  # fmt: skip


def numbers(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


BLOBS: dict[str, list[Array]] = {
    "conv1": [numbers(4, 3, 3, 3), numbers(4)],
    "bn1": [numbers(4), numbers(4), np.array([8], np.float32)],
    "scale1": [numbers(4) + 1, numbers(4) + 2],
    "fc2": [numbers(5, 36)],
}


def layers(text: str = NET) -> dict[str, Layer]:
    records = record("NetParameter", text).messages("layer")
    return {r.text("name"): Layer(r.text("name"), r.text("type"), (), (), r) for r in records}


def matched(data: bytes, folder: Path, net: str = NET, spec: str = SPEC) -> Weights:
    path, own = folder / "w.caffemodel", layers(net)
    path.write_bytes(data)
    return read_weights(path, loads(spec).graph, WANTED, own, next(iter(own.values())).span.source)


@pytest.mark.parametrize("form", ["today", "v1", "v0"])
def test_blobs_of_all_formats_are_the_parameters(form: Form, tmp_path: Path) -> None:
    weights = matched(caffemodel(BLOBS, form), tmp_path)
    found = {key: read() for key, read in weights.arrays.items()}
    assert {key: values.shape for key, values in found.items()} == SHAPES
    for key, (name, index) in WANTED.items():
        expected = BLOBS[name][index] / (8 if "running" in key else 1)
        np.testing.assert_array_equal(found[key], expected)
        assert found[key].dtype == np.float32
    assert weights.warnings == ()


def test_empty_sums_of_a_batch_normalisation_give_zeros(tmp_path: Path) -> None:
    """In Caffe, the factor of a scale of 0 is 0 (src/caffe/layers/batch_norm_layer.cpp)."""
    blobs = {**BLOBS, "bn1": [numbers(4), numbers(4), np.zeros(1, np.float32)]}
    weights = matched(caffemodel(blobs), tmp_path)
    assert not weights.arrays["bn1.running_var"]().any()


@pytest.mark.parametrize("written", [{"double": True}, {"packed": False}, {"legacy": True}])
def test_numbers_are_read_however_they_are_written(written: dict[str, bool], tmp_path: Path) -> None:
    path = tmp_path / "w.caffemodel"
    path.write_bytes(field(100, field(1, "a") + field(7, blob(BLOBS["fc2"][0], **written))))
    (read,) = read_blobs(path)["a"]
    assert read.has_shape((5, 36))
    assert read.legacy == ("legacy" in written)
    np.testing.assert_array_equal(read.values().reshape(5, 36), BLOBS["fc2"][0])


def test_old_shapes_have_ones_before_them_only_in_old_files(tmp_path: Path) -> None:
    path = tmp_path / "w.caffemodel"
    values = numbers(1, 1, 1, 4)
    path.write_bytes(field(100, field(1, "a") + field(7, blob(values)) + field(7, blob(values, legacy=True))))
    today, old = read_blobs(path)["a"]
    assert [today.has_shape(shape) for shape in ((4,), (1, 1, 1, 4))] == [False, True]
    assert [old.has_shape(shape) for shape in ((4,), (1, 4), (1, 1, 1, 4), (4, 1), (1, 1, 1, 1, 4))] == [
        True, True, True, False, False,
    ]  # fmt: skip


def test_fields_that_are_not_weights_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "w.caffemodel"
    other = b"".join((field(12, 300), bytes((13 << 3 | 1,)) + bytes(8), bytes((14 << 3 | 5,)) + bytes(4)))
    shaped = field(7, other + blob(numbers(2)))
    path.write_bytes(other + field(100, other + field(1, "a") + shaped) + other)
    assert [b.shape for b in read_blobs(path)["a"]] == [(2,)]


def test_weights_of_a_transposed_matrix_are_turned(tmp_path: Path) -> None:
    net = 'layer { name: "fc2" type: "InnerProduct" inner_product_param { num_output: 5 transpose: true } }'
    weights = matched(
        caffemodel({"fc2": [numbers(36, 5)]}), tmp_path, net, "[x] input 36\n[fc2] fc outputs=5 bias=none"
    )
    np.testing.assert_array_equal(weights.arrays["fc2.weight"](), numbers(36, 5).T)


def test_coefficients_of_a_layer_that_only_adds_biases_are_ones(tmp_path: Path) -> None:
    net, spec = 'layer { name: "b" type: "Bias" }', "[x] input 6x5x5\n[b] affine lr_mult=0 decay_mult=0"
    path, own = tmp_path / "w.caffemodel", layers(net)
    path.write_bytes(caffemodel({"b": [numbers(6)]}))
    weights = read_weights(path, loads(spec).graph, {"b.bias": ("b", 0)}, own, own["b"].span.source)
    np.testing.assert_array_equal(weights.arrays["b.weight"](), np.ones(6))
    np.testing.assert_array_equal(weights.arrays["b.bias"](), numbers(6))


@pytest.mark.parametrize("legacy", [False, True])
def test_slope_for_all_channels_is_a_blob_without_axes(legacy: bool, tmp_path: Path) -> None:
    net = """layer { name: "p" type: "PReLU" } layer { name: "q" type: "PReLU" prelu_param { channel_shared: true } }"""
    path, own = tmp_path / "w.caffemodel", layers(net)
    slopes = {"p": numbers(6), "q": np.float32(0.5).reshape(())}
    path.write_bytes(
        b"".join(field(100, field(1, name) + field(7, blob(own, legacy=legacy))) for name, own in slopes.items())
    )
    graph = loads("[x] input 6x5x5\n[p] prelu\n[q] prelu shared=yes").graph
    weights = read_weights(path, graph, {"p.weight": ("p", 0), "q.weight": ("q", 0)}, own, own["p"].span.source)
    np.testing.assert_array_equal(weights.arrays["p.weight"](), numbers(6))
    np.testing.assert_array_equal(weights.arrays["q.weight"](), [0.5])


def errors(data: bytes, folder: Path) -> list[tuple[str, str]]:
    """Return the messages of a file's errors, with the text that each points at."""
    with pytest.raises(SpecError) as caught:
        matched(data, folder)
    assert {d.code for d in caught.value.diagnostics} == {"caffe-weights"}
    return [(d.message, d.span.text) for d in caught.value.diagnostics]


def test_other_shapes_are_errors_that_name_layer_and_shapes(tmp_path: Path) -> None:
    blobs = {**BLOBS, "conv1": [numbers(4, 6, 3, 3), numbers(5)], "fc2": [numbers(36, 5)]}
    assert errors(caffemodel(blobs), tmp_path) == [
        ("the weights of conv1 are 4x3x3x3, and 4x6x3x3 in w.caffemodel", 'name: "conv1"'),
        ("the biases of conv1 are 4, and 5 in w.caffemodel", 'name: "conv1"'),
        ("the weights of fc2 are 5x36, and 36x5 in w.caffemodel", 'name: "fc2"'),
    ]


def test_other_numbers_of_blobs_are_errors(tmp_path: Path) -> None:
    blobs = {**BLOBS, "fc2": [*BLOBS["fc2"], numbers(5)], "conv1": BLOBS["conv1"][:1], "bn1": BLOBS["bn1"][:2]}
    assert [message for message, _ in errors(caffemodel(blobs), tmp_path)] == [
        "conv1 has 2 blobs, and 1 blob in w.caffemodel",
        "bn1 has 3 blobs, and 2 blobs in w.caffemodel",
        "fc2 has 1 blob, and 2 blobs in w.caffemodel",
    ]


def test_layers_without_weights_are_one_error(tmp_path: Path) -> None:
    some = {name: blobs for name, blobs in BLOBS.items() if name != "conv1"}
    assert errors(caffemodel(some), tmp_path) == [("w.caffemodel has no weights for conv1", 'name: "conv1"')]
    ((message, _),) = errors(caffemodel({"other": [numbers(3)]}), tmp_path)
    assert message == "w.caffemodel has no weights for 4 of 4 layers with weights: conv1, bn1, scale1, fc2"
    with pytest.raises(SpecError) as caught:
        matched(caffemodel({**some, "conv1_": BLOBS["conv1"]}), tmp_path)
    assert caught.value.diagnostics[0].notes[0] == "did you mean conv1_, which the network does not have?"


def test_layers_that_the_network_does_not_have_are_left_out_with_a_warning(tmp_path: Path) -> None:
    weights = matched(caffemodel({**BLOBS, "fc8": [numbers(3)]}), tmp_path)
    (warning,) = weights.warnings
    assert (warning.code, warning.severity, warning.notes) == ("caffe-weights", "warning", ("fc8",))
    assert len(weights.arrays) == len(WANTED)


GOOD = caffemodel(BLOBS)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is empty"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "it is HDF5"),
        (field(1, "net"), "it has no layers"),
        (GOOD[:-1], "begins .* bytes before the end"),
        (b"PK\x03\x04" + bytes(60), "a field"),
        (b"\xff" * 11, "more than ten bytes"),
        (b"\x80", "ends within a number"),
        (b"\x03\x00", "a field has the number 0"),
        (b"\x0b\x00", "kind 3"),
        (field(100, field(1, "a") + field(7, blob(numbers(2))[:-8])), "."),
        (field(100, field(7, field(7, field(1, b"\x03")) + field(5, bytes(8)))), "shape 3 has 8 bytes"),
        (field(100, field(7, field(7, field(1, b"\x02")) + field(5, bytes(7)))), "do not fill"),
        (field(100, field(7, field(7, b"") + field(5, b""))), "a single number has 0 bytes"),
        (field(100, field(7, field(7, field(1, b"\xff" * 9 + b"\x01")))), "impossible shape"),
        (field(100, field(7, field(1, 2**33) + field(5, b""))), "impossible shape"),
    ],
)
def test_files_that_are_not_caffemodels(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "w.caffemodel"
    path.write_bytes(data)
    with pytest.raises(Malformed, match=reason):
        read_blobs(path)
    ((message, _),) = errors(data, tmp_path)
    assert message.startswith(f"{path} is not a .caffemodel file: ")


def test_every_truncated_file_is_rejected_or_has_fewer_layers(tmp_path: Path) -> None:
    path = tmp_path / "w.caffemodel"
    data = caffemodel({"a": [numbers(2, 3)], "b": [numbers(2)]})
    whole = 0
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        try:
            whole += "b" in read_blobs(path)
        except Malformed:
            continue
    assert not whole


def test_missing_file(tmp_path: Path) -> None:
    own = layers()
    with pytest.raises(CannotOpen, match="No such file"):
        read_weights(tmp_path / "none", loads(SPEC).graph, WANTED, own, next(iter(own.values())).span.source)


def test_a_later_layer_of_the_same_name_is_the_one_that_counts(tmp_path: Path) -> None:
    """Caffe copies the layers of a file one after the other (``CopyTrainedLayersFrom``)."""
    path = tmp_path / "w.caffemodel"
    path.write_bytes(layer("a", [numbers(2)]) + layer("a", [numbers(3)]) + layer("a", []))
    assert [b.shape for b in read_blobs(path)["a"]] == [(3,)]


def test_layers_of_one_name(tmp_path: Path) -> None:
    path, own = tmp_path / "w.caffemodel", layers()
    path.write_bytes(caffemodel({"fc2": [numbers(5, 5)]}, "today"))
    graph = loads("[x] input 5\n[fc2] fc outputs=5 bias=none\n[fc2_fc] fc outputs=5 bias=none\n").graph
    places = {"fc2.weight": ("fc2", 0), "fc2_fc.weight": ("fc2", 0)}
    found = refused(read_weights, path, graph, places, own, own["fc2"].span.source)
    assert found.message == "several layers with weights are named fc2: which of them has those in w.caffemodel?"
