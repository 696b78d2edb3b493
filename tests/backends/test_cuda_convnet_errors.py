"""Specs that cuda-convnet's files cannot express: errors at the line, and warnings about what is left out."""

from __future__ import annotations

from typing import Literal

import pytest
from cuda_convnet_specs import inexpressible_specs
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from netspec import backend
from netspec.diagnostics import Diagnostic, SpecError
from netspec.net import loads

Dialect = Literal["2012", "v2"]
BACKEND = backend.load("cuda_convnet")

ENDING = "[out] fc outputs=10 init=gaussian(0.1)\n[prob] softmax\n"
SPLIT = "[c] conv filters=64 kernel=3 init=gaussian(1)"
CONV = "[c] conv filters=16 kernel=3 init=gaussian(0.1)"


def errors_of(middle: str, head: str = "net x rounding=up", dialect: Dialect = "2012") -> tuple[Diagnostic, ...]:
    text = f"{head}\n[image] input 3x12x12 range=255 mean=image\n{middle}\n{ENDING}"
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(loads(text), dialect)
    return tuple(d for d in caught.value.diagnostics if d.severity == "error")


@pytest.mark.parametrize("loss", ["", "[loss] crossentropy"])
def test_classes_of_pixels_are_errors(loss: str) -> None:
    text = f"net x rounding=up\n[image] input 3x12x12 range=255 mean=image\n{CONV}\n{loss}"
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(loads(text), "2012")
    (error,) = (d for d in caught.value.diagnostics if d.severity == "error")
    assert (error.code, error.layer) == ("not-in-cfg", "loss" if loss else "c")
    assert "these scores are maps, of the classes of pixels" in error.message


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("sgd(nesterov=yes)", "sgd without nesterov=yes"),
        ("adam", "sgd, and this net is trained with adam"),
        ("adamw(lr=0.01)", "sgd, and this net is trained with adamw"),
        ("rmsprop", "sgd, and this net is trained with rmsprop"),
        ("adagrad", "sgd, and this net is trained with adagrad"),
        ("lars", "sgd, and this net is trained with lars"),
    ],
)
def test_other_update_rules_are_errors(optimizer: str, message: str) -> None:
    for dialect in ("2012", "v2"):
        (error,) = errors_of(f"{CONV}\ntrain optimizer={optimizer}", dialect=dialect)
        assert (error.code, error.span.text) == ("not-in-cfg", f"optimizer={optimizer}")
        assert error.message == f"train: cuda-convnet's only update rule is {message}"
        assert error.notes == ("alternatives: optimizer=sgd",)


@pytest.mark.parametrize(
    ("middle", "underlined", "message", "alternatives"),
    [
        (f"{CONV} stride=2 rounding=down", "rounding=down", "axis, and this layer has 5", "rounding=up, for 6"),
        (f"{CONV} pad=1,0,0,0", "pad=1,0,0,0", "pads left and above alike", ""),
        ("[a] zeropad pad=1,0,0,1", "pad=1,0,0,1", "differs between the axes", ""),
        (f"{CONV}\n[a] crop size=8 left=1", "left=1", "over layers with weights", ""),
        ("[a] zeropad pad=13", "pad=13", "start at most 12 pixels before", "two layers, of which one pads 12"),
        (f"{CONV} dilation=2", "dilation=2", "has no dilation", "dilation=1"),
        ("[c] conv filters=16 kernel=3x2 init=gaussian(0.1)", "kernel=3x2", "its kernel is 3x2", ""),
        (f"{CONV} stride=2x1", "stride=2x1", "its stride is 2x1", ""),
        ("[c] conv filters=16 kernel=2 stride=5 init=gaussian(1)", "stride=5", "skip no pixels: a stride of 5 is", ""),
        ("[c] local filters=16 kernel=2 stride=5 init=gaussian(1)", "stride=5", "above the kernel's 2", ""),
        (f"{CONV} bias=none", "bias=none", "biases in every layer", "bias=0 bias_lr=0, which is a bias that stays 0"),
        ("[c] conv filters=16 kernel=3 init=xavier", "init=xavier", "initialised by uniform", "init=gaussian(0.01)"),
        ("[c] conv filters=12 kernel=3 init=gaussian(1)", "filters=12", "filters is 12, which 16 does not divide", ""),
        (f"{CONV}\n[n] nrelu std=0.5", "std=0.5", "has a std of 1, and its std is 0.5", "std=1"),
        (f"{CONV}\n[b] batchnorm", "batchnorm", "older than batch normalisation", "lrn"),
        (f"{CONV}\n[n] layernorm", "layernorm", "older than layer and group normalisation", "lrn"),
        (f"{CONV}\n[n] groupnorm groups=4", "groupnorm", "older than layer and group normalisation", "lrn"),
        (f"{CONV}\n[d] dropout over=images scaling=test", "over=images", "drops single units only", "over=units"),
        (f"{CONV} table={','.join(['0+1'] * 15)},2", f"table={','.join(['0+1'] * 15)},2", "no tables", "groups"),
        (f"{CONV} neuron=leakyrelu(0.1)", "neuron=leakyrelu(0.1)", "has no neuron leakyrelu", "relu"),
        (f"{CONV}\n[s] elu", "elu", "has no neuron elu", "relu"),
        (f"{CONV}\n[s] silu", "silu", "has no neuron silu", "relu"),
        (f"{CONV}\n[t] relu\n[s] product inputs=c,t", "product", "multiplies no outputs of layers", "sum"),
        (f"{CONV}\n[d] upsample factor=2", "upsample", "only by sampling around their centre", "resize step=0.5"),
        (f"{CONV}\n[d] deconv filters=16 kernel=2", "deconv", "has no transposed convolution", "resize step=0.5"),
        (f"{CONV}\n[s] affine", "affine", "no learnt coefficients of channels", "neuron=linear(0.25, 0)"),
        (f"{CONV}\n[s] prelu", "prelu", "older than parametric ReLUs", "leakyrelu"),
        (f"{CONV}\n[n] rnorm size=3 k=2 alpha=1e-4 beta=0.75", "k=2", "is 1, and its k is 2", "k=1, or --dialect v2"),
        (f"{CONV}\n[n] lrn groups=4 size=5 k=2 alpha=1e-4 beta=0.75", "groups=4", "covers all", "size=7, or groups=1"),
        (f"{CONV}\n[d] dropout", "dropout", "not divide by 1 - rate", "scaling=test, or --dialect v2"),
        ("[f] fc outputs=9 parts=3 init=gaussian(1)", "parts=3", "of 2012 has no parts=", "--dialect v2"),
        ("[f] fc outputs=9 init=gaussian(1)\n[l] binarycrossentropy positive=2\n[d] relu inputs=f", "positive=2",
         "have no weights of classes", "positive=1, or --dialect v2"),
        (f"{CONV}\n[s] softmax", "softmax", "softmax is of a vector, and it reads 16x10x10", ""),
    ],
)  # fmt: skip
def test_error_at_what_cannot_be_expressed(middle: str, underlined: str, message: str, alternatives: str) -> None:
    (error,) = errors_of(middle)
    assert error.code == "not-in-cfg"
    assert (error.span.text, message in error.message) == (underlined, True), error
    notes = [note for note in error.notes if note.startswith("alternatives: ")]
    assert notes == ([f"alternatives: {alternatives}"] if alternatives else [])


@pytest.mark.parametrize(
    ("middle", "underlined", "message"),
    [
        ("[a] crop size=8x6", "size=8x6", "crops are square, and this one is 8x6"),
        ("[a] randomscale size=4 max_scale=3", "max_scale=3", "the scale of rscale is at most 2, and this one is 3"),
        (
            "[f] fc outputs=12 inputs=image,image parts=3,1 init=gaussian(1)",
            "parts=3,1",
            "into the same number of parts",
        ),
    ],
)
def test_error_at_what_version_2_cannot_express(middle: str, underlined: str, message: str) -> None:
    (error,) = errors_of(middle, dialect="v2")
    assert (error.code, error.span.text, message in error.message) == ("not-in-cfg", underlined, True), error


@pytest.mark.parametrize(
    ("middle", "underlined"),
    [
        (f"{SPLIT}\n[n] lrn size=5 k=2 alpha=1e-4 beta=0.75 reads=all", "reads=all"),
        (f"{SPLIT}\n[d] conv filters=64 kernel=3 groups=2 reads=all init=gaussian(1)", "groups=2"),
    ],
)
def test_error_at_what_crosses_gpus_within_a_layer(middle: str, underlined: str) -> None:
    (error,) = errors_of(middle, "net x rounding=up\ngpus 2")
    assert error.span.text == underlined


def test_all_errors_are_reported_at_once() -> None:
    errors = errors_of("[c] conv filters=16 kernel=3 dilation=2\n[d] conv filters=16 kernel=3 init=xavier bias=xavier")
    assert [(d.layer, d.span.text) for d in errors] == [("c", "dilation=2"), ("d", "init=xavier"), ("d", "bias=xavier")]


@pytest.mark.parametrize("dialect", ["2012", "v2"])
@given(data=st.data())
@examples(15)
def test_error_only_at_the_inexpressible_layer_of_random_specs(dialect: Dialect, data: st.DataObject) -> None:
    text, name = data.draw(inexpressible_specs(dialect))
    with pytest.raises(SpecError) as caught:
        BACKEND.emit(loads(text), dialect)
    errors = [d for d in caught.value.diagnostics if d.severity == "error"]
    assert errors
    assert {(d.code, d.layer, text.splitlines()[d.span.line - 1].startswith(f"[{name}]")) for d in errors} == {
        ("not-in-cfg", name, True)
    }


@pytest.mark.parametrize("middle", ["crop size=8 top=1", "sumpool kernel=2", "log a=1"])
def test_error_of_2012_suggests_version_2(middle: str) -> None:
    (error,) = errors_of(f"[a] {middle}")
    assert "--dialect v2" in error.notes[-1]


def test_training_settings_are_left_out_with_a_warning() -> None:
    text = "[image] input 3x8x8\n[f] fc outputs=4 init=gaussian(1) bias_decay=0.1\n[p] softmax\n"
    text += "train ema=0.9 clip_gradients=norm(2) warmup=5 steps=9 class_weights=1,1,1,2\n"
    text += "augment mixup=0.2 colour=jitter(0.4) from=9,12 policy=trivialaugment erase=cutout(2)"
    files = BACKEND.emit(loads(text))
    assert [(w.code, w.severity, w.span.text) for w in files.warnings] == [
        ("left-out-of-cfg", "warning", "input"),
        ("left-out-of-cfg", "warning", "bias_decay=0.1"),
        ("left-out-of-cfg", "warning", "ema=0.9"),
        ("left-out-of-cfg", "warning", "clip_gradients=norm(2)"),
        ("left-out-of-cfg", "warning", "warmup=5"),
        ("left-out-of-cfg", "warning", "steps=9"),
        ("left-out-of-cfg", "warning", "class_weights=1,1,1,2"),
        ("left-out-of-cfg", "warning", "mixup=0.2"),
        ("left-out-of-cfg", "warning", "colour=jitter(0.4)"),
        ("left-out-of-cfg", "warning", "from=9,12"),
        ("left-out-of-cfg", "warning", "policy=trivialaugment"),
        ("left-out-of-cfg", "warning", "erase=cutout(2)"),
    ]


@pytest.mark.parametrize(
    ("layer", "dialect", "underlined", "message"),
    [
        (
            "conv filters=16 kernel=3 fixed_norm=1",
            "2012",
            "fixed_norm=1",
            "cuda-convnet of 2012 only scales weights down to a largest norm in conv",
        ),
        ("conv filters=16 kernel=3 max_norm=1", "v2", "max_norm=1", "version 2 of cuda-convnet scales weights to one"),
        ("local filters=16 kernel=3 fixed_norm=1", "v2", "fixed_norm=1", "down to a largest norm in local"),
        ("conv filters=16 kernel=3 min_std=0.1", "2012", "min_std=0.1", "no effect without wcNormMax"),
        ("fc outputs=16 max_std=0.1", "2012", "max_std=0.1", "only in conv"),
        ("fc outputs=16 parts=2 fixed_norm=2", "v2", "fixed_norm=2", "over all parts together"),
    ],
)
def test_bounds_that_a_version_lacks_are_left_out(layer: str, dialect: Dialect, underlined: str, message: str) -> None:
    text = f"[image] input 4x12x12 range=255 mean=image\n[c] {layer} init=gaussian(1)\n{ENDING}"
    files = BACKEND.emit(loads(text), dialect)
    (warning,) = files.warnings
    assert (warning.code, warning.span.text) == ("left-out-of-cfg", underlined)
    assert message in warning.message
    assert "wball" not in files.params and "wcNorm" not in files.params


def test_bounds_of_divided_weights_are_left_out() -> None:
    text = f"gpus 2\n[image] input 3x12x12 range=255 mean=image\n{SPLIT} max_norm=1\n"
    text += (
        "[f] fc outputs=8 init=gaussian(1) reads=all max_norm=2\n[out] fc outputs=10 init=gaussian(1) gpu=0 reads=all\n"
    )
    files = BACKEND.emit(loads(text), "2012")
    (warning,) = files.warnings
    assert (warning.span.text, "its bounds are left out" in warning.message) == ("max_norm=2", True)
    assert files.params.count("wball=") == 2


def test_more_windows_than_usual_need_version_2() -> None:
    middle = f"{CONV} pad=0,2,0,2"
    (error,) = errors_of(middle)
    assert error.notes[-1] == "alternatives: --dialect v2, which can have another number"


def test_fewer_windows_than_usual_need_version_2_unless_pixels_stay_unread() -> None:
    """Rounded down, windows of 3 at stride 2 are 6 with padding 1, which read all 12 pixels, and else 5 with 11."""
    (error,) = errors_of(f"{CONV} stride=2 pad=1 rounding=down")
    assert error.notes[-1] == "alternatives: --dialect v2, which can have another number, or rounding=up, for 7"
    (error,) = errors_of(f"{CONV} stride=2 rounding=down")
    assert error.notes[-1] == "alternatives: rounding=up, for 6"
