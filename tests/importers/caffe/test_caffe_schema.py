"""Types, defaults and unknown fields of Caffe's messages."""

from __future__ import annotations

import pytest
from caffe_records import read_text

from netspec.importers.caffe.schema.messages import MESSAGES
from netspec.importers.caffe.schema.record import Record


def record(text: str, type_: str = "LayerParameter") -> tuple[Record, list[tuple[str, str]]]:
    """Return a message and the mistakes in it: the text at the place of each, and its message."""
    result, found = read_text(type_, text)
    return result, [(each.span.text, each.message) for each in found]


def test_values_have_their_types() -> None:
    text = """
        name: "conv1"  bottom: "a"  bottom: "b"  loss_weight: [1, .5]
        convolution_param { num_output: 0x10  pad: 1  pad: 2  bias_term: false  weight_filler { type: "xavier" } }
        pooling_param { pool: AVE  kernel_size: 017 }  hinge_loss_param { norm: 2 }
    """
    layer, mistakes = record(text)
    assert mistakes == []
    assert (layer.text("name"), layer.texts("bottom"), layer.reals("loss_weight")) == ("conv1", ["a", "b"], [1, 0.5])
    convolution = layer.message("convolution_param")
    assert (convolution.integer("num_output"), convolution.integers("pad")) == (16, [1, 2])
    assert convolution.flag("bias_term") is False
    assert convolution.message("weight_filler").text("type") == "xavier"
    assert convolution.place("kernel_size", "pad").text == "pad: 1"
    pooling = layer.message("pooling_param")
    assert (pooling.text("pool"), pooling.integer("kernel_size")) == ("AVE", 15)
    assert layer.message("hinge_loss_param").text("norm") == "L2"


def test_what_the_file_leaves_out_has_caffes_default() -> None:
    layer, _ = record("lrn_param { k: 2 }")
    lrn = layer.message("lrn_param")
    assert [lrn.real("k"), lrn.real("beta"), lrn.integer("local_size")] == [2, 0.75, 5]
    assert lrn.text("norm_region") == "ACROSS_CHANNELS"
    absent = layer.message("batch_norm_param")
    assert not layer.has("batch_norm_param")
    assert (absent.real("moving_average_fraction"), absent.span) == (0.999, layer.span)
    assert layer.message("dropout_param").flag("scale_train") is True
    assert layer.message("convolution_param").message("bias_filler").text("type") == "constant"
    assert layer.message("transform_param").text("mean_file") == ""


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("pad: -1", "-1", "pad must be a whole number from 0 to 4294967295"),
        ("pad: 1.0", "1.0", "pad must be a whole number from 0 to 4294967295"),
        ('num_output: "3"', '"3"', "num_output must be a whole number from 0 to 4294967295"),
        ("bias_term: yes", "yes", "bias_term must be true or false"),
        ("engine: cudnn", "cudnn", "engine must be one of DEFAULT, CAFFE, CUDNN"),
        ("engine: 3", "3", "engine must be one of DEFAULT, CAFFE, CUDNN"),
        ("weight_filler { std: small }", "small", "std must be a number"),
        ("weight_filler { type: xavier }", "xavier", "type must be a string in quotes"),
        ("weight_filler: 1", "1", "weight_filler must be a message, weight_filler { ... }"),
        ("pad { }", "pad", "pad must be a whole number from 0 to 4294967295, not a message"),
        ("group: 2 group: 3", "group", "group is given twice"),
    ],
)
def test_value_of_the_wrong_type_is_reported(text: str, place: str, message: str) -> None:
    result, mistakes = record(text, "ConvolutionParameter")
    assert mistakes == [(place, message)]
    assert result.integers("pad") == []


@pytest.mark.parametrize(
    ("text", "message", "note"),
    [
        ("kernel_siz: 3", "ConvolutionParameter has no field kernel_siz; did you mean kernel_size?", None),
        (
            "lrn_param { }",
            "ConvolutionParameter has no field lrn_param",
            "it is a field of LayerParameter, V1LayerPara",
        ),
        (
            "zzz: 1 zzz: 2",
            "ConvolutionParameter has no field zzz",
            "its fields: num_output, bias_term, pad, kernel_size",
        ),
    ],
)
def test_unknown_field_is_an_error(text: str, message: str, note: str | None) -> None:
    _, (found,) = read_text("ConvolutionParameter", text)
    assert (found.code, found.message) == ("caffe-field", message)
    assert found.span.text == text.split(":")[0].split(" ")[0]
    assert [line[: len(note or "")] for line in found.notes[:1]] == ([note] if note else [])
    assert any("the same 1 more time" in line for line in found.notes) == (text.count("zzz") == 2)


def test_every_message_that_a_field_has_is_defined() -> None:
    fields = [field for message in MESSAGES.values() for field in message.fields.values()]
    assert {field.type for field in fields if field.is_message} <= {*MESSAGES}
    assert {type(field.default) for field in fields if field.words} == {str}


@pytest.mark.parametrize(
    ("field", "near"),
    [("permute_param { }", ""), ("axpy_param { }", ""), ("poolin_param { }", "; did you mean pooling_param?")],
)
def test_messages_of_layers_are_compared_without_their_common_ending(field: str, near: str) -> None:
    _, (found,) = read_text("LayerParameter", field)
    assert found.message == f"LayerParameter has no field {field[:-4]}{near}"
    assert bool(near) != any("BVLC's Caffe does not have" in note for note in found.notes)
