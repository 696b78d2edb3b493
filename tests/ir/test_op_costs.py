"""Connections and FLOPs of operations, counted by hand."""

from __future__ import annotations

import pytest

from netspec.ir import ops
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, TransposedWindow, Window

IMAGE = Shape(6, 4, 5)  # 120 units
VECTOR = Shape(6)


@pytest.mark.parametrize(
    ("op", "inputs", "connections", "flops"),
    [
        # 4x3x3 = 36 output units, each of 3 channels x 2x3 pixels = 18 products: 648; twice that, and 36 biases.
        (ops.Conv(4, Window((2, 3)), groups=2), (IMAGE,), 648, 1332),
        (ops.Conv(4, Window((2, 3)), groups=2, bias=False), (IMAGE,), 648, 1296),
        # 120 input pixels, each times 2 filters of its group x 2x3; whatever is cut off. 8x11 less 3x3 is 5x8.
        (ops.Deconv(4, TransposedWindow((2, 3), (2, 2), Pad(2, 1, 1, 2)), groups=2), (IMAGE,), 1440, 2880 + 4 * 5 * 8),
        (ops.Deconv(4, TransposedWindow((2, 3), (2, 2)), groups=2, bias=False), (IMAGE,), 1440, 2880),
        (ops.Local(4, Window((2, 3)), groups=2), (IMAGE,), 648, 1332),
        (ops.Local(4, Window((2, 3)), groups=2, bias=False), (IMAGE,), 648, 1296),
        # 8 outputs of 120/2 inputs each.
        (ops.Linear(8, groups=2), (IMAGE,), 480, 968),
        (ops.ChannelScale(), (IMAGE,), 0, 120),
        (ops.PRelu(), (IMAGE,), 0, 120),
        (ops.Bias(), (IMAGE,), 0, 120),
        # 6x2x2 = 24 windows of 4 pixels: 3 comparisons each; 3 additions and a division each.
        (ops.MaxPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 72),
        (ops.AvgPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 96),
        # Two passes of 3 products and 3 additions for each of 120 units.
        (ops.Blur(3, 1.0), (IMAGE,), 0, 1440),
        (ops.Nailbed(2), (IMAGE,), 0, 0),
        (ops.Mirror(), (IMAGE,), 0, 0),
        # 24 windows of 4 pixels: 3 additions each; 4 magnitudes and 3 comparisons each.
        (ops.SumPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 72),
        (ops.MaxAbsPool(Window((2, 2), (2, 2), rounding="down")), (IMAGE,), 0, 168),
        (ops.Crop(1, 2, 3, 3), (IMAGE,), 0, 0),
        (ops.ZeroPad(Pad(1, 0, 2, 3)), (IMAGE,), 0, 0),
        # 36 outputs of 4 pixels: 4 products and 3 additions each.
        (ops.Resize(1.5), (IMAGE,), 0, 36 * 7),
        (ops.RandomScale(3, 1.5), (Shape(6, 4, 4),), 0, 54 * 7),
        (ops.Upsample((2, 2)), (IMAGE,), 0, 0),
        (ops.Upsample((2, 2), "bilinear"), (IMAGE,), 0, 480 * 7),
        (ops.Interpolate((3, 7)), (IMAGE,), 0, 126 * 7),
        (ops.Interpolate((3, 7), "nearest"), (IMAGE,), 0, 0),
        # 2 bins of 2 of 4 rows, which do not overlap, and 2 bins of 3 of 5 columns.
        (ops.BinPool((2, 2)), (IMAGE,), 0, 6 * 4 * 6),
        (ops.EdgePad(Pad(1, 0, 2, 3)), (IMAGE,), 0, 0),
        (ops.ReflectPad(Pad(1, 0, 2, 3)), (IMAGE,), 0, 0),
        # 3 products and 2 additions; twice that, and a product, a power and a comparison between.
        (ops.ColourSpace("yuv"), (Shape(3, 4, 5),), 0, 60 * 5),
        (ops.ColourSpace("lab"), (Shape(3, 4, 5),), 0, 60 * 13),
        (ops.Slice(1, 4), (IMAGE,), 0, 0),
        (ops.Shuffle(3), (IMAGE,), 0, 0),
        (ops.PixelShuffle(2), (Shape(8, 4, 5),), 0, 0),
        (ops.PixelUnshuffle(2), (Shape(2, 8, 10),), 0, 0),
        (ops.ChannelMax(), (IMAGE,), 0, 100),
        (ops.ChannelMean(3), (IMAGE,), 0, 120),
        (ops.Reshape(Shape(120)), (IMAGE,), 0, 0),
        # 5 squares and 5 additions, a product by alpha, a power, a product by x.
        (ops.Lrn(5, 1, 1, 1), (IMAGE,), 0, 120 * 13),
        (ops.MapNorm(3, 1, 1, 1), (IMAGE,), 0, 120 * 21),
        (ops.ContrastNorm(3, 1, 1, 1), (IMAGE,), 0, 120 * 32),
        (ops.BatchNorm(1e-5, 0.1), (IMAGE,), 0, 480),
        (ops.BatchNorm(1e-5, 0.1, affine=False), (IMAGE,), 0, 240),
        (ops.LayerNorm(1e-5), (IMAGE,), 0, 840),
        (ops.GroupNorm(1e-5, groups=2, affine=False), (IMAGE,), 0, 600),
        (ops.Dropout(0.5, "test"), (IMAGE,), 0, 120),
        (ops.Concat(), (IMAGE, IMAGE), 0, 0),
        (ops.Sum(), (IMAGE, IMAGE, IMAGE), 0, 240),
        (ops.Max(), (IMAGE, IMAGE), 0, 120),
        (ops.Product(), (IMAGE, VECTOR, IMAGE), 0, 240),
        (ops.Flatten(), (IMAGE,), 0, 0),
        (ops.Softmax(), (VECTOR,), 0, 18),
        (ops.LinearNeuron(2.0, 1.0), (IMAGE,), 0, 120),
        (ops.BinaryCrossEntropy(), (VECTOR,), 0, 18),
        # 6 steps for each class and each size of a set, up to 5.
        (ops.SetCrossEntropy(size=5), (VECTOR,), 0, 180),
        # A square and an addition a unit; one product with the gate.
        (ops.SumSquares(), (IMAGE,), 0, 240),
        (ops.SumSquares(gate="class"), (IMAGE,), 0, 241),
        (ops.GatedSumSquares(), (Shape(1), IMAGE), 0, 241),
        # 16 additions of squares, and 6 steps of f(S) a unit.
        (ops.Topographic(size=4), (IMAGE,), 0, 120 * 22),
    ],
)
def test_connections_and_flops(op: ops.Op, inputs: tuple[Shape, ...], connections: int, flops: int) -> None:
    output = op.shape(inputs)
    assert op.connections(inputs, output) == connections
    assert op.flops(inputs, output) == flops
