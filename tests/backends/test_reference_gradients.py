"""Every operation's gradients against central differences, by its inputs and by its parameters, in whole graphs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from building import Builder
from chances import examples
from hypothesis import given
from hypothesis import strategies as st

from netspec import backend
from netspec.ir.fault import Fault
from netspec.ir.graph import Graph
from netspec.ir.ops import (
    VOCABULARY,
    Abs,
    AvgPool,
    BatchNorm,
    Bias,
    BinaryCrossEntropy,
    Blur,
    CauchyError,
    ChannelScale,
    ColourSpace,
    Concat,
    ContrastNorm,
    Conv,
    Crop,
    CrossEntropy,
    Dropout,
    Elu,
    Flatten,
    GatedSumSquares,
    LeakyRelu,
    Linear,
    LinearNeuron,
    Local,
    Log,
    Logistic,
    Lrn,
    MapNorm,
    Max,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    NoisyRelu,
    Op,
    RandomScale,
    Relu,
    Relu6,
    Reshape,
    Resize,
    SetCrossEntropy,
    Softmax,
    SoftRelu,
    Sqrt,
    Square,
    SquaredError,
    Sum,
    SumPool,
    SumSquares,
    Tanh,
    Topographic,
    ZeroPad,
    name_of,
)
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.verify import verify
from netspec.ir.window import Pad, Window

reference = backend.load("reference")

STEP = 1e-6
IMAGE = (4, 5, 6)
VECTOR = (6,)

OVERHANGING = Window((2, 3), (2, 2), rounding="up")  # 5 rows: starts 0, 2, 4; 6 columns: 0, 2, 4; both overhang by 1
LOPSIDED = Window((3, 2), (2, 1), Pad(left=1, right=0, top=2, bottom=1), rounding="down")
DILATED = Window((2, 3), pad=Pad(1, 2, 0, 1), dilation=(3, 2), rounding="down")
UNREAD = Window((2, 2), (3, 3), rounding="down")  # neither the pixels between windows nor the last column are read
WINDOWS = [OVERHANGING, LOPSIDED, DILATED, UNREAD]

ON_IMAGES: list[Op] = [
    *(Conv(6, window, groups=2) for window in WINDOWS),
    Conv(3, Window((1, 1)), bias=False),
    Conv(3, LOPSIDED, table=ConnectionTable(((0, 3), (2,), (0, 1, 2, 3)))),
    *(Local(2, window, groups=2) for window in WINDOWS),
    Local(3, OVERHANGING, bias=False),
    Linear(6),
    Linear(6, groups=2),
    ChannelScale(),
    Bias(),
    Bias("unit"),
    *(MaxPool(window) for window in WINDOWS),
    *(AvgPool(window) for window in WINDOWS),
    MaxPool(Window((3, 3), (2, 2), Pad(1, 1, 1, 1), rounding="caffe", kind="pool")),
    *(SumPool(window) for window in WINDOWS),
    *(MaxAbsPool(window) for window in WINDOWS),
    Blur(3, 0.8),
    Blur(4, 1.5),
    Nailbed(2),
    Nailbed(3),
    Mirror(),
    Crop(1, 2, 3, 4),
    ZeroPad(Pad(1, 0, 2, 3)),
    Resize(1.3),
    Resize(0.6),
    Lrn(3, 1.0, 0.7, 0.75),
    Lrn(2, 2.0, 0.7, 0.75, groups=2),
    Lrn(4, 1.0, 0.5, 1.3),
    Lrn(9, 1.0, 0.5, 0.75, groups=2),
    MapNorm(3, 1.0, 0.7, 0.75),
    MapNorm(4, 2.0, 0.3, 1.2),
    ContrastNorm(3, 1.0, 0.7, 0.75),
    ContrastNorm(2, 1.0, 0.7, 1.2),
    ContrastNorm(5, 2.0, 0.3, 0.5),
    BatchNorm(1e-2, 0.1),
    BatchNorm(1e-2, 0.1, affine=False),
    Flatten(),
    Reshape(Shape(2, 12, 5)),
    Softmax(),
    Topographic(size=3),
    Topographic(size=4),
]
ON_VECTORS: list[Op] = [
    Linear(5),
    Linear(4, groups=2, bias=False),
    ChannelScale(),
    Bias(),
    Bias("unit"),
    BatchNorm(1e-2, 0.1),
    Dropout(0.3, "train"),
    Dropout(0.3, "test"),
    Softmax(),
    Relu(),
    Relu6(),
    Tanh(1.7159, 0.667),
    Logistic(),
    LeakyRelu(0.3),
    Elu(0.7),
    SoftRelu(),
    Abs(),
    Square(),
    LinearNeuron(-2.0, 0.5),
    CrossEntropy(),
    BinaryCrossEntropy(),
    BinaryCrossEntropy(positive=2.5),
    SquaredError(),
    CauchyError(),
    SumSquares(),
    SumSquares(gate="class"),
    SetCrossEntropy(),
    SetCrossEntropy(size=2),
]


def one(op: Op, dims: tuple[int, ...]) -> Graph:
    builder = Builder()
    builder.input(*dims)
    builder.add("it", op, "image")
    return verify(builder.graph())


def of_positive(op: Op, dims: tuple[int, ...] = VECTOR) -> Callable[[], Graph]:
    """An operation on numbers that are positive."""

    def build() -> Graph:
        builder = Builder()
        builder.input(*dims)
        builder.add("square", Square(), "image")
        builder.add("positive", LinearNeuron(0.1, 0.05), "square")
        builder.add("it", op, "positive")
        return verify(builder.graph())

    return build


def joined(op: Op) -> Callable[[], Graph]:
    """An operation on three values, two of which are the same: gradients of all readers add up."""

    def build() -> Graph:
        builder = Builder()
        builder.input(*IMAGE)
        builder.add("mirror", Mirror(), "image")
        builder.add("squares", Square(), "image")
        builder.add("it", op, "mirror", "squares", "mirror")
        return verify(builder.graph())

    return build


def gated() -> Graph:
    """A loss of an image with a gate that is computed from it."""
    builder = Builder()
    builder.input(*IMAGE)
    builder.add("gate", Linear(1), "image")
    builder.add("it", GatedSumSquares(), "gate", builder.add("bent", Tanh(), "image"))
    return verify(builder.graph())


def shared() -> Graph:
    """Two convolutions, one after the other, with the same weights but each its own bias."""
    builder = Builder()
    builder.input(*IMAGE)
    op = Conv(4, Window((2, 2)))
    builder.add("first", op, "image")
    builder.add("between", Tanh(), "first")
    builder.add("it", op, "between")
    builder.nodes["it"] = replace(builder.nodes["it"], params=("first.weight", "it.bias"))
    del builder.parameters["it.weight"]
    return verify(builder.graph())


GRAPHS: dict[str, Callable[[], Graph]] = {
    **{f"{name_of(op)} {i} of an image": partial(one, op, IMAGE) for i, op in enumerate(ON_IMAGES)},
    **{f"{name_of(op)} {i} of a vector": partial(one, op, VECTOR) for i, op in enumerate(ON_VECTORS)},
    "sqrt": of_positive(Sqrt()),
    "log": of_positive(Log()),
    "log of a sum": of_positive(Log(1.5)),
    "randomscale": partial(one, RandomScale(5, 1.5), (2, 7, 7)),
    "randomscale to the size of the image": partial(one, RandomScale(7, 1.0), (2, 7, 7)),
    "yuv": partial(one, ColourSpace("yuv"), (3, 2, 3)),
    "lab": partial(one, ColourSpace("lab"), (3, 2, 3)),
    "lab of colours": of_positive(ColourSpace("lab", centred=True), (3, 2, 3)),
    "sum": joined(Sum()),
    "max": joined(Max()),
    "concat": joined(Concat()),
    "concat in groups": joined(Concat(groups=2)),
    "shared weights": shared,
    "gatedsumsquares": gated,
}


def differences(function: Callable[[], float], array: Any) -> Any:
    """Central differences of a function by each number of an array that it reads."""
    found = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + STEP
        above = function()
        array[index] = kept - STEP
        below = function()
        array[index] = kept
        found[index] = (above - below) / (2 * STEP)
    return found


def two_faced(graph: Graph) -> bool:
    """Whether a graph does one thing in training and another outside it."""
    return any(isinstance(node.op, BatchNorm | Dropout | RandomScale) for node in graph.nodes.values())


CASES = {
    f"{name}, {'training' if training else 'inference'}": (build, training)
    for name, build in GRAPHS.items()
    for training in (False, True)
    if not training or two_faced(build())
}


def drawn(graph: Graph, training: bool) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Weights, images, and what else a run is given."""
    random = np.random.default_rng(7)
    x = random.normal(size=(2, *graph.input.output))
    weights = {key: random.normal(size=p.shape) for key, p in graph.parameters.items()}
    return (
        weights,
        x,
        {
            "labels": np.array([2, 0]),
            "training": training,
            "masks": {"it": random.integers(0, 2, x.shape)} if isinstance(graph.output.op, Dropout) else {},
            "chances": {"it": random.random(4)},
            "statistics": {
                "it.running_mean": random.normal(size=x.shape[1]),
                "it.running_var": np.full(x.shape[1], 0.7),
            },
        },
    )


@pytest.mark.many
@pytest.mark.parametrize(("build", "training"), CASES.values(), ids=CASES.keys())
def test_against_central_differences(build: Callable[[], Graph], training: bool) -> None:
    graph = build()
    weights, x, given = drawn(graph, training)
    done = reference.run(graph, weights, x, **given)
    seed = np.random.default_rng(8).normal(size=done.output.shape)
    gradients = reference.backward(done, {"it": seed})

    def total() -> float:
        return float((reference.run(graph, weights, x, **given).output * seed).sum())

    np.testing.assert_allclose(gradients.values["image"], differences(total, x), rtol=1e-6, atol=1e-7)
    assert set(gradients.params) == set(weights)
    for key, weight in weights.items():
        np.testing.assert_allclose(gradients.params[key], differences(total, weight), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("build", [pytest.param(b, id=name) for name, b in GRAPHS.items() if not two_faced(b())])
def test_no_other_operation_knows_of_training(build: Callable[[], Graph]) -> None:
    graph = build()
    runs = [reference.run(graph, weights, x, **given) for weights, x, given in (drawn(graph, t) for t in (False, True))]
    gradients = [reference.backward(done, {"it": np.ones(done.output.shape)}) for done in runs]
    pairs = [[runs[i].output, gradients[i].values["image"], *gradients[i].params.values()] for i in range(2)]
    for outside, inside in zip(*pairs, strict=True):
        np.testing.assert_array_equal(outside, inside)


def test_no_operation_is_left_out() -> None:
    covered = {type(node.op) for build in GRAPHS.values() for node in build().nodes.values()}
    no_derivative = {NoisyRelu}  # by hand, in test_reference_neurons
    assert covered == set(VOCABULARY) - no_derivative


windows = st.builds(
    Window,
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pad=st.builds(Pad, *[st.integers(0, 2)] * 4),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    rounding=st.sampled_from(["down", "up", "caffe"]),
    kind=st.sampled_from(["conv", "pool"]),
)


@examples(60)
@given(windows, st.integers(1, 7), st.integers(1, 7))
def test_windows_ignore_what_is_not_of_the_image(window: Window, height: int, width: int) -> None:
    """A window's columns are as many as its arithmetic says, and an average of ones is one wherever it fits."""
    try:
        rows, columns = window.fit(height, width)
    except Fault:
        return
    pooled = reference.run(one(AvgPool(window), (1, height, width)), {}, np.ones((1, 1, height, width))).output
    np.testing.assert_array_equal(pooled, np.ones((1, 1, rows.output, columns.output)))
    largest = reference.run(one(MaxPool(window), (1, height, width)), {}, np.full((1, 1, height, width), -3.0)).output
    np.testing.assert_array_equal(largest, np.full((1, 1, rows.output, columns.output), -3.0))
