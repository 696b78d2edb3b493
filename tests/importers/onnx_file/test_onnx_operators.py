"""Each operator by itself: how it is written in a spec, and that it computes the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import Array, Values, assert_same, imported, model, node, numbers, refused, spec

SHAPE = (6, 8, 7)


def int64(*values: int) -> Array:
    return np.array(values, np.int64)


def float32(value: float) -> Array:
    return np.array(value, np.float32)


SINGLE: dict[str, tuple[str, dict[str, Any], Values]] = {
    "relu": ("Relu", {}, {}),
    "leakyrelu slope=0.2": ("LeakyRelu", {"alpha": 0.2}, {}),
    "prelu": ("PRelu", {}, {"slopes": numbers(6, 1, 1)}),
    "prelu shared=yes": ("PRelu", {}, {"slope": np.full((1,), -0.25, np.float32)}),
    "elu alpha=1.5": ("Elu", {"alpha": 1.5}, {}),
    "elu": ("Celu", {}, {}),
    "logistic": ("Sigmoid", {}, {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}, {}),
    "hardswish": ("HardSwish", {}, {}),
    "tanh": ("Tanh", {}, {}),
    "abs": ("Abs", {}, {}),
    "linear a=-1": ("Neg", {}, {}),
    "relu6": ("Clip", {}, {"low": float32(0), "high": float32(6)}),
    "square": ("Pow", {}, {"two": float32(2)}),
    "linear a=2": ("Mul", {}, {"two": float32(2)}),
    "linear a=0.25": ("Div", {}, {"four": float32(4)}),
    "linear b=3": ("Add", {}, {"three": float32(3)}),
    "linear b=-3": ("Sub", {}, {"three": float32(3)}),
    "affine bias=none": ("Mul", {}, {"scale": numbers(1, 6, 1, 1)}),
    "affine": ("Sub", {}, {"shift": numbers(6, 1, 1)}),
    "lrn size=5 k=2 scale=0.0005 beta=0.75": ("LRN", {"size": 5, "alpha": 5e-4, "beta": 0.75, "bias": 2.0}, {}),
    "softmax": ("Softmax", {"axis": 1}, {}),
    "groupnorm groups=6": ("InstanceNormalization", {}, {"scale": numbers(6), "shift": numbers(6, seed=1)}),
    "batchnorm eps=0.001": ("BatchNormalization", {"epsilon": 1e-3}, {n: np.abs(numbers(6)) for n in "abcd"}),
    "avgpool kernel=global": ("ReduceMean", {"axes": [2, 3]}, {}),
    "maxpool kernel=global": ("GlobalMaxPool", {}, {}),
    "zeropad pad=2,0,1,3 -> 6x12x9": ("Pad", {}, {"pads": int64(0, 0, 1, 2, 0, 0, 3, 0)}),
    "edgepad pad=2,0,1,9 -> 6x18x9": ("Pad", {"mode": "edge"}, {"pads": int64(0, 0, 1, 2, 0, 0, 9, 0)}),
    "reflectpad pad=2,0,1,3 -> 6x12x9": ("Pad", {"mode": "reflect"}, {"pads": int64(0, 0, 1, 2, 0, 0, 3, 0)}),
    "crop size=4x5 top=1 left=2 -> 6x4x5": ("Slice", {}, {"s": int64(1, 2), "e": int64(5, 99), "a": int64(2, 3)}),
    "mirror": ("Slice", {}, {"s": int64(-1), "e": int64(-(2**63)), "a": int64(3), "d": int64(-1)}),
    "dropout rate=0.25": ("Dropout", {}, {"ratio": float32(0.25)}),
    "maxpool kernel=3 stride=2 pad=1,1,0,1 -> 6x4x4": (
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {},
    ),
    "maxpool kernel=3 stride=2 pad=1,1,1,0 -> 6x4x4": (
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
        {},
    ),
    "maxpool kernel=3 stride=2 rounding=up -> 6x4x3": (
        "MaxPool",
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {},
    ),
    "maxpool kernel=2 -> 6x4x3": ("MaxPool", {"kernel_shape": [2, 2], "strides": [2, 2]}, {}),
    "sumpool kernel=3 stride=1 -> 6x6x5": ("Conv", {"group": 6}, {"ones": np.ones((6, 1, 3, 3), np.float32)}),
    "conv filters=6 kernel=3 dilation=2 groups=6 bias=none -> 6x4x3": (
        "Conv",
        {"group": 6, "dilations": [2, 2]},
        {"ones": np.ones((6, 1, 3, 3), np.float32)},
    ),
    "conv filters=6 kernel=3 bias=none -> 6x6x5": ("Conv", {}, {"ones": np.ones((6, 6, 3, 3), np.float32)}),
    "avgpool kernel=3x2 stride=1 pad=1 -> 6x8x8": ("AveragePool", {"kernel_shape": [3, 2], "pads": [1, 1, 1, 1]}, {}),
}
"""By the line of the spec: the operator, its attributes, and the constants that it reads after ``x``."""


@pytest.mark.parametrize("line", SINGLE)
def test_single_operators(line: str) -> None:
    op, attributes, tensors = SINGLE[line]
    outputs = ["y", "places"] if line == "maxpool kernel=2 -> 6x4x3" else ["y"]  # the second one is not read
    given = model([node(op, ["x", *tensors], outputs, **attributes)], ("N", *SHAPE), tensors)
    assert spec(given)[-1].partition("] ")[2] == line
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        (node("ConvTranspose", ["x", "w"], ["y"], output_shape=[9, 10]), "cuts off 1 pixel of its height"),
        (node("Softplus", ["x"], ["y"]), "differs by up to 0.018"),
        (node("Clip", ["x", "one", "one"], ["y"]), "its limits are 1 and 1"),
        (node("PRelu", ["x", "slopes"], ["y"]), "a spec has one for each channel"),
        (node("LRN", ["x"], ["y"], size=4), "its window is even"),
        (node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2], dilations=[2, 2]), "its window is dilated"),
        (node("MaxPool", ["x"], ["p", "y"], kernel_shape=[2, 2]), "its second output, the places of the maxima"),
        (node("MaxPool", ["x"], ["y"], kernel_shape=[1, 1], strides=[2, 2], auto_pad="SAME_UPPER"), "read differently"),
        (node("Expand", ["x", "twice"], ["y"]), "it repeats a value"),
        (node("Pad", ["x", "pads"], ["y"], mode="wrap"), "it pads by wrap"),
        (node("ArgMax", ["x"], ["y"], axis=1), "a spec returns the scores of all classes"),
        (node("Pad", ["x", "pads", "one"], ["y"]), "it pads with 1"),
        (node("Softmax", ["x"], ["y"], axis=2), "a spec's is over the channels"),
        (node("ReduceMean", ["x"], ["y"], axes=[0]), "it reduces all images of a batch"),
        (node("Sub", ["column", "x"], ["y"]), "a spec has one for each channel"),
        (node("Add", ["x", "column"], ["y"]), "a spec has one for each channel"),
        (node("MatMul", ["x", "x"], ["y"]), "as attention does"),
        (node("Slice", ["x", "4", "1", "2", "-1"], ["y"]), "it takes pixels in reverse order"),
        (node("Slice", ["x", "1", "2", "0"], ["y"]), "it takes some of the images"),
        (node("Concat", ["x", "x"], ["y"], axis=2), "a spec joins channels"),
        (node("BatchNormalization", ["x", *["six"] * 4], ["y", "m", "v"], training_mode=1), "in evaluation mode"),
        (node("Transpose", ["x"], ["y"], perm=[1, 0, 2, 3]), "a spec returns images or vectors"),
        (node("Resize", ["x", "", "scales"], ["y"], nearest_mode="ceil"), "other positions"),
        (node("Exp", ["x"], ["y"]), "a spec has no layer that computes this"),
    ],
    ids=lambda value: value.op_type if hasattr(value, "op_type") else "",
)
def test_what_a_spec_cannot_express(op: Any, reason: str) -> None:
    tensors = {
        "w": numbers(6, 2, 3, 3), "one": float32(1), "slopes": numbers(6, 8, 9), "column": numbers(8, 1),
        "pads": int64(0, 0, 1, 1, 0, 0, 1, 1), "twice": int64(2, 1, 1, 1), "six": np.abs(numbers(6)),
        "scales": np.array([1, 1, 2, 2], np.float32),
        **{str(number): int64(number) for number in (-1, 0, 1, 2, 4)},
    }  # fmt: skip
    shape = (1, 6, 8, 8) if op.op_type == "MatMul" else (2 if op.op_type == "Slice" else 1, *SHAPE)
    diagnostic = refused(model([op], shape, tensors))
    assert diagnostic.code == "onnx-not-expressible"
    assert diagnostic.notes[0].startswith(op.op_type) and reason in diagnostic.notes[0]


def test_one_report_lists_all_that_cannot_be_expressed() -> None:
    nodes = [node("Exp", [f"a{i}"], [f"a{i + 1}"], name=f"exp{i}") for i in range(4)]
    nodes += [node("LSTM", ["a4", "w", "r"], ["b"], hidden_size=4), node("Relu", ["b"], ["y"])]
    nodes.insert(0, node("Identity", ["x"], ["a0"]))
    diagnostic = refused(model(nodes, (1, 2, 3), {"w": numbers(1, 16, 3), "r": numbers(1, 16, 4)}))
    assert diagnostic.message == "a spec cannot express 5 of the model's 6 operators"
    assert diagnostic.notes == (
        "Exp, 4 times (exp0, exp1, exp2 and 1 more): a spec has no layer that computes this",
        "LSTM (the one that computes b): a spec has no recurrent layers",
    )


def conv_model(*nodes: Any, tensors: Values | None = None, **attributes: Any) -> Any:
    first = node("Conv", ["x", "c.weight"], ["c"], **attributes)
    return model([first, *nodes], ("N", *SHAPE), {"c.weight": numbers(4, 6, 3, 3), **(tensors or {})})


def test_bias_as_an_addition_belongs_to_the_convolution() -> None:
    given = conv_model(node("Add", ["c", "b"], ["y"]), tensors={"b": numbers(4, 1, 1)})
    assert spec(given)[-1] == "[c] conv filters=4 kernel=3 -> 4x6x5"
    assert_same(given, numbers(2, *SHAPE))
    given = conv_model(node("Add", ["b", "c"], ["d"]), node("Add", ["d", "b"], ["y"]), tensors={"b": numbers(4, 1, 1)})
    assert [line.split()[1] for line in spec(given)[2:]] == ["conv", "affine"]
    assert_same(given, numbers(2, *SHAPE))


def test_bias_of_each_unit() -> None:
    given = conv_model(node("Add", ["b", "c"], ["y"]), tensors={"b": numbers(1, 4, 6, 5)})
    assert spec(given)[-1] == "[c] conv filters=4 kernel=3 bias_per=unit -> 4x6x5"
    assert_same(given, numbers(2, *SHAPE))


def test_numbers_that_are_added_to_each_unit_are_the_biases_of_a_convolution_of_single_pixels() -> None:
    nodes = node("Relu", ["x"], ["r"]), node("Add", ["r", "b"], ["y"])
    given = model(nodes, ("N", *SHAPE), {"b": numbers(1, *SHAPE)})
    assert spec(given)[-1] == "[conv1] conv filters=6 kernel=1 groups=6 init=constant(1) bias_per=unit"
    assert_same(given, numbers(2, *SHAPE))


def test_units_are_subtracted_from_numbers() -> None:
    given = model([node("Sub", ["b", "x"], ["y"])], ("N", *SHAPE), {"b": numbers(*SHAPE)})
    assert spec(given)[-1] == "[conv1] conv filters=6 kernel=1 groups=6 init=constant(-1) bias_per=unit"
    assert_same(given, numbers(2, *SHAPE))


def test_as_many_numbers_for_the_images_of_a_batch_are_no_biases() -> None:
    """Four images of four channels: one map for each image has as many numbers as one for each channel."""
    nodes = node("Conv", ["x", "c.weight"], ["c"]), node("Add", ["b", "c"], ["y"])
    tensors = {"c.weight": numbers(4, 6, 3, 3), "b": numbers(4, 1, 6, 5)}
    assert "its constant is 4x1x6x5" in refused(model(nodes, (4, *SHAPE), tensors)).notes[0]


def test_bias_of_a_convolution_that_another_layer_reads_is_a_layer() -> None:
    given = conv_model(node("Add", ["c", "b"], ["d"]), node("Mul", ["c", "d"], ["y"]), tensors={"b": numbers(4, 1, 1)})
    assert [line.split()[1] for line in spec(given)[1:]] == ["input", "conv", "affine", "product"]
    assert_same(given, numbers(2, *SHAPE))


def test_scale_and_shift_are_one_layer() -> None:
    nodes = [node("Mul", ["x", "a"], ["z"]), node("Add", ["z", "b"], ["y"])]
    given = model(nodes, ("N", *SHAPE), {"a": numbers(6, 1, 1), "b": numbers(6, 1, 1, seed=1)})
    assert spec(given)[-1] == "[affine1] affine"
    assert_same(given, numbers(2, *SHAPE))


def test_pad_before_windows() -> None:
    pads = {"pads": int64(0, 0, 1, 0, 0, 0, 0, 1)}
    padded = node("Pad", ["x", "pads"], ["p"])
    given = model(
        [padded, node("Conv", ["p", "w"], ["y"], pads=[1, 1, 1, 1])], ("N", *SHAPE), {"w": numbers(4, 6, 3, 3), **pads}
    )
    assert spec(given)[-1] == "[conv1] conv filters=4 kernel=3 pad=1,2,2,1 bias=none -> 4x9x8"
    assert_same(given, numbers(2, *SHAPE))
    given = model([padded, node("MaxPool", ["p"], ["y"], kernel_shape=[3, 3])], ("N", *SHAPE), pads)
    assert [line.split()[1] for line in spec(given)[1:]] == ["input", "zeropad", "maxpool"]
    assert_same(given, -np.abs(numbers(2, *SHAPE)))
    lowest = node("Pad", ["x", "pads", "lowest"], ["p"])
    tensors = {**pads, "lowest": float32(-np.inf)}
    given = model([lowest, node("MaxPool", ["p"], ["y"], kernel_shape=[3, 3])], ("N", *SHAPE), tensors)
    assert spec(given)[-1] == "[pool1] maxpool kernel=3 stride=1 pad=0,1,1,0 -> 6x7x6"
    assert_same(given, -np.abs(numbers(2, *SHAPE)))


def test_padding_that_an_average_counts_is_a_layer() -> None:
    average = node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1] * 4, count_include_pad=1, strides=[2, 2])
    given = model([average], ("N", 6, 7, 7))
    assert spec(given)[2:] == ["[pad1] zeropad pad=1 -> 6x9x9", "[pool1] avgpool kernel=3 stride=2 -> 6x4x4"]
    assert_same(given, numbers(2, 6, 7, 7))


@pytest.mark.parametrize("trans", [0, 1])
def test_gemm(trans: int) -> None:
    nodes = [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "fc6.weight", "b"], ["y"], transB=trans, alpha=0.5)]
    weight = numbers(5, 336) if trans else numbers(336, 5)
    given = model(nodes, ("N", *SHAPE), {"fc6.weight": weight, "b": numbers(5)})
    assert spec(given)[1:] == ["[x] input 6x8x7", "[fc6] fc outputs=5"]
    assert_same(given, numbers(2, *SHAPE))


def test_features_in_another_order_are_reordered_in_the_weights() -> None:
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
        node("Reshape", ["t", "size"], ["f"]),
        node("MatMul", ["f", "w"], ["m"]),
        node("Add", ["m", "b"], ["y"]),
    ]
    tensors = {"size": int64(0, -1), "w": numbers(336, 5), "b": numbers(5)}
    given = model(nodes, ("N", *SHAPE), tensors)
    assert spec(given)[1:] == ["[x] input 6x8x7", "[fc1] fc outputs=5"]
    assert_same(given, numbers(2, *SHAPE))


def test_sizes_computed_from_shapes_are_constants() -> None:
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Gather", ["s", "zero"], ["n"]),
        node("Concat", ["n", "rest"], ["size"], axis=0),
        node("Reshape", ["x", "size"], ["f"]),
        node("Gemm", ["f", "w"], ["y"]),
    ]
    given = model(nodes, ("N", *SHAPE), {"zero": int64(0), "rest": int64(-1), "w": numbers(336, 5)})
    assert spec(given)[1:] == ["[x] input 6x8x7", "[fc1] fc outputs=5 bias=none"]
    assert_same(given, numbers(3, *SHAPE))


def test_a_branch_that_is_always_taken() -> None:
    import onnx

    branches = {
        f"{word}_branch": onnx.helper.make_graph(
            [node(op, ["x"], [word])], word, [], [onnx.helper.make_tensor_value_info(word, 1, None)]
        )
        for word, op in (("then", "Abs"), ("else", "Tanh"))
    }
    nodes = [
        node("Shape", ["x"], ["s"]),
        node("Size", ["s"], ["rank"]),
        node("Equal", ["rank", "four"], ["is_image"]),
        node("If", ["is_image"], ["y"], **branches),
    ]
    given = model(nodes, ("N", *SHAPE), {"four": np.array(4, np.int64)})
    assert spec(given)[-1] == "[abs1] abs"
    assert_same(given, numbers(2, *SHAPE))


def test_values_are_joined() -> None:
    nodes = [
        node("Relu", ["x"], ["a"]),
        node("Tanh", ["x"], ["b"]),
        node("Add", ["a", "b"], ["c"]),
        node("Max", ["a", "b", "c"], ["d"]),
        node("Concat", ["c", "d"], ["y"], axis=-3),
    ]
    given = model(nodes, ("N", *SHAPE))
    assert [line.partition("] ")[2] for line in spec(given)[2:]] == [
        "relu", "tanh inputs=x", "sum inputs=relu1,tanh1", "max inputs=relu1,tanh1,sum1",
        "concat inputs=sum1,max1 -> 12x8x7",
    ]  # fmt: skip
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize("reshape", [int64(0, 0, 1, 1), int64(0, 6, 1, 1)])
def test_vectors_multiply_maps(reshape: Array) -> None:
    nodes = [
        node("ReduceMean", ["x"], ["m"], axes=[2, 3], keepdims=0),
        node("Gemm", ["m", "w"], ["g"]),
        node("Sigmoid", ["g"], ["s"]),
        node("Reshape", ["s", "size"], ["t"]) if reshape[1] else node("Unsqueeze", ["s", "axes"], ["t"]),
        node("Mul", ["t", "x"], ["y"]),
    ]
    tensors = {"w": numbers(6, 6), "size": reshape, "axes": int64(2, 3)}
    given = model(nodes, ("N", *SHAPE), tensors)
    assert spec(given)[-1] == "[product1] product inputs=fc1,x"
    assert_same(given, numbers(2, *SHAPE))


def test_shared_weights() -> None:
    nodes = [
        node("Conv", ["x", "c.weight"], ["a"], pads=[1] * 4),
        node("Conv", ["a", "c.weight"], ["y"], pads=[1] * 4),
    ]
    given = model(nodes, ("N", *SHAPE), {"c.weight": numbers(6, 6, 3, 3)})
    lines = spec(given)
    assert lines[-1] == "[c_conv] conv filters=6 kernel=3 pad=1 bias=none weights=c -> 6x8x7"
    assert assert_same(given, numbers(2, *SHAPE)).net.total.parameters == 6 * 6 * 9


def test_weights_that_are_read_in_two_layouts_are_not_shared() -> None:
    nodes = [
        node("Gemm", ["x", "w"], ["a"]),
        node("Gemm", ["a", "w"], ["b"], transB=1),
        node("MatMul", ["b", "w"], ["y"]),
    ]
    given = model(nodes, ("N", 4), {"w": numbers(4, 4)})
    assert all("weights=" not in line for line in spec(given)[:-1])
    assert_same(given, numbers(2, 4))


def test_several_outputs() -> None:
    nodes = [node("Relu", ["x"], ["a"]), node("Tanh", ["a"], ["b"]), node("Flatten", ["b"], ["f"])]
    nodes += [node("Gemm", ["f", "w"], ["y"]), node("Abs", ["b"], ["z"])]
    given = model(nodes, ("N", *SHAPE), {"w": numbers(336, 3)}, outputs=("y", "z"))
    result = assert_same(given, numbers(2, *SHAPE))
    assert tuple(result.net.layers) == ("x", "relu1", "tanh1", "abs1", "fc1")
    warning, axes = result.net.warnings
    assert axes.code == "onnx-axes"
    assert (warning.code, warning.message) == ("onnx-outputs", "the model has 2 outputs; a spec has one, here fc1")
    assert warning.notes == ("the others are layers that no layer need read: z is the layer abs1",)


def test_output_that_other_layers_read() -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("Tanh", ["y"], ["z"])]
    result = assert_same(model(nodes, ("N", *SHAPE), outputs=("y", "z")), numbers(2, *SHAPE))
    assert tuple(result.net.layers) == ("x", "relu1", "tanh1", "linear1")


def test_half_precision_is_read() -> None:
    weight = numbers(4, 6, 3, 3).astype(np.float16)
    nodes = [node("Cast", ["w"], ["v"], to=1), node("Conv", ["x", "v"], ["y"])]
    assert_same(model(nodes, ("N", *SHAPE), {"w": weight}), numbers(2, *SHAPE))


def test_weights_have_netspecs_layout() -> None:
    given = model([node("Gemm", ["x", "w"], ["y"])], ("N", 3), {"w": numbers(3, 2)})
    result = imported(given)
    np.testing.assert_array_equal(result.arrays["fc1.weight"](), numbers(3, 2).T)


@pytest.mark.parametrize(
    ("op", "inputs", "constant", "line"),
    [
        ("Sub", "cx", float32(3), "linear a=-1 b=3"),
        ("Sub", "cx", numbers(6, 1, 1), "affine"),
        ("Sub", "cx", numbers(1, 6, 1, 1), "affine"),
        ("Div", "xc", numbers(6, 1, 1), "affine bias=none"),
    ],
)
def test_constants_and_a_value(op: str, inputs: str, constant: Array, line: str) -> None:
    given = model([node(op, [*inputs], ["y"])], ("N", *SHAPE), {"c": constant})
    assert spec(given)[-1].partition("] ")[2] == line
    assert_same(given, numbers(2, *SHAPE))


def test_difference_of_two_values() -> None:
    given = model([node("Relu", ["x"], ["a"]), node("Sub", ["x", "a"], ["y"])], ("N", *SHAPE))
    lines = [line.partition("] ")[2] for line in spec(given)[2:]]
    assert lines == ["relu", "linear a=-1", "sum inputs=x,linear1"]
    assert_same(given, numbers(2, *SHAPE))


def test_sum_of_two_values_of_one_pixel() -> None:
    pools = [node(f"Global{word}Pool", ["x"], [word]) for word in ("Max", "Average")]
    given = model([*pools, node("Add", ["Max", "Average"], ["y"])], ("N", *SHAPE))
    assert [line.split()[1] for line in spec(given)[2:]] == ["maxpool", "avgpool", "sum"]
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize(("opset", "axes"), [(12, "CHW"), (13, "W")])
def test_softmax_was_over_all_further_axes_before_operator_set_13(opset: int, axes: str) -> None:
    nodes = [node("MaxPool", ["x"], ["p"], kernel_shape=[2, 2]), node("Softmax", ["p"], ["y"])]
    assert f"it is over the axes {axes} of" in refused(model(nodes, ("N", *SHAPE), opset=opset)).notes[0]
