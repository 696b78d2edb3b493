"""Models after a tool has optimised or rounded them: the same networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import Values, assert_same, model, node, numbers, refused, spec  # noqa: E402

SHAPE = (4, 5, 5)
WEIGHTS: Values = {"w": numbers(4, 4, 3, 3), "b": numbers(4)}


def fused(op: str, *inputs: str, tensors: Values = WEIGHTS, **attributes: Any) -> onnx.ModelProto:
    """A model with one operator of onnxruntime's own."""
    made = model([node(op, inputs, ["y"], domain="com.microsoft", **attributes)], ("N", *SHAPE), tensors)
    made.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    return made


CONVOLUTIONS: dict[str, tuple[list[float], str]] = {
    "Relu": ([], "neuron=relu"),
    "Tanh": ([], "neuron=tanh"),
    "Sigmoid": ([], "neuron=logistic"),
    "LeakyRelu": ([0.25], "neuron=leakyrelu(0.25)"),
    "Clip": ([0.0, 6.0], "neuron=relu6"),
    "HardSigmoid": ([1 / 6, 0.5], "neuron=hardsigmoid"),
}


@pytest.mark.parametrize("activation", CONVOLUTIONS)
def test_convolutions_with_an_activation_function(activation: str) -> None:
    params, neuron = CONVOLUTIONS[activation]
    given_params = {"activation_params": params} if params else {}
    given = fused("FusedConv", "x", "w", "b", activation=activation, pads=[1] * 4, **given_params)
    assert spec(given)[2:] == [f"[conv1] conv filters=4 kernel=3 pad=1 {neuron} -> 4x5x5"]
    assert_same(given, numbers(2, *SHAPE))


def test_convolution_to_which_a_value_is_added() -> None:
    given = fused("FusedConv", "x", "w", "b", "x", activation="Relu", pads=[1] * 4)
    assert spec(given)[2:] == [
        "[conv1] conv filters=4 kernel=3 pad=1 -> 4x5x5",
        "[sum1] sum neuron=relu inputs=conv1,x",
    ]
    assert_same(given, numbers(2, *SHAPE))


def test_activation_function_that_is_not_known() -> None:
    given = fused("FusedConv", "x", "w", activation="Softplus")
    assert refused(given).notes[0].startswith("com.microsoft.FusedConv")


@pytest.mark.parametrize(
    ("op", "inputs", "attributes", "lines"),
    [
        ("QuickGelu", ["x"], {"alpha": 1.0}, ["silu"]),
        ("QuickGelu", ["x"], {"alpha": 1.5}, ["linear a=1.5", "logistic", "product inputs=x,logistic1"]),
        ("Gelu", ["x"], {}, ["gelu"]),
    ],
)
def test_functions(op: str, inputs: list[str], attributes: dict[str, Any], lines: list[str]) -> None:
    given = fused(op, *inputs, **attributes)
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == lines
    assert_same(given, numbers(2, *SHAPE))


def test_gelu_with_biases() -> None:
    """The biases are of the last axis."""
    nodes = [node("ReduceMean", ["x"], ["p"], axes=[2, 3], keepdims=0)]
    nodes.append(node("BiasGelu", ["p", "b"], ["y"], domain="com.microsoft"))
    given = model(nodes, ("N", *SHAPE), WEIGHTS)
    given.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    assert [line.partition("] ")[2] for line in spec(given)[3:5]] == ["affine neuron=gelu", "flatten"]
    assert_same(given, numbers(2, *SHAPE))


def test_matrix_product_of_the_rows_of_all_pixels() -> None:
    """As onnxsim joins a product and a sum of N x H x W x C. The same weights may be there in two layouts."""
    tensors: Values = {
        "m": numbers(4, 4), "b": numbers(4), "flat": np.array([-1, 4]), "image": np.array([-1, 5, 5, 4]),
    }  # fmt: skip
    nodes = [
        node("Transpose", ["x"], ["last"], perm=[0, 2, 3, 1]),
        node("Reshape", ["last", "flat"], ["rows"]),
        node("Gemm", ["rows", "m", "b"], ["r"], transB=1),
        node("Gemm", ["r", "m"], ["s"]),
        node("Reshape", ["s", "image"], ["maps"]),
        node("Transpose", ["maps"], ["y"], perm=[0, 3, 1, 2]),
    ]
    given = model(nodes, ("N", *SHAPE), tensors)
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == [
        "conv filters=4 kernel=1 -> 4x5x5",
        "conv filters=4 kernel=1 bias=none -> 4x5x5",
    ]
    assert_same(given, numbers(2, *SHAPE))


def test_casts_to_the_type_of_another_value() -> None:
    tensors: Values = {"half": np.array(0.5), "one": np.array(1, np.float32)}
    nodes = [
        node("CastLike", ["half", "x"], ["h"]),
        node("Mul", ["x", "h"], ["p"]),
        node("CastLike", ["p", "one"], ["y"]),
    ]
    given = model(nodes, ("N", *SHAPE), tensors)
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == ["linear a=0.5"]
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_numbers_of_float16_are_those_meant(kind: type) -> None:
    """The root of 2 is 1.4140625 in float16; in float32 this is another number."""
    constants = {
        name: np.array(value, np.float16).astype(kind) for name, value in (("r", 2**0.5), ("one", 1), ("half", 0.5))
    }
    to = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(kind))
    nodes = [
        node("Cast", ["x"], ["h"], to=to),
        node("Div", ["h", "r"], ["d"]),
        node("Erf", ["d"], ["e"]),
        node("Add", ["e", "one"], ["a"]),
        node("Mul", ["h", "a"], ["m"]),
        node("Mul", ["m", "half"], ["g"]),
        node("Cast", ["g"], ["y"], to=onnx.TensorProto.FLOAT),
    ]
    given = model(nodes, ("N", *SHAPE), constants)
    if kind is np.float16:
        assert spec(given)[2:] == ["[gelu1] gelu"]
    else:
        assert "Erf" in refused(given).notes[0]
