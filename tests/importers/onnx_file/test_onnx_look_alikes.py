"""Models that look like others that a spec can express, and compute something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import Array, assert_same, model, node, numbers, refused, spec  # noqa: E402
from onnx_groups import groups, rows  # noqa: E402


def float32(value: Any) -> Array:
    return np.array(value, np.float32)


def test_a_number_with_more_axes_adds_axes() -> None:
    nodes = [node("Add", ["x", "one"], ["a"]), node("Softmax", ["a"], ["y"], axis=1)]
    diagnostic = refused(model(nodes, ("N", 5), {"one": float32([[[1]]])}))  # the softmax is over the images
    assert diagnostic.notes == ("Add (the one that computes a): its output has the axes 1 x 7 x 5, N x C in a spec",)


@pytest.mark.parametrize(
    ("element", "op", "number"), [(2, "Div", np.uint8(255)), (2, "Add", np.uint8(100)), (6, "Mul", np.int32(10**6))]
)
def test_whole_numbers_are_rounded_and_overflow(element: int, op: str, number: Any) -> None:
    nodes = [node(op, ["x", "c"], ["a"]), node("Cast", ["a"], ["y"], to=1)]
    given = model(nodes, ("N", 3, 2, 2), {"c": number})
    given.graph.input[0].type.tensor_type.elem_type = element
    assert "it computes with whole numbers" in refused(given).notes[0]
    first = [node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2]), node("Cast", ["p"], ["a"], to=1)]
    given = model([*first, node("Div", ["a", "c"], ["y"])], ("N", 3, 2, 2), {"c": float32(255)})
    given.graph.input[0].type.tensor_type.elem_type = 2
    images = np.arange(24).reshape(2, 3, 2, 2)
    assert_same(given, images.astype(np.float32), to_model=lambda values: values.astype(np.uint8))


@pytest.mark.parametrize(
    ("made", "right", "wrong"), [(groups, (4, 1, 1), (4,)), (groups, (1, 4, 1, 1), (4, 1)), (rows, (4,), (4, 1))]
)
def test_coefficients_of_a_normalisation_are_those_of_channels(made: Any, right: Any, wrong: Any) -> None:
    assert_same(made(numbers(*right)), numbers(2, 4, 4, 4))
    assert "a spec has one for each channel" in refused(made(numbers(*wrong))).notes[0]


@pytest.mark.parametrize(
    ("attributes", "shared"), [({}, True), ({"transB": 1}, False), ({"alpha": 2.0}, False), ({"beta": 2.0}, True)]
)
def test_weights_are_shared_if_they_are_used_in_the_same_way(attributes: dict[str, Any], shared: bool) -> None:
    nodes = [node("Gemm", ["x", "w", "b"], ["a"]), node("Gemm", ["a", "w", "b"], ["y"], **attributes)]
    given = model(nodes, ("N", 4), {"w": numbers(4, 4), "b": numbers(4)})
    assert ("weights=fc1" in spec(given)[-1]) == shared
    assert_same(given, numbers(2, 4))


def test_weights_of_the_same_image_in_two_orders_are_two() -> None:
    nodes = [
        node("Flatten", ["x"], ["f"]),
        node("MatMul", ["f", "w"], ["a"]),
        node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
        node("Flatten", ["t"], ["g"]),
        node("MatMul", ["g", "w"], ["b"]),
        node("Add", ["a", "b"], ["y"]),
    ]
    assert_same(model(nodes, ("N", 2, 3, 4), {"w": numbers(24, 5)}), numbers(2, 2, 3, 4))


def test_old_batch_normalisation_of_single_pixels() -> None:
    tensors = {name: np.abs(numbers(6, 1, 1, seed=ord(name))) for name in "abcd"}
    given = model([node("BatchNormalization", ["x", *"abcd"], ["y"], spatial=0)], ("N", 6, 1, 1), tensors, opset=7)
    assert_same(given, numbers(2, 6, 1, 1))


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_numbers_that_are_not_finite(number: float) -> None:
    diagnostic = refused(model([node("Mul", ["x", "c"], ["y"])], ("N", 5), {"c": float32(number)}))
    assert diagnostic.notes[0].endswith(f"it computes with {number}; the numbers of a spec are finite")


def test_values_that_two_operators_compute() -> None:
    nodes = [node("Relu", ["x"], ["a"]), node("Tanh", ["a"], ["a"]), node("Mul", ["a", "a"], ["y"])]
    diagnostic = refused(model(nodes, ("N", 5)))
    assert (diagnostic.code, diagnostic.message) == ("not-onnx", "Tanh, node 2 computes a, which is there already")


def branch(op: str, value: str, result: str) -> Any:
    nodes = [node(op, [value], ["inner"]), node("Mul", ["inner", value], [result])]
    return onnx.helper.make_graph(nodes, op, [], [onnx.helper.make_tensor_value_info(result, 1, None)])


def test_branches_may_have_values_of_the_same_name() -> None:
    nodes = [
        node("If", ["yes"], ["a"], then_branch=branch("Relu", "x", "p"), else_branch=branch("Abs", "x", "q")),
        node("If", ["yes"], ["y"], then_branch=branch("Sigmoid", "a", "p"), else_branch=branch("Abs", "a", "q")),
    ]
    given = model(nodes, ("N", 5), {"yes": np.array(True)})
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == ["relu", "product neuron=silu inputs=relu1,x"]
    assert_same(given, numbers(2, 5))
    nodes[1].attribute[1].g.node[1].output[0] = "other"
    assert refused(model(nodes, ("N", 5), {"yes": np.array(True)})).code == "not-onnx"
    del nodes[1].attribute[:]
    assert refused(model(nodes, ("N", 5), {"yes": np.array(True)})).code == "not-onnx"


def with_size(op: str, axis: int, batch: str | int) -> Any:
    """A model that computes with the length of an axis."""
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "axis"], ["n"]),
        node("Cast", ["n"], ["f"], to=1),
        node(op, ["x", "f"], ["y"]),
    ]
    return model(nodes, (batch, 3, 4, 5), {"axis": np.array(axis)})


def test_the_number_of_images_is_no_constant() -> None:
    assert "it computes with the number of images" in refused(with_size("Div", 0, "N")).notes[0]
    assert "it computes with the number of images" in refused(with_size("Max", 0, "N")).notes[0]  # no Clip either
    assert "it computes with the number of images" in refused(with_size("Div", -4, "N")).notes[0]
    assert_same(with_size("Div", 2, "N"), numbers(2, 3, 4, 5))
    assert_same(with_size("Div", 0, 2), numbers(2, 3, 4, 5))
