"""The language page's section "Values", and the keys of the input: the resulting numbers."""

from __future__ import annotations

import math
from typing import Any

import pytest
from checking import codes, only_diagnostic, ops_of, position_of, valid_net

from netspec.ir.distribution import Bilinear, Constant, Normal, Uniform
from netspec.ir.graph import Parameter
from netspec.ir.ops import ContrastNorm, Lrn, MapNorm
from netspec.ir.settings import Preprocessing
from netspec.ir.shape import Shape
from netspec.net import loads

IMAGE = "[image] input 4x8x8\n"


def parameter(text: str, key: str) -> Parameter:
    return valid_net(text).graph.parameters[key]


def distribution_of(init: str, layer: str = "conv filters=6 kernel=3", before: str = IMAGE) -> Any:
    return parameter(f"{before}[x] {layer} init={init}", "x.weight").distribution


@pytest.mark.parametrize(("value", "message"), [("silu(1)", "no values"), ("elu(1, 2)", "at most 1 value")])
def test_values_that_a_word_does_not_take_are_marked(value: str, message: str) -> None:
    found = only_diagnostic(f"{IMAGE}[x] fc outputs=2 neuron={value}\n")
    assert found.message == f"neuron: '{value[:-1].split('(')[0]}' takes {message}"
    assert found.span.text == value[-2]


@pytest.mark.parametrize(
    ("text", "message", "span"),
    [
        (f"{IMAGE}[x] upsample factor=33", "factor: is at most 32, not 33", "33"),
        (f"gpus 2\n{IMAGE}[x] fc outputs=4 gpu=0,0", "gpu: names a group twice", "0,0"),
        (f"{IMAGE}[x] fc outputs=2 init=bilinear",
         "init: 'bilinear' is not an initial value of this layer", "bilinear"),
        (f"default fc inputs=image\n{IMAGE}[x] fc outputs=2",
         "inputs cannot have a default: it differs from layer to layer", "inputs=image"),
        (f"default xyzzy bias=1\n{IMAGE}[x] fc outputs=2", "layer type 'xyzzy' is unknown", "xyzzy"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_their_place(text: str, message: str, span: str) -> None:
    found = only_diagnostic(text)
    assert (found.message, found.span.text) == (message, span)


# Initial values. A 3 x 3 filter over 4 maps reads 36 numbers; an input number reaches 6 filters at 3 x 3 positions, 54.


@pytest.mark.parametrize(
    ("init", "distribution"),
    [
        ("gaussian(0.01)", Normal(0.0, 0.01)),
        ("gaussian(std=0.01, mean=2)", Normal(2.0, 0.01)),
        ("gaussian(0.01, 2)", Normal(2.0, 0.01)),
        ("gaussian(0)", Normal(0.0, 0.0)),
        ("uniform(0.5)", Uniform(-0.5, 0.5)),
        ("constant(-1)", Constant(-1.0)),
        ("xavier", Uniform(-math.sqrt(6 / 90), math.sqrt(6 / 90))),
        ("he", Normal(0.0, math.sqrt(2 / 36))),
        ("he()", Normal(0.0, math.sqrt(2 / 36))),
        ("torch", Uniform(-1 / 6, 1 / 6)),
        ("bilinear", Bilinear((3, 3))),
    ],
)
def test_initialisers_give_their_distributions(init: str, distribution: object) -> None:
    assert distribution_of(init) == distribution


def test_he_is_the_default_initialiser() -> None:
    assert parameter(IMAGE + "[x] conv filters=6 kernel=3", "x.weight").distribution == Normal(0.0, math.sqrt(2 / 36))


def test_fans_count_what_a_filter_reads() -> None:
    # two groups: a filter reads 2 of 4 maps, 18 numbers
    assert distribution_of("he", "conv filters=6 kernel=3 groups=2") == Normal(0.0, math.sqrt(2 / 18))
    # the same, as GPU groups over a split value
    split = "gpus 2\n" + IMAGE + "[a] conv filters=4 kernel=1\n"
    assert distribution_of("he", "conv filters=6 kernel=3", split) == Normal(0.0, math.sqrt(2 / 18))
    assert distribution_of("he", "conv filters=6 kernel=3 reads=all", split) == Normal(0.0, math.sqrt(2 / 36))
    # fan out of a group: 3 filters of 3 x 3
    assert distribution_of("xavier", "conv filters=6 kernel=3", split) == Uniform(-math.sqrt(6 / 45), math.sqrt(6 / 45))


def test_fans_of_fc_and_local() -> None:
    # 4 * 8 * 8 = 256 inputs, 10 outputs
    assert distribution_of("he", "fc outputs=10") == Normal(0.0, math.sqrt(2 / 256))
    assert distribution_of("xavier", "fc outputs=10") == Uniform(-math.sqrt(6 / 266), math.sqrt(6 / 266))
    assert distribution_of("torch", "fc outputs=10") == Uniform(-1 / 16, 1 / 16)
    assert distribution_of("he", "local filters=6 kernel=3") == Normal(0.0, math.sqrt(2 / 36))


def test_fans_of_several_inputs_are_summed() -> None:
    # one unit sums 3 * 3 * 4 + 5 * 5 * 4 = 136 numbers
    # and an input number reaches 6 filters at 5 * 5 positions at most, 150
    text = IMAGE + "[j] relu\n[x] conv filters=6 kernel=3,5 pad=1,2 inputs=image,j init=xavier bias=torch"
    graph = valid_net(text).graph
    for key in ("x.weights.0", "x.weights.1"):
        assert graph.parameters[key].distribution == Uniform(-math.sqrt(6 / 286), math.sqrt(6 / 286))
    assert graph.parameters["x.bias"].distribution == Uniform(-1 / math.sqrt(136), 1 / math.sqrt(136))


@pytest.mark.parametrize("keys", ["", "bias_per=unit", "inputs=image,j"])
def test_bias_none_removes_all_biases(keys: str) -> None:
    parameters = valid_net(IMAGE + f"[j] relu\n[x] conv filters=6 kernel=3 bias=none {keys}").graph.parameters
    assert {p.role for p in parameters.values()} == {"weight"}


def test_each_input_can_have_its_own_init() -> None:
    graph = valid_net(IMAGE + "[j] relu\n[x] fc outputs=6 inputs=image,j init=gaussian(0.1),constant(3)").graph
    assert graph.parameters["x.weights.0"].distribution == Normal(0.0, 0.1)
    assert graph.parameters["x.weights.1"].distribution == Constant(3.0)


@pytest.mark.parametrize(
    ("bias", "distribution"),
    [
        ("1", Constant(1.0)),
        ("-0.5", Constant(-0.5)),
        ("gaussian(0.1)", Normal(0.0, 0.1)),
        ("constant(2)", Constant(2.0)),
        ("torch", Uniform(-1 / 6, 1 / 6)),
    ],
)
def test_bias_key_gives_the_initial_value(bias: str, distribution: object) -> None:
    text = IMAGE + f"[x] conv filters=6 kernel=3 bias={bias}"
    assert parameter(text, "x.bias").distribution == distribution


def test_biases_start_at_0_and_can_be_removed() -> None:
    assert parameter(IMAGE + "[x] fc outputs=2", "x.bias").distribution == Constant(0.0)
    assert list(valid_net(IMAGE + "[x] fc outputs=2 bias=none").graph.parameters) == ["x.weight"]


@pytest.mark.parametrize(
    "init",
    [
        "gaussian",
        "gaussian()",
        "gaussian(-1)",
        "gaussian(0.1,0,0)",
        "uniform(x)",
        "normal(1)",
        "0.1",
        "he,he",
        "gaussian(std=1, std=2)",
        "3x3",
        "constant",
    ],
)
def test_invalid_init_is_an_error(init: str) -> None:
    assert codes(IMAGE + f"[x] fc outputs=2 init={init}") == ["bad-value"]


# LRN has two conventions, and a spec must choose one.


@pytest.mark.parametrize("word", ["lrn", "rnorm", "contrast"])
@pytest.mark.parametrize(("keys", "spans"), [("", ["{}"]), (" alpha=1 scale=1", ["alpha=1", "scale=1"])])
def test_exactly_one_of_alpha_and_scale_is_required(word: str, keys: str, spans: list[str]) -> None:
    found = only_diagnostic(IMAGE + f"[x] {word} size=5{keys}")
    assert found.code == "lrn-convention"
    assert [s.text for s in found.spans] == [s.format(word) for s in spans]


def test_scale_is_divided_by_the_windows_size() -> None:
    assert ops_of(IMAGE + "[x] lrn size=5 k=2 alpha=1e-4 beta=0.75", "x") == [Lrn(5, 2.0, 1e-4, 0.75)]
    assert ops_of(IMAGE + "[x] lrn size=5 k=2 scale=1e-4 beta=0.75", "x") == [Lrn(5, 2.0, 2e-5, 0.75)]
    # within maps the window is a square: 3 * 3
    assert ops_of(IMAGE + "[x] rnorm size=3 scale=9", "x") == [MapNorm(3, 1.0, 1.0, 0.75)]
    assert ops_of(IMAGE + "[x] contrast size=3 scale=9", "x") == [ContrastNorm(3, 1.0, 1.0, 0.75)]


def test_alpha_of_0_counts_as_given() -> None:
    assert ops_of(IMAGE + "[x] lrn size=5 alpha=0", "x") == [Lrn(5, 1.0, 0.0, 0.75)]


def test_default_line_can_give_alpha_or_scale() -> None:
    assert ops_of("default lrn scale=5 k=2\n" + IMAGE + "[x] lrn size=5", "x") == [Lrn(5, 2.0, 1.0, 0.75)]
    assert codes("default lrn scale=5\n" + IMAGE + "[x] lrn size=5 alpha=1") == ["lrn-convention"]


# The input.


@pytest.mark.parametrize(
    "keys",
    [
        "",
        " range=1 mean=channel order=bgr",
        " range=255 mean=image order=rgb",
        " mean=0.5 std=0.25,1,2",
        " std=channel",
    ],
)
def test_preprocessing_of_the_input_is_read(keys: str) -> None:
    preprocessing = valid_net(f"[image] input 3x8x8{keys}").graph.preprocessing
    expected = {
        "": Preprocessing(1, "none", "rgb"),
        " range=1 mean=channel order=bgr": Preprocessing(1, "channel", "bgr"),
        " mean=0.5 std=0.25,1,2": Preprocessing(1, (0.5, 0.5, 0.5), "rgb", (0.25, 1.0, 2.0)),
        " std=channel": Preprocessing(1, "none", "rgb", "channel"),
    }
    assert preprocessing == expected.get(keys, Preprocessing(255, "image", "rgb"))


@pytest.mark.parametrize("keys", ["range=2", "mean=pixel", "order=gbr", "range=rgb", "mean=1,2", "std=1,2"])
def test_invalid_input_value_is_an_error(keys: str) -> None:
    assert codes(f"[image] input 3x8x8 {keys}") == ["bad-value"]


@pytest.mark.parametrize("shape", ["3x8", "3x8x8x8", "0x8x8", "3x0x8", "0", "-3", "rgb", "1.5"])
def test_invalid_shape_is_an_error(shape: str) -> None:
    assert codes(f"[image] input {shape}") == ["bad-value"]


def test_input_without_a_shape_is_an_error() -> None:
    found = only_diagnostic("[image] input range=1")
    assert (found.code, position_of(found)) == ("missing-value", (1, 9, "input"))


@pytest.mark.parametrize("shape", ["", " 3x8", " 5"])
def test_other_shape_replaces_whatever_the_input_has(shape: str) -> None:
    graph = loads(f"[image] input{shape}\n[x] conv filters=2 kernel=3", input_shape=Shape(3, 6, 6)).graph
    assert (graph.input.output, graph.output.output) == (Shape(3, 6, 6), Shape(2, 4, 4))
