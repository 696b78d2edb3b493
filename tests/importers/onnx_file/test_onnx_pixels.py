"""Channels that become pixels or back, and reductions of channels: imported models compute what onnxruntime does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import Values, assert_same, model, node, numbers, refused, spec

from netspec import backend
from netspec.net import loads

SHAPE = (8, 4, 6)


def lines(given: Any) -> list[str]:
    """The layers of the imported spec but for their names and the input."""
    return [" ".join(line.partition("] ")[2].split()) for line in spec(given) if line.startswith("[")][1:]


NODES: dict[str, tuple[Any, list[str]]] = {
    "pixels last": (node("DepthToSpace", ["x"], ["y"], blocksize=2, mode="CRD"), ["pixelshuffle factor=2 -> 2x8x12"]),
    "pixels first": (
        node("DepthToSpace", ["x"], ["y"], blocksize=2),
        ["shuffle groups=4", "pixelshuffle factor=2 -> 2x8x12"],
    ),
    "back": (
        node("SpaceToDepth", ["x"], ["y"], blocksize=2),
        ["pixelunshuffle factor=2 -> 32x2x3", "shuffle groups=8"],
    ),
    "mean": (node("ReduceMean", ["x"], ["y"], axes=[1]), ["channelmean"]),
    "maximum": (node("ReduceMax", ["x"], ["y"], axes=[-3]), ["channelmax"]),
    "sum": (node("ReduceSum", ["x", "one"], ["y"]), ["channelmean", "linear a=8"]),
    "rows": (node("ReduceMean", ["x"], ["y"], axes=[2]), ["avgpool kernel=4x1"]),
    "all": (node("ReduceMax", ["x"], ["y"], axes=[1, 2, 3]), ["maxpool kernel=global", "channelmax"]),
    "every second": (
        node("Slice", ["x", "first", "last", "sides", "steps"], ["y"]),
        ["crop size=3x5 top=1 -> 8x3x5", "maxpool kernel=1 stride=2 -> 8x2x3"],
    ),
    "halved": (
        node("Resize", ["x", "", "half"], ["y"], nearest_mode="floor", coordinate_transformation_mode="asymmetric"),
        ["maxpool kernel=1 stride=2 -> 8x2x3"],
    ),
    "means": (node("Resize", ["x", "", "half"], ["y"], mode="linear"), ["avgpool kernel=2 -> 8x2x3"]),
    "more channels": (
        node("Pad", ["x", "pads"], ["y"]),
        [
            "zeropad pad=0,1,0,0 -> 8x4x7",
            "linear a=0",
            "slice channels=2",
            "concat inputs=linear1,slice1,pad1 -> 18x4x7",
        ],
    ),
    "less and more": (
        node("Pad", ["x", "cut"], ["y"]),
        ["crop size=3x5 top=1 -> 8x3x5", "zeropad pad=2,0,0,0 -> 8x3x7"],
    ),
    "other limits": (
        node("Clip", ["x", "low", "high"], ["y"]),
        ["linear a=3 b=3", "relu6", "linear a=0.33333334 b=-1"],
    ),
    "least": (
        node("Min", ["x", "x"], ["y"]),
        ["linear a=-1", "linear a=-1 inputs=x", "max inputs=linear1,linear2", "linear a=-1"],
    ),
    "mean of one": (node("Mean", ["x"], ["y"]), ["linear a=1"]),
    "selu": (node("Selu", ["x"], ["y"]), ["elu alpha=1.6732632", "linear a=1.050701"]),
    "norm of maps": (
        node("LayerNormalization", ["x", "coefficients"], ["y"], axis=1),
        ["flatten", "layernorm", "reshape size=8x4x6"],
    ),
}
TENSORS: Values = {
    "one": np.array([1], np.int64),
    "first": np.array([1, 0], np.int64),
    "last": np.array([4, 99], np.int64),
    "sides": np.array([2, 3], np.int64),
    "steps": np.array([2, 2], np.int64),
    "half": np.array([1, 1, 0.5, 0.5], np.float32),
    "pads": np.array([0, 10, 0, 0, 0, 0, 0, 1], np.int64),
    "cut": np.array([0, 0, -1, 2, 0, 0, 0, -1], np.int64),
    "low": np.array(-1, np.float32),
    "high": np.array(1, np.float32),
    "coefficients": numbers(*SHAPE),
}


@pytest.mark.parametrize("name", NODES)
def test_operators(name: str) -> None:
    op, expected = NODES[name]
    given = model([op], ("N", *SHAPE), TENSORS)
    assert lines(given) == expected
    assert_same(given, numbers(2, *SHAPE))


def test_mish() -> None:
    """As one operator, which it is since operator set 18, and as three."""
    one = model([node("Mish", ["x"], ["y"])], ("N", *SHAPE), opset=18)
    parts = [node("Softplus", ["x"], ["a"]), node("Tanh", ["a"], ["b"]), node("Mul", ["b", "x"], ["y"])]
    for given in (one, model(parts, ("N", *SHAPE))):
        assert lines(given) == ["mish"]
        assert_same(given, numbers(2, *SHAPE))
    other = [node("Softplus", ["x"], ["a"]), node("Tanh", ["a"], ["b"]), node("Mul", ["b", "a"], ["y"])]
    assert "Softplus" in str(refused(model(other, ("N", *SHAPE))).notes)


def rows(weight: Any, **attributes: Any) -> Any:
    """A model that convolves the pixels of each map in a row."""
    tensors = {"w": weight, "b": numbers(len(weight)), "rows": np.array([-1, 8, 24], np.int64)}
    row = node("Reshape", ["x", "rows"], ["r"])
    conv = node("Conv", ["r", "w", "b"], ["c"], **attributes)
    return model([row, conv, node("Relu", ["c"], ["y"])], ("N", *SHAPE), tensors)


def test_convolution_of_rows() -> None:
    """N x channels x length, as of a model that reads sequences of features, or of channels as ECA-Net does."""
    given = rows(numbers(5, 8, 3), pads=[1, 1])
    assert "kernel=1x3 pad=1,1,0,0 neuron=relu -> 5x1x24" in lines(given)[1]
    assert_same(given, numbers(2, *SHAPE))
    assert_same(rows(numbers(4, 4, 3), group=2, pads=[1, 0], strides=[2], dilations=[2]), numbers(2, *SHAPE))
    assert "its weights are for other channels" in str(refused(rows(numbers(5, 8, 3), auto_pad="SAME_UPPER")).notes)


MEANS: dict[int, list[Any]] = {
    17: [node("ReduceMean", ["x"], ["a"], axes=[2]), node("ReduceMean", ["a"], ["y"], axes=[3])],
    18: [node("ReduceMean", ["x", "two"], ["a"]), node("ReduceMean", ["a", "three"], ["y"])],
}
"""The means of the rows, then of the columns, by operator set: the axes are an input since 18."""


@pytest.mark.parametrize("opset", MEANS)
def test_mean_of_means_is_one_pooling(opset: int) -> None:
    axes = {"two": np.array([2], np.int64), "three": np.array([3], np.int64)}
    given = model(MEANS[opset], ("N", *SHAPE), axes if opset == 18 else {}, opset=opset)
    assert lines(given) == ["avgpool kernel=global"]
    assert_same(given, numbers(2, *SHAPE))


def rearranged(between: tuple[int, ...], order: tuple[int, ...], after: tuple[int, ...]) -> Any:
    """A model of two reshapes and a transposition."""
    tensors = {"between": np.array((-1, *between), np.int64), "after": np.array((-1, *after), np.int64)}
    nodes = [
        node("Reshape", ["x", "between"], ["a"]),
        node("Transpose", ["a"], ["b"], perm=order),
        node("Reshape", ["b", "after"], ["y"]),
    ]
    return model(nodes, ("N", *SHAPE), tensors)


@pytest.mark.parametrize(
    ("between", "order", "after", "expected"),
    [
        ((2, 2, 2, 4, 6), (0, 1, 4, 2, 5, 3), (2, 8, 12), NODES["pixels last"][1]),
        ((2, 2, 2, 4, 6), (0, 3, 4, 1, 5, 2), (2, 8, 12), NODES["pixels first"][1]),
        ((8, 2, 2, 3, 2), (0, 1, 3, 5, 2, 4), (32, 2, 3), NODES["back"][1][:1]),
        ((8, 2, 2, 3, 2), (0, 3, 5, 1, 2, 4), (32, 2, 3), NODES["back"][1]),
    ],
)
def test_rearrangements(between: tuple[int, ...], order: tuple[int, ...], after: Any, expected: list[str]) -> None:
    given = rearranged(between, order, after)
    assert lines(given) == expected
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize(
    ("between", "order", "after"),
    [
        ((2, 2, 2, 4, 6), (0, 1, 4, 3, 5, 2), (2, 8, 12)),  # columns of squares first
        ((8, 2, 2, 3, 2), (0, 5, 3, 1, 2, 4), (32, 2, 3)),  # as YOLO's first layer
        ((8, 2, 2, 2, 3), (0, 1, 3, 5, 2, 4), (48, 2, 2)),  # squares that are none
    ],
)
def test_rearrangements_that_are_others(between: tuple[int, ...], order: tuple[int, ...], after: Any) -> None:
    assert "it divides the axes of N x C x H x W otherwise" in str(refused(rearranged(between, order, after)).notes)


def test_axes_of_one_pixel_inside_squares() -> None:
    """The older exporter of PyTorch divides rows and columns one by one, and takes axes of length 1 away."""
    shapes = {"a": (-1, 8, 4, 3, 2), "b": (-1, 8, 2, 2, 3, 2), "c": (-1, 32, 1, 1, 2, 3)}
    tensors = {name: np.array(sizes, np.int64) for name, sizes in shapes.items()} | {"d": np.array([2, 3], np.int64)}
    nodes = [
        node("Reshape", ["x", "a"], ["columns"]),
        node("Reshape", ["columns", "b"], ["rows"]),
        node("Transpose", ["rows"], ["moved"], perm=(0, 1, 3, 5, 2, 4)),
        node("Reshape", ["moved", "c"], ["channels"]),
        node("Squeeze", ["channels", "d"], ["y"]),
    ]
    given = model(nodes, ("N", *SHAPE), tensors)
    assert lines(given) == NODES["back"][1][:1]
    assert_same(given, numbers(2, *SHAPE))


def test_pixels_cut_off_and_reflected_ones_added() -> None:
    given = model([node("Pad", ["x", "cut"], ["y"], mode="reflect")], ("N", *SHAPE), TENSORS)
    assert "it cuts off pixels, and pads otherwise than with a constant" in str(refused(given).notes)


@pytest.mark.parametrize(("op", "expected"), [("ReduceMax", ["max"]), ("ReduceMean", ["sum", "linear a=0.5"])])
def test_reduction_of_stacked_values(op: str, expected: list[str]) -> None:
    """As exporters write torch.stack, along a new first axis too."""
    axis: Values = {"0": np.array([0], np.int64)}
    nodes = [
        node("Neg", ["x"], ["n"]),
        node("Unsqueeze", ["x", "0"], ["p"]),
        node("Unsqueeze", ["n", "0"], ["q"]),
        node("Concat", ["p", "q"], ["s"], axis=0),
        node(op, ["s"], ["y"], axes=[0], keepdims=0),
    ]
    given = model(nodes, ("N", *SHAPE), axis)
    assert [line.partition(" inputs")[0] for line in lines(given)[1:]] == expected
    assert_same(given, numbers(2, *SHAPE))


def test_mean_of_one_stacked_value() -> None:
    """The new axis is none of images, although there is one image."""
    nodes = [node("Relu", ["x"], ["r"]), node("Unsqueeze", ["r", "0"], ["u"])]
    nodes.append(node("ReduceMean", ["u"], ["y"], axes=[0], keepdims=0))
    given = model(nodes, (1, *SHAPE), {"0": np.array([0], np.int64)})
    assert lines(given) == ["relu"]
    assert_same(given, numbers(1, *SHAPE))


def test_reduction_of_values_that_are_joined_otherwise() -> None:
    nodes = [node("Concat", ["x", "x"], ["s"], axis=0), node("ReduceMax", ["s"], ["y"], axes=[0], keepdims=0)]
    assert "along axis 0" in str(refused(model(nodes, (2, *SHAPE))).notes)


def test_own_files_are_read() -> None:
    """What netspec writes for these layers, it reads as the same layers."""
    text = "net m\n[x] input 4x4x6\n[a] pixelunshuffle factor=2\n[b] channelmax\n[c] pixelshuffle factor=2 inputs=a\n"
    text += "[d] channelmean\n[e] upsample factor=2 inputs=b\n[y] product inputs=c,d,e"
    net, onnx_file = loads(text), backend.load("onnx_file")
    given = onnx_file.model(net.graph, onnx_file.initial_values(net.graph, 0), spec=text)
    types = [line.split()[0] for line in lines(given)]
    assert types == ["pixelunshuffle", "channelmax", "pixelshuffle", "channelmean", "upsample", "product", "product"]
    assert_same(given, numbers(2, 4, 4, 6))
