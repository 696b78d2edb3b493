"""Initial values, regularisers and update rules of models of Keras."""

from __future__ import annotations

import json
from typing import Any

import pytest
from keras_networks import image, layer, sequential

from netspec.net import Net, import_keras
from netspec.source import Source


def net_of(config: dict[str, Any] | None = None, compiled: Any = None) -> Net:
    """A network of a convolution with kernels of 3x3 over 4 channels, and 16 filters: 36 inputs, 144 readers."""
    conv = layer("Conv2D", "c", filters=16, kernel_size=3, **(config or {}))
    end = (layer("Flatten", "f"), layer("Dense", "d", units=5), layer("Softmax", "s"))
    return import_keras(Source("m.json", json.dumps(sequential(image(8, 8, 4), conv, *end, compiled=compiled)))).net


def line(net: Net, word: str) -> str:
    return " ".join(
        next((x for x in net.source.text.splitlines() if x.startswith(word)), "").partition("->")[0].split()
    )


def notes(net: Net) -> list[str]:
    return [note for warning in net.warnings if warning.code == "keras-left-out" for note in warning.notes]


def made(kind: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras", "class_name": kind, "config": config, "registered_name": None}


TRUNCATED = "c: initial values of a truncated normal distribution; a spec's is whole, with the same deviation"


@pytest.mark.parametrize(
    ("given", "init", "note"),
    [
        ("glorot_uniform", "xavier", ""),
        (made("GlorotUniform", seed=None), "xavier", ""),
        (made("HeNormal"), "he", TRUNCATED),
        (made("HeUniform"), "uniform(0.40824829)", ""),  # sqrt(6 / 36)
        (made("LecunNormal"), "gaussian(0.166666667)", TRUNCATED),  # sqrt(1 / 36)
        (made("GlorotNormal"), "gaussian(0.105409255)", TRUNCATED),  # sqrt(2 / 180)
        (made("VarianceScaling", scale=2.0, mode="fan_out", distribution="untruncated_normal"),
         "gaussian(0.11785113)", ""),  # sqrt(2 / 144)
        (made("RandomNormal", mean=0.0, stddev=0.02), "gaussian(0.02)", ""),
        (made("RandomNormal", mean=1.0, stddev=0.02), "gaussian(0.02, 1)", ""),
        (made("RandomUniform", minval=-0.1, maxval=0.1), "uniform(0.1)", ""),
        (made("RandomUniform", minval=0.0, maxval=0.1), "",
         "c: initial values from 0 to 0.1; a spec's uniform is from -b to b"),
        (made("Constant", value=0.5), "constant(0.5)", ""),
        (made("Orthogonal", gain=1.0), "", "c: initial values of Orthogonal"),
    ],
)  # fmt: skip
def test_initial_values(given: Any, init: str, note: str) -> None:
    net = net_of({"kernel_initializer": given})
    assert line(net, "[c]") == f"[c] conv filters=16 kernel=3{f' init={init}' if init else ''}"
    assert notes(net) == ([note] if note else [])


def test_other_keys_of_a_layer() -> None:
    config = {
        "bias_initializer": made("Constant", value=0.1), "bias_regularizer": made("L1L2", l1=0.0, l2=0.01),
        "kernel_regularizer": made("L2", l2=5e-5), "kernel_constraint": made("MaxNorm"), "trainable": False,
    }  # fmt: skip
    net = net_of(config)
    assert line(net, "[c]") == (
        "[c] conv filters=16 kernel=3 init=xavier bias=0.1 decay=0.0001 bias_decay=0.02 lr_mult=0 bias_lr_mult=0"
    )
    assert notes(net) == [
        "c: kernel_constraint, which a spec does not have",
    ]


def test_learning_of_a_normalisation() -> None:
    norm = {"scale": False, "beta_initializer": made("Constant", value=1.0), "beta_regularizer": made("L2", l2=0.1)}
    model = sequential(
        image(8, 8, 4), layer("BatchNormalization", "b", **norm, trainable=False),
        layer("GroupNormalization", "g", groups=2, trainable=False),
        layer("PReLU", "p", shared_axes=[1, 2], alpha_initializer=made("Constant", value=0.5)),
    )  # fmt: skip
    net = import_keras(Source("m.json", json.dumps(model))).net
    assert line(net, "[b]") == "[b] batchnorm eps=0.001 average=0.01 lr_mult=0 bias_lr_mult=0"
    assert line(net, "[g]") == "[g] groupnorm groups=2 eps=0.001 lr_mult=0 bias_lr_mult=0"
    assert line(net, "[p]") == "[p] prelu init=constant(0.5)"
    assert notes(net) == [
        "b: that it uses its running averages in training too (trainable=False)",
        "b: beta_initializer Constant; in a spec, they begin with zeros",
        "b: beta_regularizer, which a spec does not have",
    ]


def test_types_of_numbers() -> None:
    policy = {"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}}
    assert notes(net_of({"dtype": policy})) == ["c: the types of numbers mixed_float16, for which train has precision="]


def test_regulariser_with_absolute_values() -> None:
    assert notes(net_of({"kernel_regularizer": made("L1", l1=0.01)})) == [
        "c: the kernel_regularizer L1; a spec has the weight decay of L2"
    ]


RATE = {"learning_rate": 0.01}


@pytest.mark.parametrize(
    ("optimizer", "written", "note"),
    [
        (made("SGD", **RATE), "sgd(lr=0.01, momentum=0)", ""),
        (made("SGD", **RATE, momentum=0.9, nesterov=True), "sgd(lr=0.01, momentum=0.9, nesterov=yes)", ""),
        (made("Adam", **RATE), "adam(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-07)", ""),
        (made("AdamW", **RATE, weight_decay=0.1),
         "adamw(lr=0.01, beta1=0.9, beta2=0.999, eps=1e-07, weight_decay=0.1, bias_decay=0.1)", ""),
        (made("RMSprop", **RATE, centered=True),
         "rmsprop(lr=0.01, rho=0.9, momentum=0, eps_in_root=1e-07, centered=yes)", ""),
        (made("Adagrad", **RATE), "adagrad(lr=0.01, eps_in_root=1e-07, start=0.1)", ""),
        (made("Adadelta", **RATE), "adadelta(lr=0.01, rho=0.95, eps=1e-07)", ""),
        ("adam", "adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-07)", ""),
        (made("SGD", **RATE, weight_decay=0.1), "sgd(lr=0.01, momentum=0)",
         "the weight decay of sgd, 0.1, which Keras takes from weights and not from their gradient"),
        (made("SGD", learning_rate=made("CosineDecay", initial_learning_rate=0.5, decay_steps=9)),
         "sgd(lr=0.5, momentum=0)", "the schedule CosineDecay; the rate is its first one"),
        (made("SGD", learning_rate=made("PiecewiseConstantDecay", boundaries=[5], values=[0.3, 0.1])),
         "sgd(lr=0.3, momentum=0)", "the schedule PiecewiseConstantDecay; the rate is its first one"),
        ({"class_name": "SGD", "config": {"lr": 0.2, "momentum": 0.5, "decay": 1e-6}}, "sgd(lr=0.2, momentum=0.5)",
         "the decay of the rate, 1e-06, with each step"),
        (made("Lion", **RATE), "", "the optimizer lion, which a spec does not have"),
    ],
)  # fmt: skip
def test_update_rule(optimizer: Any, written: str, note: str) -> None:
    net = net_of(compiled={"optimizer": optimizer, "loss": "categorical_crossentropy"})
    assert line(net, "train") == (f"train optimizer={written}" if written else "")
    assert notes(net) == ([note] if note else [])


def test_other_arguments_of_compile() -> None:
    optimizer = made("SGD", **RATE, global_clipnorm=2.0)
    loss = made("CategoricalCrossentropy", label_smoothing=0.1)
    net = net_of(compiled={"optimizer": optimizer, "loss": loss})
    assert line(net, "train") == "train label_smoothing=0.1 optimizer=sgd(lr=0.01, momentum=0) clip_gradients=norm(2)"
    assert notes(net) == []
    assert notes(net_of(compiled={"optimizer": "sgd", "loss": "mse"})) == ["the loss mse"]


def test_regularisers_beside_a_decay_that_is_not_a_part_of_the_gradient() -> None:
    net = net_of({"kernel_regularizer": "l2"}, {"optimizer": made("AdamW", **RATE), "loss": "categorical_crossentropy"})
    assert notes(net) == ["c: the kernel_regularizer L2, beside adamw"]
