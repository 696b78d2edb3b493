"""The gradients of every operation, for its inputs and parameters, against central differences."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from building import Builder
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_profiles import examples

from netspec import backend
from netspec.ir.fault import Fault
from netspec.ir.graph import Graph
from netspec.ir.ops import (
    VOCABULARY,
    Abs,
    BinaryCrossEntropy,
    CauchyError,
    ColourSpace,
    CrossEntropy,
    Elu,
    GatedSumSquares,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    LinearNeuron,
    Log,
    Logistic,
    Mish,
    NoisyRelu,
    Op,
    RandomScale,
    Relu,
    Relu6,
    SetCrossEntropy,
    Silu,
    SoftRelu,
    Sqrt,
    Square,
    SquaredError,
    SumSquares,
    Tanh,
    Topographic,
    Upsample,
    name_of,
)
from netspec.ir.ops.channels import ChannelMax, ChannelMean, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.ops.joins import Concat, Flatten, Max, Product, Reshape, Softmax, Sum
from netspec.ir.ops.norms import BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm
from netspec.ir.ops.scaling import METHODS
from netspec.ir.ops.spatial import AvgPool, Blur, Crop, MaxAbsPool, MaxPool, Mirror, Nailbed, Resize, SumPool, ZeroPad
from netspec.ir.ops.weighted import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.verify import verify
from netspec.ir.window import Pad, TransposedWindow, Window

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
    Deconv(6, TransposedWindow((2, 3), (2, 1), Pad(1, 0, 2, 0), (1, 2)), groups=2),
    Deconv(3, TransposedWindow((1, 2), (3, 2), Pad(-1, 1, 0, -2))),
    Deconv(2, TransposedWindow((3, 3)), bias=False),
    *(Local(2, window, groups=2) for window in WINDOWS),
    Local(3, OVERHANGING, bias=False),
    Linear(6),
    Linear(6, groups=2),
    ChannelScale(),
    PRelu(),
    PRelu(shared=True),
    Bias(),
    Bias("unit"),
    *(MaxPool(window) for window in WINDOWS),
    *(AvgPool(window) for window in WINDOWS),
    MaxPool(Window((3, 3), (2, 2), Pad(1, 1, 1, 1), rounding="caffe", kind="pool")),
    *(SumPool(window) for window in WINDOWS),
    *(MaxAbsPool(window) for window in WINDOWS),
    *(Blur(size, 1.2) for size in (3, 4)),
    *(Nailbed(stride) for stride in (2, 3)),
    Mirror(),
    Crop(1, 2, 3, 4),
    ZeroPad(Pad(1, 0, 2, 3)),
    Resize(1.3),
    Resize(0.6),
    *(Upsample((2, 3), method) for method in METHODS),
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
    LayerNorm(1e-2),
    LayerNorm(1e-2, groups=2, affine=False),
    GroupNorm(1e-2, groups=2),
    GroupNorm(1e-2, groups=4),
    GroupNorm(1e-2, affine=False),
    Dropout(0.3, "train", "channels"),
    Dropout(0.3, "test", "images"),
    *(Slice(2, 2, groups) for groups in (1, 2)),
    *(Shuffle(2, shares) for shares in (1, 2)),
    PixelShuffle(2),
    *(reduction(groups) for reduction in (ChannelMax, ChannelMean) for groups in (1, 2)),
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
    PRelu(),
    PRelu(shared=True),
    Bias(),
    Bias("unit"),
    BatchNorm(1e-2, 0.1),
    LayerNorm(1e-2),
    LayerNorm(1e-2, groups=2),
    GroupNorm(1e-2, groups=3),
    *(Slice(2, 2, groups) for groups in (1, 2)),
    Shuffle(3),
    *(ChannelMax(2), ChannelMean(3)),
    Dropout(0.3, "train"),
    Dropout(0.3, "test"),
    Softmax(),
    Relu(),
    Relu6(),
    Tanh(1.7159, 0.667),
    Logistic(),
    LeakyRelu(0.3),
    Elu(0.7),
    Silu(),
    Mish(),
    Gelu(),
    HardSwish(),
    HardSigmoid(),
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


def single(op: Op, dims: tuple[int, ...]) -> Graph:
    builder = Builder()
    builder.input(*dims)
    builder.add("layer", op, "image")
    return verify(builder.graph())


def on_positive(op: Op, dims: tuple[int, ...] = VECTOR) -> Callable[[], Graph]:
    """Build an operation on positive numbers."""

    def build() -> Graph:
        builder = Builder()
        builder.input(*dims)
        builder.add("square", Square(), "image")
        builder.add("positive", LinearNeuron(0.1, 0.05), "square")
        builder.add("layer", op, "positive")
        return verify(builder.graph())

    return build


def joined(op: Op) -> Callable[[], Graph]:
    """Build an operation on three values, two of which are the same, so that their gradients are summed."""

    def build() -> Graph:
        builder = Builder()
        builder.input(*IMAGE)
        builder.add("mirror", Mirror(), "image")
        builder.add("squares", Square(), "image")
        builder.add("layer", op, "mirror", "squares", "mirror")
        return verify(builder.graph())

    return build


def gates() -> Graph:
    """Return a product of maps, one unit per map, and a vector."""
    builder = Builder()
    image = builder.input(*IMAGE)
    means = builder.add("means", AvgPool(Window(IMAGE[1:])), image)
    builder.add("layer", Product(), means, builder.add("maps", Tanh(), image), builder.add("vector", Linear(4), image))
    return verify(builder.graph())


def masks() -> Graph:
    """Return a product of maps, one map for all of them, and one unit for each map."""
    builder = Builder()
    image = builder.input(*IMAGE)
    mean = builder.add("mean", ChannelMean(), builder.add("maps", Tanh(), image))
    builder.add("layer", Product(), mean, image, builder.add("vector", Linear(4), image))
    return verify(builder.graph())


def gated() -> Graph:
    """Return a loss of an image with a gate that is computed from the image."""
    builder = Builder()
    builder.input(*IMAGE)
    builder.add("gate", Linear(1), "image")
    builder.add("layer", GatedSumSquares(), "gate", builder.add("tanh", Tanh(), "image"))
    return verify(builder.graph())


def shared() -> Graph:
    """Return two convolutions in sequence with shared weights and separate biases."""
    builder = Builder()
    builder.input(*IMAGE)
    op = Conv(4, Window((2, 2)))
    builder.add("first", op, "image")
    builder.add("between", Tanh(), "first")
    builder.add("layer", op, "between")
    builder.nodes["layer"] = builder.nodes["layer"]._replace(params=("first.weight", "layer.bias"))
    del builder.parameters["layer.weight"]
    return verify(builder.graph())


GRAPHS: dict[str, Callable[[], Graph]] = {
    **{f"{name_of(op)} {i} on an image": partial(single, op, IMAGE) for i, op in enumerate(ON_IMAGES)},
    **{f"{name_of(op)} {i} on a vector": partial(single, op, VECTOR) for i, op in enumerate(ON_VECTORS)},
    "sqrt": on_positive(Sqrt()),
    "log": on_positive(Log()),
    "log of a sum": on_positive(Log(1.5)),
    "randomscale": partial(single, RandomScale(5, 1.5), (2, 7, 7)),
    "randomscale to the size of the image": partial(single, RandomScale(7, 1.0), (2, 7, 7)),
    "yuv": partial(single, ColourSpace("yuv"), (3, 2, 3)),
    "lab": partial(single, ColourSpace("lab"), (3, 2, 3)),
    "lab of colours": on_positive(ColourSpace("lab", centred=True), (3, 2, 3)),
    "sum": joined(Sum()),
    "max": joined(Max()),
    "product": joined(Product()),
    "product with means and a vector": gates,
    "product with one map": masks,
    "pixelunshuffle": partial(single, PixelUnshuffle(2), (2, 4, 6)),
    "concat": joined(Concat()),
    "concat in groups": joined(Concat(groups=2)),
    "shared weights": shared,
    "gatedsumsquares": gated,
}


def central_differences(function: Callable[[], float], array: Any) -> Any:
    """Return the central differences of a function for each number of an array that it reads."""
    differences = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        original = array[index]
        array[index] = original + STEP
        above = function()
        array[index] = original - STEP
        below = function()
        array[index] = original
        differences[index] = (above - below) / (2 * STEP)
    return differences


def depends_on_training(graph: Graph) -> bool:
    """Whether the graph computes different values in training."""
    return any(isinstance(node.op, BatchNorm | Dropout | RandomScale) for node in graph.nodes.values())


CASES = {
    f"{name}, {'training' if training else 'inference'}": (build, training)
    for name, build in GRAPHS.items()
    for training in (False, True)
    if not training or depends_on_training(build())
}


def random_arguments(graph: Graph, training: bool) -> tuple[dict[str, Any], Any, dict[str, Any]]:
    """Return random weights and images, and the other arguments of a run."""
    rng, op = np.random.default_rng(7), graph.output.op
    x = rng.normal(size=(2, *graph.input.output))
    weights = {key: rng.normal(size=p.shape) for key, p in graph.parameters.items()}
    choices = {"layer": (len(x), *op.choices(graph.output.output))} if isinstance(op, Dropout) else {}
    return (
        weights,
        x,
        {
            "labels": np.array([2, 0]),
            "training": training,
            "masks": {name: rng.integers(0, 2, shape) for name, shape in choices.items()},
            "uniforms": {"layer": rng.random(4)},
            "statistics": {
                "layer.running_mean": rng.normal(size=x.shape[1]),
                "layer.running_var": np.full(x.shape[1], 0.7),
            },
        },
    )


@pytest.mark.many
@pytest.mark.parametrize(("build", "training"), CASES.values(), ids=CASES.keys())
def test_gradients_equal_central_differences(build: Callable[[], Graph], training: bool) -> None:
    graph = build()
    weights, x, arguments = random_arguments(graph, training)
    run = reference.run(graph, weights, x, **arguments)
    seed = np.random.default_rng(8).normal(size=run.output.shape)
    gradients = reference.backward(run, {"layer": seed})

    def total() -> float:
        return float((reference.run(graph, weights, x, **arguments).output * seed).sum())

    np.testing.assert_allclose(gradients.values["image"], central_differences(total, x), rtol=1e-6, atol=1e-7)
    assert set(gradients.params) == set(weights)
    for key, weight in weights.items():
        np.testing.assert_allclose(gradients.params[key], central_differences(total, weight), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "build", [pytest.param(b, id=name) for name, b in GRAPHS.items() if not depends_on_training(b())]
)
def test_other_operations_are_the_same_in_training(build: Callable[[], Graph]) -> None:
    graph = build()
    results = []
    for training in (False, True):
        weights, x, arguments = random_arguments(graph, training)
        run = reference.run(graph, weights, x, **arguments)
        gradients = reference.backward(run, {"layer": np.ones(run.output.shape)})
        results.append([run.output, gradients.values["image"], *gradients.params.values()])
    for inference, training_value in zip(*results, strict=True):
        np.testing.assert_array_equal(inference, training_value)


def test_graphs_cover_every_operation() -> None:
    covered = {type(node.op) for build in GRAPHS.values() for node in build().nodes.values()}
    no_derivative = {NoisyRelu}  # tested in test_reference_neurons
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
def test_pooling_ignores_padding_and_overhang(window: Window, height: int, width: int) -> None:
    """The output size follows window arithmetic, an average of ones is one, and a maximum of -3 is -3."""
    try:
        rows, columns = window.fit(height, width)
    except Fault:
        return
    pooled = reference.run(single(AvgPool(window), (1, height, width)), {}, np.ones((1, 1, height, width))).output
    np.testing.assert_array_equal(pooled, np.ones((1, 1, rows.output, columns.output)))
    maxima = reference.run(single(MaxPool(window), (1, height, width)), {}, np.full((1, 1, height, width), -3.0)).output
    np.testing.assert_array_equal(maxima, np.full((1, 1, rows.output, columns.output), -3.0))
