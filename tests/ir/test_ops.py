"""Shapes and parameters of operations, against published tables and counts by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from building import Builder

from netspec.ir.fault import Fault
from netspec.ir.ops import VOCABULARY, ColourSpace, DropoutOver, Op, ParamShape, Relu, Upsample, is_identity, name_of
from netspec.ir.ops.channels import ChannelMax, ChannelMean, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.ops.joins import Concat, Flatten, Input, Max, Product, Reshape, Softmax, Sum
from netspec.ir.ops.losses import (
    CauchyError,
    CrossEntropy,
    GatedSumSquares,
    SetCrossEntropy,
    SquaredError,
    SumSquares,
    Topographic,
)
from netspec.ir.ops.norms import BatchNorm, ContrastNorm, Dropout, GroupNorm, LayerNorm, Lrn, MapNorm
from netspec.ir.ops.scaling import Interpolate
from netspec.ir.ops.spatial import (
    AvgPool,
    BinPool,
    Blur,
    Crop,
    EdgePad,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    ReflectPad,
    Resize,
    SumPool,
    ZeroPad,
)
from netspec.ir.ops.weighted import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Rounding, TransposedWindow, Window


def window(kernel: int, stride: int = 1, pad: int = 0, rounding: Rounding = "exact") -> Window:
    return Window((kernel, kernel), (stride, stride), Pad(pad, pad, pad, pad), rounding=rounding)


@dataclass(frozen=True)
class Row:
    """A row of a published table of a network's layers."""

    output: Shape
    units: int
    weights: int
    biases: int
    connections: int


TWO_GROUPS = {
    "conv1": Row(Shape(96, 55, 55), 290_400, 34_848, 96, 105_415_200),
    "conv2": Row(Shape(256, 27, 27), 186_624, 307_200, 256, 223_948_800),
    "conv3": Row(Shape(384, 13, 13), 64_896, 884_736, 384, 149_520_384),
    "conv4": Row(Shape(384, 13, 13), 64_896, 663_552, 384, 112_140_288),
    "conv5": Row(Shape(256, 13, 13), 43_264, 442_368, 256, 74_760_192),
    "fc6": Row(Shape(4096), 4_096, 37_748_736, 4_096, 37_748_736),
    "fc7": Row(Shape(4096), 4_096, 16_777_216, 4_096, 16_777_216),
    "fc8": Row(Shape(1000), 1_000, 4_096_000, 1_000, 4_096_000),
}


def alexnet(groups: int) -> dict[str, Row]:
    """The rows of AlexNet's layers with weights, with conv2, conv4 and conv5 in this many groups."""
    net = Builder()
    value = net.input(3, 224, 224)
    value = net.add("conv1", Conv(96, window(11, 4, rounding="up")), value)
    value = net.add("pool1", MaxPool(window(3, 2)), value)
    value = net.add("conv2", Conv(256, window(5, pad=2), groups), value)
    value = net.add("pool2", MaxPool(window(3, 2)), value)
    value = net.add("conv3", Conv(384, window(3, pad=1)), value)
    value = net.add("conv4", Conv(384, window(3, pad=1), groups), value)
    value = net.add("conv5", Conv(256, window(3, pad=1), groups), value)
    value = net.add("pool5", MaxPool(window(3, 2)), value)
    value = net.add("fc6", Linear(4096), value)
    value = net.add("fc7", Linear(4096), value)
    net.add("fc8", Linear(1000), value)
    graph, rows = net.graph(), {}
    for node in graph.nodes.values():
        shapes = graph.shapes(node)
        if params := node.op.params(shapes, node.output):
            weight, bias = (Shape(*p.shape).units for p in params)
            rows[node.name] = Row(
                node.output, node.output.units, weight, bias, node.op.connections(shapes, node.output)
            )
    return rows


def test_alexnet_in_two_groups_matches_the_published_rows() -> None:
    assert alexnet(groups=2) == TWO_GROUPS


def test_alexnet_in_two_groups_matches_the_published_totals() -> None:
    rows = alexnet(groups=2).values()
    assert sum(row.units for row in rows) == 659_272
    assert sum(row.weights for row in rows) == 60_954_656
    assert sum(row.biases for row in rows) == 10_568
    assert sum(row.connections for row in rows) == 724_406_816


def test_alexnet_without_groups_matches_the_published_totals() -> None:
    rows = alexnet(groups=1).values()
    assert sum(row.weights for row in rows) == 62_367_776
    assert sum(row.weights + row.biases for row in rows) == 62_378_344
    assert sum(row.connections for row in rows) == 1_135_256_096


IMAGE = Shape(6, 4, 5)  # 120 units
VECTOR = Shape(6)


@pytest.mark.parametrize(
    ("over", "of_image", "of_vector"),
    [("units", IMAGE, VECTOR), ("channels", Shape(6, 1, 1), VECTOR), ("images", Shape(1, 1, 1), Shape(1))],
)
def test_choices_of_dropout(over: DropoutOver, of_image: Shape, of_vector: Shape) -> None:
    op = Dropout(0.5, "train", over)
    assert (op.choices(IMAGE), op.choices(VECTOR)) == (of_image, of_vector)


def test_numbers_that_are_normalised_together() -> None:
    assert LayerNorm(1e-5, groups=2).normalised_together(IMAGE) == 3
    assert GroupNorm(1e-5, groups=2).normalised_together(IMAGE) == 60
    assert LayerNorm(1e-5).normalised_together(VECTOR) == GroupNorm(1e-5).normalised_together(VECTOR) == 6


def test_vector_has_height_and_width_1() -> None:
    assert (VECTOR.height, VECTOR.width) == (1, 1)


@pytest.mark.parametrize(
    ("op", "inputs", "output"),
    [
        (Input(IMAGE), (), IMAGE),
        (Conv(4, Window((2, 3))), (IMAGE,), Shape(4, 3, 3)),
        # (4 - 1) * 2 + 3 - 1 - 2 = 6 rows, (5 - 1) * 3 + (2 - 1) * 2 + 1 - 0 + 1 = 16 columns.
        (Deconv(4, TransposedWindow((3, 2), (2, 3), Pad(0, -1, 1, 2), (1, 2))), (IMAGE,), Shape(4, 6, 16)),
        (Deconv(4, TransposedWindow((1, 1))), (Shape(6, 1, 1),), Shape(4, 1, 1)),
        (Local(4, Window((2, 3))), (IMAGE,), Shape(4, 3, 3)),
        (Linear(7), (IMAGE,), Shape(7)),
        (Linear(8, groups=2), (VECTOR,), Shape(8)),
        (ChannelScale(), (IMAGE,), IMAGE),
        (ChannelScale(), (VECTOR,), VECTOR),
        (PRelu(), (IMAGE,), IMAGE),
        (Bias(), (IMAGE,), IMAGE),
        (MaxPool(Window((2, 2), (2, 2), rounding="up")), (IMAGE,), Shape(6, 2, 3)),
        (AvgPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), Shape(6, 2, 2)),
        (Blur(3, 1.0), (Shape(6, 3, 4),), Shape(6, 3, 4)),
        (Nailbed(2), (IMAGE,), Shape(6, 2, 3)),
        (Nailbed(4), (Shape(3, 224, 224),), Shape(3, 56, 56)),
        (Mirror(), (IMAGE,), IMAGE),
        (SumPool(Window((2, 2), (2, 2), rounding="up")), (IMAGE,), Shape(6, 2, 3)),
        (MaxAbsPool(Window((2, 2), (2, 2), rounding="up")), (IMAGE,), Shape(6, 2, 3)),
        (Crop(1, 2, 3, 3), (IMAGE,), Shape(6, 3, 3)),
        (ZeroPad(Pad(1, 0, 2, 3)), (IMAGE,), Shape(6, 9, 6)),
        (Resize(1.5), (IMAGE,), Shape(6, 2, 3)),
        (Resize(4), (IMAGE,), Shape(6, 1, 1)),
        (Resize(0.75), (Shape(1, 10, 10),), Shape(1, 13, 13)),
        (Upsample((2, 3)), (IMAGE,), Shape(6, 8, 15)),
        (Interpolate((3, 7)), (IMAGE,), Shape(6, 3, 7)),
        (BinPool((3, 7)), (IMAGE,), Shape(6, 3, 7)),
        (EdgePad(Pad(1, 0, 2, 9)), (IMAGE,), Shape(6, 15, 6)),
        (ReflectPad(Pad(4, 0, 2, 3)), (IMAGE,), Shape(6, 9, 9)),
        (ColourSpace("lab"), (Shape(3, 4, 5),), Shape(3, 4, 5)),
        (Slice(1, 4), (IMAGE,), Shape(4, 4, 5)),
        (Slice(2, 4, groups=2), (VECTOR,), Shape(4)),
        (Shuffle(3, shares=2), (IMAGE,), IMAGE),
        (PixelShuffle(2), (Shape(8, 4, 5),), Shape(2, 8, 10)),
        (PixelUnshuffle(2), (Shape(2, 8, 10),), Shape(8, 4, 5)),
        (ChannelMax(), (IMAGE,), Shape(1, 4, 5)),
        (ChannelMean(3), (IMAGE,), Shape(3, 4, 5)),
        (ChannelMax(2), (VECTOR,), Shape(2)),
        (Reshape(Shape(2, 12, 5)), (IMAGE,), Shape(2, 12, 5)),
        (Reshape(Shape(1, 2, 3)), (VECTOR,), Shape(1, 2, 3)),
        (Lrn(5, 1, 1, 1, groups=3), (IMAGE,), IMAGE),
        (MapNorm(4, 1, 1, 1), (IMAGE,), IMAGE),
        (ContrastNorm(4, 1, 1, 1), (IMAGE,), IMAGE),
        (BatchNorm(1e-5, 0.1), (VECTOR,), VECTOR),
        (LayerNorm(1e-5, groups=3), (IMAGE,), IMAGE),
        (LayerNorm(1e-5), (VECTOR,), VECTOR),
        (GroupNorm(1e-5, groups=6), (IMAGE,), IMAGE),
        (Dropout(0.5, "train"), (VECTOR,), VECTOR),
        (Concat(), (IMAGE, Shape(2, 4, 5)), Shape(8, 4, 5)),
        (Concat(groups=2), (VECTOR, Shape(2)), Shape(8)),
        (Sum(), (IMAGE, IMAGE, IMAGE), IMAGE),
        (Max(), (VECTOR, VECTOR), VECTOR),
        (Product(), (VECTOR, VECTOR), VECTOR),
        (Product(), (IMAGE, Shape(6, 1, 1)), IMAGE),
        (Product(), (VECTOR, IMAGE, Shape(6, 1, 1)), IMAGE),
        (Product(), (Shape(1, 4, 5), IMAGE, VECTOR), IMAGE),
        (Product(), (VECTOR, Shape(6, 1, 1)), Shape(6, 1, 1)),
        (Product(), (Shape(1), VECTOR), VECTOR),
        (Product(), (IMAGE, Shape(1), VECTOR), IMAGE),
        (Product(), (Shape(1), Shape(1)), Shape(1)),
        (Flatten(), (IMAGE,), Shape(120)),
        (Softmax(), (IMAGE,), IMAGE),
        (Relu(), (IMAGE,), IMAGE),
        (CrossEntropy(), (VECTOR,), Shape(1)),
        (SetCrossEntropy(size=6), (VECTOR,), Shape(1)),
        (SumSquares(), (IMAGE,), Shape(1)),
        (GatedSumSquares(), (Shape(1), IMAGE), Shape(1)),
        (Topographic(), (IMAGE,), Shape(1)),
    ],
)
def test_output_shape(op: Op, inputs: tuple[Shape, ...], output: Shape) -> None:
    assert op.shape(inputs) == output


@pytest.mark.parametrize(
    ("op", "inputs", "code"),
    [
        (Conv(4, Window((2, 2))), (VECTOR,), "needs-image"),
        (Deconv(4, TransposedWindow((2, 2))), (VECTOR,), "needs-image"),
        (Local(4, Window((2, 2))), (VECTOR,), "needs-image"),
        (MaxPool(Window((2, 2))), (VECTOR,), "needs-image"),
        (Blur(3, 1.0), (VECTOR,), "needs-image"),
        (Nailbed(2), (VECTOR,), "needs-image"),
        (Mirror(), (VECTOR,), "needs-image"),
        (SumPool(Window((2, 2))), (VECTOR,), "needs-image"),
        (Crop(0, 0, 1, 1), (VECTOR,), "needs-image"),
        (Crop(2, 0, 3, 1), (IMAGE,), "crop-outside-image"),
        (Crop(0, 3, 1, 3), (IMAGE,), "crop-outside-image"),
        (ZeroPad(Pad(1, 1, 1, 1)), (VECTOR,), "needs-image"),
        (Resize(2), (VECTOR,), "needs-image"),
        (Resize(4.5), (IMAGE,), "bad-value"),
        (Upsample((2, 2)), (VECTOR,), "needs-image"),
        (Interpolate((2, 2)), (VECTOR,), "needs-image"),
        (Interpolate((1, 2), "nearest"), (VECTOR,), "needs-image"),
        (BinPool((2, 2)), (VECTOR,), "needs-image"),
        (EdgePad(Pad(1, 1, 1, 1)), (VECTOR,), "needs-image"),
        (ReflectPad(Pad(1, 1, 1, 1)), (VECTOR,), "needs-image"),
        (ReflectPad(Pad(5, 0, 0, 0)), (IMAGE,), "bad-value"),
        (ReflectPad(Pad(0, 0, 0, 4)), (IMAGE,), "bad-value"),
        (PixelShuffle(2), (VECTOR,), "needs-image"),
        (PixelShuffle(2), (IMAGE,), "groups-do-not-divide"),
        (PixelUnshuffle(2), (VECTOR,), "needs-image"),
        (PixelUnshuffle(2), (IMAGE,), "groups-do-not-divide"),
        (ChannelMean(4), (IMAGE,), "groups-do-not-divide"),
        (ColourSpace("yuv"), (VECTOR,), "needs-image"),
        (ColourSpace("yuv"), (IMAGE,), "needs-colour"),
        (Reshape(Shape(119)), (IMAGE,), "shapes-differ"),
        (Lrn(5, 1, 1, 1), (VECTOR,), "needs-image"),
        (MapNorm(2, 1, 1, 1), (VECTOR,), "needs-image"),
        (SquaredError(), (IMAGE,), "needs-vector"),
        (CauchyError(), (IMAGE,), "needs-vector"),
        (SetCrossEntropy(size=7), (VECTOR,), "bad-value"),
        (GatedSumSquares(), (IMAGE, Shape(1)), "shapes-differ"),
        (Topographic(), (VECTOR,), "needs-image"),
        (Conv(4, Window((2, 2)), groups=4), (IMAGE,), "groups-do-not-divide"),  # 6 channels
        (Conv(4, Window((2, 2)), groups=3), (IMAGE,), "groups-do-not-divide"),  # 4 filters
        (Deconv(4, TransposedWindow((2, 2)), groups=4), (IMAGE,), "groups-do-not-divide"),  # 6 channels
        (Deconv(4, TransposedWindow((2, 2)), groups=3), (IMAGE,), "groups-do-not-divide"),  # 4 filters
        (Deconv(4, TransposedWindow((2, 2), pad=Pad(3, 3, 0, 0))), (IMAGE,), "nothing-left"),  # 6 columns, 6 cut off
        (Deconv(4, TransposedWindow((2, 2), pad=Pad(0, 0, -1, 5))), (IMAGE,), "nothing-left"),  # of 5 rows
        (Linear(7, groups=2), (VECTOR,), "groups-do-not-divide"),
        (Linear(8, groups=4), (VECTOR,), "groups-do-not-divide"),
        (Lrn(5, 1, 1, 1, groups=4), (IMAGE,), "groups-do-not-divide"),
        (LayerNorm(1e-5, groups=4), (VECTOR,), "groups-do-not-divide"),
        (GroupNorm(1e-5, groups=4), (IMAGE,), "groups-do-not-divide"),
        (Shuffle(4), (IMAGE,), "groups-do-not-divide"),
        (Shuffle(2, shares=2), (IMAGE,), "groups-do-not-divide"),
        (Concat(groups=2), (VECTOR, Shape(3)), "groups-do-not-divide"),
        (Concat(), (IMAGE, Shape(6, 5, 4)), "shapes-differ"),
        (Concat(), (IMAGE, VECTOR), "shapes-differ"),
        (Sum(), (IMAGE, Shape(6, 5, 4)), "shapes-differ"),
        (Max(), (VECTOR, Shape(7)), "shapes-differ"),
        (Product(), (IMAGE, Shape(7)), "shapes-differ"),
        (Product(), (VECTOR, Shape(2)), "shapes-differ"),
        (Product(), (VECTOR, Shape(1, 1, 1)), "shapes-differ"),
        (Product(), (IMAGE, Shape(6, 4, 1)), "shapes-differ"),
        (Product(), (IMAGE, Shape(2, 4, 5)), "shapes-differ"),
        (Product(), (Shape(6, 1, 1), Shape(1, 4, 5)), "shapes-differ"),
        (Conv(4, Window((5, 2))), (IMAGE,), "kernel-too-large"),
        (MapNorm(5, 1, 1, 1), (IMAGE,), "kernel-too-large"),
        (Blur(5, 1.0), (IMAGE,), "kernel-too-large"),
        (AvgPool(Window((2, 2), (2, 2))), (IMAGE,), "window-does-not-tile"),
    ],
)
def test_invalid_inputs_are_faults(op: Op, inputs: tuple[Shape, ...], code: str) -> None:
    with pytest.raises(Fault) as caught:
        op.shape(inputs)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("op", "inputs", "note"),
    [
        (PixelShuffle(2), (IMAGE,), "6 channels / 2^2 = 1.5, not a whole number"),
        (PixelUnshuffle(2), (IMAGE,), "width: 5 / 2 = 2.5, not a whole number"),
        (Slice(2, 3, groups=2), (VECTOR,), "3 / 2 = 1.5: each group takes an equal part of its own share"),
        (Sum(), (*[VECTOR] * 11, Shape(7)), f"{'6, ' * 11}7: all must be equal"),
        (Sum(), (*[VECTOR] * 12, Shape(7)), f"{'6, ' * 12}...: all must be equal"),
    ],
)
def test_notes_of_faults_have_the_arithmetic(op: Op, inputs: tuple[Shape, ...], note: str) -> None:
    with pytest.raises(Fault) as caught:
        op.shape(inputs)
    assert caught.value.notes == (note,)


def test_what_a_product_needs_depends_on_the_largest_factor() -> None:
    found = []
    for largest in (VECTOR, IMAGE):
        with pytest.raises(Fault) as caught:
            Product().shape((largest, Shape(2)))
        found += caught.value.notes
    assert found == [
        "6, 2: each must be 6, or a single number (1)",
        "6x4x5, 2: each must be 6x4x5, one map (1x4x5), one unit for each of 6 channels, or a single number (1)",
    ]


@pytest.mark.parametrize(
    ("op", "inputs", "params"),
    [
        # A filter reads 6/2 channels of 2x3 pixels: 18 numbers; a pixel reaches 4/2 filters at 2x3 positions: 12.
        (
            Conv(4, Window((2, 3)), groups=2),
            (IMAGE,),
            (ParamShape("weight", (4, 3, 2, 3), 18, 12), ParamShape("bias", (4,), 18, 12)),
        ),
        (Conv(4, Window((2, 3)), bias=False), (IMAGE,), (ParamShape("weight", (4, 6, 2, 3), 36, 24),)),
        # 6 channels of 2x3 weights, of which one in 2x1 meets an output unit: 18; a pixel reaches 4 filters at 2x3.
        (
            Deconv(4, TransposedWindow((2, 3), (2, 1))),
            (IMAGE,),
            (ParamShape("weight", (6, 4, 2, 3), 18, 24, axis=1), ParamShape("bias", (4,), 18, 24)),
        ),
        (
            Deconv(4, TransposedWindow((2, 3), (2, 2)), groups=2, bias=False),
            (IMAGE,),
            (ParamShape("weight", (6, 2, 2, 3), 4.5, 12),),
        ),
        (
            Local(4, Window((2, 3)), groups=2),
            (IMAGE,),
            (ParamShape("weight", (4, 3, 3, 3, 2, 3), 18, 12), ParamShape("bias", (4, 3, 3), 18, 12)),
        ),
        (
            Linear(8, groups=2),
            (IMAGE,),
            (ParamShape("weight", (8, 60), 60, 4), ParamShape("bias", (8,), 60, 4)),
        ),
        (Linear(8, bias=False), (VECTOR,), (ParamShape("weight", (8, 6), 6, 8),)),
        (ChannelScale(), (IMAGE,), (ParamShape("weight", (6,), 1, 1),)),
        (PRelu(), (IMAGE,), (ParamShape("weight", (6,), 1, 1),)),
        (PRelu(shared=True), (IMAGE,), (ParamShape("weight", (1,), 1, 1),)),
        (Bias("channel", 18, 12), (IMAGE,), (ParamShape("bias", (6,), 18, 12),)),
        (Bias("unit"), (IMAGE,), (ParamShape("bias", (6, 4, 5), 1, 1),)),
        (BatchNorm(1e-5, 0.1), (IMAGE,), (ParamShape("weight", (6,), 1, 1), ParamShape("bias", (6,), 1, 1))),
        (BatchNorm(1e-5, 0.1, affine=False), (IMAGE,), ()),
        (LayerNorm(1e-5), (IMAGE,), (ParamShape("weight", (6,), 1, 1), ParamShape("bias", (6,), 1, 1))),
        (GroupNorm(1e-5, groups=2), (IMAGE,), (ParamShape("weight", (6,), 1, 1), ParamShape("bias", (6,), 1, 1))),
        (GroupNorm(1e-5, groups=2, affine=False), (IMAGE,), ()),
        (Relu(), (IMAGE,), ()),
    ],
)
def test_parameter_shapes_and_fans(op: Op, inputs: tuple[Shape, ...], params: tuple[ParamShape, ...]) -> None:
    assert op.params(inputs, op.shape(inputs)) == params


@pytest.mark.parametrize(
    ("op", "identity"),
    [
        (Concat(), True),
        (Shuffle(1), True),
        (Shuffle(6), True),  # of single channels
        (Shuffle(3), False),
        (Shuffle(3, shares=2), True),
        (Slice(0, 6), True),
        (Slice(0, 5), False),
        (PixelShuffle(1), True),
        (ChannelMax(6), True),
        (ChannelMax(3), False),
        (Relu(), False),
    ],
)
def test_operations_that_change_nothing(op: Op, identity: bool) -> None:
    assert is_identity(op, (IMAGE,)) is identity


def test_nailbed_starts_are_centred() -> None:
    assert Nailbed(4).starts(Shape(3, 224, 224)) == (2, 2)
    assert Nailbed(2).starts(IMAGE) == (1, 0)


def test_operation_names_are_unique() -> None:
    words = [op.__name__.lower() for op in VOCABULARY]
    assert len(set(words)) == len(VOCABULARY)
    assert name_of(MaxPool(Window((2, 2)))) == "maxpool"
