"""Connections and FLOPs of operations, counted by hand."""

from __future__ import annotations

import pytest

from netspec.ir.ops import (
    AvgPool,
    BatchNorm,
    Bias,
    BinaryCrossEntropy,
    Blur,
    ChannelMax,
    ChannelMean,
    ChannelScale,
    ColourSpace,
    Concat,
    ContrastNorm,
    Conv,
    Crop,
    Deconv,
    Dropout,
    Flatten,
    GatedSumSquares,
    GroupNorm,
    LayerNorm,
    Linear,
    LinearNeuron,
    Local,
    Lrn,
    MapNorm,
    Max,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    Op,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Product,
    RandomScale,
    Reshape,
    Resize,
    SetCrossEntropy,
    Shuffle,
    Slice,
    Softmax,
    Sum,
    SumPool,
    SumSquares,
    Topographic,
    Upsample,
    ZeroPad,
)
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, TransposedWindow, Window

IMAGE = Shape(6, 4, 5)  # 120 units
VECTOR = Shape(6)


@pytest.mark.parametrize(
    ("op", "inputs", "connections", "flops"),
    [
        # 4x3x3 = 36 output units, each of 3 channels x 2x3 pixels = 18 products: 648; twice that, and 36 biases.
        (Conv(4, Window((2, 3)), groups=2), (IMAGE,), 648, 1332),
        (Conv(4, Window((2, 3)), groups=2, bias=False), (IMAGE,), 648, 1296),
        # 120 input pixels, each times 2 filters of its group x 2x3; whatever is cut off. 8x11 less 3x3 is 5x8.
        (Deconv(4, TransposedWindow((2, 3), (2, 2), Pad(2, 1, 1, 2)), groups=2), (IMAGE,), 1440, 2880 + 4 * 5 * 8),
        (Deconv(4, TransposedWindow((2, 3), (2, 2)), groups=2, bias=False), (IMAGE,), 1440, 2880),
        (Local(4, Window((2, 3)), groups=2), (IMAGE,), 648, 1332),
        (Local(4, Window((2, 3)), groups=2, bias=False), (IMAGE,), 648, 1296),
        # 8 outputs of 120/2 inputs each.
        (Linear(8, groups=2), (IMAGE,), 480, 968),
        (ChannelScale(), (IMAGE,), 0, 120),
        (PRelu(), (IMAGE,), 0, 120),
        (Bias(), (IMAGE,), 0, 120),
        # 6x2x2 = 24 windows of 4 pixels: 3 comparisons each; 3 additions and a division each.
        (MaxPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 72),
        (AvgPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 96),
        # Two passes of 3 products and 3 additions for each of 120 units.
        (Blur(3, 1.0), (IMAGE,), 0, 1440),
        (Nailbed(2), (IMAGE,), 0, 0),
        (Mirror(), (IMAGE,), 0, 0),
        # 24 windows of 4 pixels: 3 additions each; 4 magnitudes and 3 comparisons each.
        (SumPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 72),
        (MaxAbsPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 168),
        (Crop(1, 2, 3, 3), (IMAGE,), 0, 0),
        (ZeroPad(Pad(1, 0, 2, 3)), (IMAGE,), 0, 0),
        # 36 outputs of 4 pixels: 4 products and 3 additions each.
        (Resize(1.5), (IMAGE,), 0, 36 * 7),
        (RandomScale(3, 1.5), (Shape(6, 4, 4),), 0, 54 * 7),
        (Upsample((2, 2)), (IMAGE,), 0, 0),
        (Upsample((2, 2), "bilinear"), (IMAGE,), 0, 480 * 7),
        # 3 products and 2 additions; twice that, and a product, a power and a comparison between.
        (ColourSpace("yuv"), (Shape(3, 4, 5),), 0, 60 * 5),
        (ColourSpace("lab"), (Shape(3, 4, 5),), 0, 60 * 13),
        (Slice(1, 4), (IMAGE,), 0, 0),
        (Shuffle(3), (IMAGE,), 0, 0),
        (PixelShuffle(2), (Shape(8, 4, 5),), 0, 0),
        (PixelUnshuffle(2), (Shape(2, 8, 10),), 0, 0),
        (ChannelMax(), (IMAGE,), 0, 100),
        (ChannelMean(3), (IMAGE,), 0, 120),
        (Reshape(Shape(120)), (IMAGE,), 0, 0),
        # 5 squares and 5 additions, a product by alpha, a power, a product by x.
        (Lrn(5, 1, 1, 1), (IMAGE,), 0, 120 * 13),
        (MapNorm(3, 1, 1, 1), (IMAGE,), 0, 120 * 21),
        (ContrastNorm(3, 1, 1, 1), (IMAGE,), 0, 120 * 32),
        (BatchNorm(1e-5, 0.1), (IMAGE,), 0, 480),
        (BatchNorm(1e-5, 0.1, affine=False), (IMAGE,), 0, 240),
        (LayerNorm(1e-5), (IMAGE,), 0, 840),
        (GroupNorm(1e-5, groups=2, affine=False), (IMAGE,), 0, 600),
        (Dropout(0.5, "test"), (IMAGE,), 0, 120),
        (Concat(), (IMAGE, IMAGE), 0, 0),
        (Sum(), (IMAGE, IMAGE, IMAGE), 0, 240),
        (Max(), (IMAGE, IMAGE), 0, 120),
        (Product(), (IMAGE, VECTOR, IMAGE), 0, 240),
        (Flatten(), (IMAGE,), 0, 0),
        (Softmax(), (VECTOR,), 0, 18),
        (LinearNeuron(2.0, 1.0), (IMAGE,), 0, 120),
        (BinaryCrossEntropy(), (VECTOR,), 0, 18),
        # 6 steps for each class and each size of a set, up to 5.
        (SetCrossEntropy(size=5), (VECTOR,), 0, 180),
        # A square and an addition a unit; one product with the gate.
        (SumSquares(), (IMAGE,), 0, 240),
        (SumSquares(gate="class"), (IMAGE,), 0, 241),
        (GatedSumSquares(), (Shape(1), IMAGE), 0, 241),
        # 16 additions of squares, and 6 steps of f(S) a unit.
        (Topographic(size=4), (IMAGE,), 0, 120 * 22),
    ],
)
def test_connections_and_flops(op: Op, inputs: tuple[Shape, ...], connections: int, flops: int) -> None:
    output = op.shape(inputs)
    assert op.connections(inputs, output) == connections
    assert op.flops(inputs, output) == flops
