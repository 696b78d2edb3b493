"""Channels that models take or rearrange: Split, Slice, Gather, and the reshapes of a channel shuffle."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnxruntime", reason="the extras onnx and peers are not installed")

from onnx_graphs import Array, Values, assert_same, model, node, numbers, refused, spec

from netspec import backend
from netspec.net import loads

SHAPE = (6, 4, 5)


def int64(*values: int) -> Array:
    return np.array(values, np.int64)


def lines(given: Any) -> list[str]:
    """The layers of the imported spec but for their names and the input."""
    return [line.partition("] ")[2] for line in spec(given) if line.startswith("[")][1:]


def joined(parts: int, *first: Any, tensors: Values, opset: int = 17) -> Any:
    """A model whose first nodes make values p0, p1, ..., which are concatenated in reverse order."""
    names = [f"p{place}" for place in reversed(range(parts))]
    return model([*first, node("Concat", names, ["y"], axis=1)], ("N", *SHAPE), tensors, opset=opset)


@pytest.mark.parametrize(
    ("split", "tensors", "opset", "slices"),
    [
        (node("Split", ["x"], ["p0", "p1"], axis=1), {}, 17, ["channels=3", "channels=3 first=3"]),
        (node("Split", ["x", "s"], ["p0", "p1"], axis=1), {"s": int64(4, 2)}, 17, ["channels=4", "channels=2 first=4"]),
        (node("Split", ["x"], ["p0", "p1"], axis=-3, split=[1, 5]), {}, 11, ["channels=1", "channels=5 first=1"]),
        (node("Split", ["x"], ["p0", "p1"], axis=1, num_outputs=2), {}, 18, ["channels=3", "channels=3 first=3"]),
    ],
)
def test_split(split: Any, tensors: Values, opset: int, slices: list[str]) -> None:
    given = joined(2, split, tensors=tensors, opset=opset)
    shapes = [f"{keys} -> {keys.split('=')[1][0]}x4x5" for keys in slices]
    expected = [f"slice {keys}" for keys in shapes]
    assert [line.replace(" inputs=x", "") for line in lines(given)[:2]] == expected
    assert_same(given, numbers(2, *SHAPE))


def test_outputs_of_a_split_that_nothing_reads_are_no_layers() -> None:
    nodes = [node("Split", ["x"], ["a", "b", "c"], axis=1), node("Neg", ["b"], ["y"])]
    given = model(nodes, ("N", *SHAPE))
    assert lines(given) == ["slice channels=2 first=2 -> 2x4x5", "linear a=-1"]
    assert_same(given, numbers(2, *SHAPE))


def test_slices_of_channels() -> None:
    nodes = [
        node("Slice", ["x", "one", "four", "one"], ["p0"]),
        node("Slice", ["x", "minus", "end", "one"], ["p1"]),
    ]
    tensors = {"one": int64(1), "four": int64(4), "minus": int64(-2), "end": int64(2**31)}
    given = joined(2, *nodes, tensors=tensors)
    assert lines(given)[0] == "slice channels=3 first=1 -> 3x4x5"
    assert lines(given)[1] == "slice channels=2 first=4 inputs=x -> 2x4x5"
    assert_same(given, numbers(2, *SHAPE))


def test_slice_of_channels_and_pixels() -> None:
    tensors = {"starts": int64(1, 1, 0), "ends": int64(4, 3, 4), "axes": int64(1, 2, 3)}
    given = model([node("Slice", ["x", "starts", "ends", "axes"], ["y"])], ("N", *SHAPE), tensors)
    assert lines(given) == ["slice channels=3 first=1 -> 3x4x5", "crop size=2x4 top=1 -> 3x2x4"]
    assert_same(given, numbers(2, *SHAPE))


def test_features_of_vectors_and_of_flattened_images() -> None:
    tensors = {"two": int64(2), "five": int64(5), "one": int64(1)}
    nodes = [node("Flatten", ["x"], ["f"]), node("Slice", ["f", "two", "five", "one"], ["y"])]
    given = model(nodes, ("N", *SHAPE), tensors)
    assert lines(given) == ["flatten", "slice channels=3 first=2 -> 3"]
    assert_same(given, numbers(2, *SHAPE))
    vector = model(nodes[1:], ("N", 7), {**tensors, "f": numbers(1)} | {}, outputs=("y",))
    vector.graph.node[0].input[0] = "x"
    assert lines(vector) == ["slice channels=3 first=2 -> 3"]
    assert_same(vector, numbers(2, 7))


@pytest.mark.parametrize(
    ("indices", "line"),
    [
        (int64(2, 3, 4), "slice channels=3 first=2 -> 3x4x5"),
        (int64(-1), "slice channels=1 first=5 -> 1x4x5"),
        (int64(0, 3, 1, 4, 2, 5), "shuffle groups=2"),
        (int64(0, 2, 4, 1, 3, 5), "shuffle groups=3"),
    ],
)
def test_gathered_channels(indices: Array, line: str) -> None:
    given = model([node("Gather", ["x", "i"], ["y"], axis=1)], ("N", *SHAPE), {"i": indices})
    assert lines(given) == [line]
    assert_same(given, numbers(2, *SHAPE))


def test_channels_in_another_order() -> None:
    given = model([node("Gather", ["x", "i"], ["y"], axis=1)], ("N", *SHAPE), {"i": int64(2, 3, 1, -1)})
    sliced = ["channels=2 first=2 -> 2x4x5", "first=1 inputs=x -> 1x4x5", "first=5 inputs=x -> 1x4x5"]
    expected = [f"slice {keys}" if "=2 " in keys else f"slice channels=1 {keys}" for keys in sliced]
    assert lines(given) == [*expected, "concat inputs=slice1,slice2,slice3 -> 4x4x5"]
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize(
    ("indices", "reason"),
    [
        (int64(), "it takes no channels"),
        (int64(0, 1).reshape(1, 2), "by a table of numbers"),
        (int64(*[0, 2] * 33), "in an order for which a spec needs 66 slices"),
    ],
)
def test_channels_that_cannot_be_taken(indices: Array, reason: str) -> None:
    given = model([node("Gather", ["x", "i"], ["y"], axis=1)], ("N", *SHAPE), {"i": indices})
    assert refused(given).notes[0].startswith("Gather") and reason in refused(given).notes[0]


def test_constant_channels() -> None:
    """Zeros are channels times 0, other numbers biases; a constant for a fixed number of images is one for each."""
    tensors = {"zeros": np.zeros((3, 7, 4, 5), np.float32), "ramp": np.tile(numbers(1, 2, 4, 5), (3, 1, 1, 1))}
    given = model([node("Concat", ["zeros", "x", "ramp"], ["y"], axis=1)], (3, *SHAPE), tensors)
    expected = ["slice channels=1", "concat inputs=linear1,slice1 -> 7x4x5", "slice channels=1 inputs=x -> 1x4x5"]
    expected += [
        "conv filters=2 kernel=1 bias_per=unit init=constant(0) -> 2x4x5",
        "concat inputs=concat1,x,conv1 -> 15x4x5",
    ]
    assert lines(given) == ["linear a=0", *expected]
    assert_same(given, numbers(3, *SHAPE))


def test_constant_features() -> None:
    tensors = {"ones": np.ones((1, 2), np.float32)}
    given = model([node("Flatten", ["x"], ["f"]), node("Concat", ["f", "ones"], ["y"], axis=1)], (1, 3, 2, 2), tensors)
    assert lines(given)[2] == "fc outputs=2 init=constant(0) -> 2"
    assert_same(given, numbers(1, 3, 2, 2))


@pytest.mark.parametrize(
    ("tensor", "axis", "reason"),
    [
        (numbers(2, 1, 4, 5), 1, "it joins other constants to each image"),
        (np.ones((2, 6, 4, 1), np.float32), 3, "it joins a constant along another axis than the channels"),
    ],
)
def test_constants_that_cannot_be_joined(tensor: Array, axis: int, reason: str) -> None:
    given = model([node("Concat", ["x", "c"], ["y"], axis=axis)], (2, *SHAPE), {"c": tensor})
    assert reason in refused(given).notes[0]


SHUFFLES: dict[str, tuple[list[int], list[int], list[int]]] = {
    "of images": ([0, 3, 2, 4, 5], [0, 2, 1, 3, 4], [0, 6, 4, 5]),
    "with the pixels as one axis": ([0, 3, 2, 20], [0, 2, 1, 3], [0, -1, 4, 5]),
}


@pytest.mark.parametrize("kind", SHUFFLES)
def test_shuffle(kind: str) -> None:
    apart, order, together = SHUFFLES[kind]
    nodes = [
        node("Reshape", ["x", "apart"], ["a"]),
        node("Transpose", ["a"], ["b"], perm=order),
        node("Reshape", ["b", "together"], ["y"]),
    ]
    given = model(nodes, ("N", *SHAPE), {"apart": int64(*apart), "together": int64(*together)})
    assert lines(given) == [f"shuffle groups={apart[1]}"]
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize("apart", [(0, 1, 6, 4, 5), (0, 6, 1, 4, 5)])
def test_shuffle_of_one_group_or_of_single_channels_is_no_layer(apart: tuple[int, ...]) -> None:
    nodes = [
        node("Reshape", ["x", "apart"], ["a"]),
        node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3, 4]),
        node("Reshape", ["b", "together"], ["c"]),
        node("Relu", ["c"], ["y"]),
    ]
    given = model(nodes, ("N", *SHAPE), {"apart": int64(*apart), "together": int64(0, *SHAPE)})
    assert lines(given) == ["relu"]


def test_shuffle_of_channels_that_come_last() -> None:
    nodes = [
        node("Transpose", ["x"], ["t"], perm=[0, 2, 3, 1]),
        node("Reshape", ["t", "apart"], ["a"]),
        node("Transpose", ["a"], ["b"], perm=[0, 1, 2, 4, 3]),
        node("Reshape", ["b", "together"], ["c"]),
        node("Transpose", ["c"], ["y"], perm=[0, 3, 1, 2]),
    ]
    given = model(nodes, ("N", *SHAPE), {"apart": int64(0, 4, 5, 2, 3), "together": int64(0, 4, 5, 6)})
    assert lines(given) == ["shuffle groups=2"]
    assert_same(given, numbers(2, *SHAPE))


@pytest.mark.parametrize(
    ("apart", "order", "together"),
    [
        ([0, 3, 2, 4, 5], [0, 1, 2, 4, 3], [0, 6, 4, 5]),  # rows and columns change places
        ([0, 3, 2, 4, 5], [1, 0, 2, 3, 4], [2, 6, 4, 5]),  # images and groups do
        ([0, 3, 4, 2, 5], [0, 2, 1, 3, 4], [0, 6, 4, 5]),  # the groups cut through pixels
    ],
)
def test_other_rearrangements_are_refused(apart: list[int], order: list[int], together: list[int]) -> None:
    nodes = [
        node("Reshape", ["x", "apart"], ["a"]),
        node("Transpose", ["a"], ["b"], perm=order),
        node("Reshape", ["b", "together"], ["y"]),
    ]
    given = model(nodes, (2, *SHAPE), {"apart": int64(*apart), "together": int64(*together)})
    assert refused(given).code == "onnx-not-expressible"


@pytest.mark.parametrize("gpus", ["", "gpus 2\n"])
def test_own_files_come_back(gpus: str) -> None:
    text = gpus + "[x] input 3x4x5\n[c] conv filters=12 kernel=1\n[a] slice channels=4 first=2\n"
    text += "[b] slice channels=8 first=4 inputs=c\n[d] concat inputs=a,b\n[s] shuffle groups=3\n"
    net, onnx_file = loads(text), backend.load("onnx_file")
    given = onnx_file.model(net.graph, onnx_file.initial_values(net.graph, 0), spec=text)
    result = assert_same(given.SerializeToString(), numbers(2, 3, 4, 5))
    shuffles = [layer for layer in result.net.graph.layers.values() if layer.type == "shuffle"]
    assert len(shuffles) == (2 if gpus else 1)  # one for each share


def transformed(order: tuple[int, ...], axis: int = 1) -> Any:
    """Channels taken in this order, each times a number and plus another, as torchvision's ``transform_input``."""
    nodes = []
    for place, channel in enumerate(order):
        nodes += [
            node("Gather", ["x", f"i{channel}"], [f"g{place}"], axis=axis),
            node("Unsqueeze", [f"g{place}", "one"], [f"u{place}"]),
            node("Mul", [f"u{place}", f"m{place}"], [f"p{place}"]),
            node("Add", [f"p{place}", f"m{channel}"], [f"q{place}"]),
        ]
    joined = [f"q{place}" for place in range(len(order))]
    tensors = {"one": int64(1), **{f"i{n}": np.array(n) for n in range(3)}}
    tensors |= {f"m{n}": np.float32(n + 0.5) for n in range(3)}
    return model([*nodes, node("Concat", joined, ["y"], axis=1)], ("N", 3, 3, 4), tensors)


def test_channels_that_are_scaled_one_by_one() -> None:
    given = transformed((0, 1, 2))
    assert spec(given)[2:] == ["[affine1] affine"]
    assert_same(given, numbers(2, 3, 3, 4))
    for other in (transformed((2, 1, 0)), transformed((0, 1)), transformed((0, 1, 1))):
        assert sum(" slice " in line for line in spec(other)) == len(other.graph.node[-1].input)
        assert_same(other, numbers(2, 3, 3, 4))
    assert refused(transformed((0, 1, 2), axis=2)).notes[0].startswith("Gather")
