"""Small networks that together contain every operation, for comparing backends with each other."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from building import Builder
from case_specs import SPECS

import netspec
from netspec.ir import ops
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.verify import verify
from netspec.ir.window import Pad, TransposedWindow, Window

Case = Callable[[], Graph]

WINDOWS = {
    "plain": Window((3, 3), (2, 2), rounding="down"),
    "padded": Window((3, 3), (1, 2), Pad(1, 1, 1, 1), rounding="down"),
    "overhang": Window((3, 3), (2, 2), Pad(1, 1, 0, 0), rounding="up"),
    "lopsided": Window((3, 2), (2, 3), Pad(0, 0, 2, 1), rounding="up"),
    "wide-pad": Window((2, 2), (1, 1), Pad(1, 1, 1, 1), rounding="down"),
    "beyond-half": Window((3, 3), (1, 1), Pad(2, 2, 2, 2), rounding="down"),
    "dilated": Window((2, 3), (1, 1), Pad(1, 1, 0, 1), (2, 2), rounding="down"),
    "caffe": Window((2, 2), (3, 3), Pad(1, 1, 1, 1), rounding="caffe", kind="pool"),
    "gaps": Window((2, 2), (3, 3), rounding="down"),
    "whole": Window((9, 8)),
}
"""Windows on an image of 9 x 8, with every kind of padding that PyTorch has, and kinds that it does not have."""

OVER_ZEROS = {
    "before": Window((3, 3), (2, 2), Pad(4, 4, 5, 3), rounding="up", outside=True),
    "after": Window((2, 3), (1, 2), Pad(0, 6, 0, 5), rounding="down", outside=True),
    "stepping-over": Window((2, 2), (1, 1), Pad(5, 5, 5, 5), (11, 10), rounding="down", outside=True),
}
"""Windows some of whose positions cover only padding."""

TRANSPOSED = {
    "adjacent": TransposedWindow((2, 3), (2, 3)),
    "enlarging": TransposedWindow((4, 4), (2, 2), Pad(1, 1, 1, 1)),
    "output-padding": TransposedWindow((3, 3), (2, 2), Pad(1, 0, 1, 0)),
    "same": TransposedWindow((3, 3), (2, 2), Pad(0, 1, 0, 1)),
    "one-sided": TransposedWindow((3, 2), (1, 2), Pad(1, 0, 0, 3)),
    "dilated": TransposedWindow((2, 3), (1, 2), Pad(1, 2, 0, 1), (3, 2)),
    "dilated-output-padding": TransposedWindow((3, 2), (2, 1), Pad(1, 0, 1, 0), (1, 2)),
    "holes": TransposedWindow((1, 1), (3, 2), Pad(0, -1, 0, -2)),
    "growing": TransposedWindow((3, 3), (2, 1), Pad(-1, 2, -2, -3)),
}
"""The windows of transposed convolutions. The last one adds pixels that only get the bias."""

TABLE = ConnectionTable(((0, 2), (3,), (0, 1, 2, 3), (1, 2, 3)))
"""The table of 4 filters over 4 channels."""

IMAGES: dict[str, ops.Op] = {
    **{f"conv-{name}": ops.Conv(6, window, groups=2) for name, window in (WINDOWS | OVER_ZEROS).items()},
    **{
        f"conv-table-{name}": ops.Conv(4, WINDOWS[name], bias=name == "plain", table=TABLE)
        for name in ("plain", "padded", "overhang")
    },
    **{f"deconv-{name}": ops.Deconv(6, window, groups=2) for name, window in TRANSPOSED.items()},
    **{f"deconv-{name}-without-bias": ops.Deconv(3, TRANSPOSED[name], bias=False) for name in ("enlarging", "growing")},
    "conv-without-bias": ops.Conv(5, WINDOWS["plain"], bias=False),
    **{f"local-{name}": ops.Local(2, w, groups=2) for name, w in (WINDOWS | OVER_ZEROS).items() if name != "whole"},
    "local-without-bias": ops.Local(3, WINDOWS["plain"], bias=False),
    "linear-on-image": ops.Linear(6),
    "linear-in-groups-on-image": ops.Linear(6, groups=2),
    "channelscale": ops.ChannelScale(),
    "prelu": ops.PRelu(),
    "prelu-of-one-slope": ops.PRelu(shared=True),
    "bias-per-channel": ops.Bias(),
    "bias-per-unit": ops.Bias("unit"),
    **{f"maxpool-{name}": ops.MaxPool(window) for name, window in WINDOWS.items()},
    **{f"avgpool-{name}": ops.AvgPool(window) for name, window in WINDOWS.items()},
    **{f"sumpool-{name}": ops.SumPool(window) for name, window in WINDOWS.items()},
    **{f"maxabspool-{name}": ops.MaxAbsPool(window) for name, window in WINDOWS.items()},
    "blur": ops.Blur(5, 1.2),
    "blur-even": ops.Blur(4, 0.8),
    "nailbed": ops.Nailbed(3),
    "mirror": ops.Mirror(),
    "crop": ops.Crop(2, 1, 5, 6),
    "zeropad": ops.ZeroPad(Pad(1, 0, 2, 3)),
    "resize-down": ops.Resize(1.7),
    "resize-up": ops.Resize(0.75),
    "upsample": ops.Upsample((2, 3)),
    "upsample-bilinear": ops.Upsample((3, 2), "bilinear"),
    "upsample-corners": ops.Upsample((2, 3), "corners"),
    "interpolate-up": ops.Interpolate((14, 13)),
    "interpolate-down": ops.Interpolate((4, 3)),
    "interpolate-corners": ops.Interpolate((7, 11), "corners"),
    "interpolate-nearest": ops.Interpolate((6, 12), "nearest"),
    "binpool": ops.BinPool((4, 3)),
    "binpool-of-more-bins-than-pixels": ops.BinPool((2, 11)),
    "edgepad": ops.EdgePad(Pad(1, 0, 2, 10)),
    "reflectpad": ops.ReflectPad(Pad(7, 0, 2, 8)),
    "lrn": ops.Lrn(3, 1.5, 0.2, 0.75),
    "lrn-in-groups": ops.Lrn(3, 1.5, 0.2, 0.75, groups=2),
    "lrn-even": ops.Lrn(2, 2.0, 0.3, 0.5),
    "lrn-larger-than-its-group": ops.Lrn(5, 2.0, 0.3, 0.5, groups=2),
    "lrn-of-one": ops.Lrn(1, 2.0, 0.3, 0.5),
    "mapnorm": ops.MapNorm(3, 1.0, 0.1, 0.75),
    "mapnorm-even": ops.MapNorm(4, 1.0, 0.1, 0.75),
    "contrastnorm": ops.ContrastNorm(3, 1.0, 0.1, 0.75),
    "contrastnorm-even": ops.ContrastNorm(2, 1.0, 0.1, 0.75),
    "batchnorm": ops.BatchNorm(1e-3, 0.2),
    "batchnorm-without-affine": ops.BatchNorm(1e-5, 0.1, affine=False),
    "layernorm": ops.LayerNorm(1e-3),
    "layernorm-in-groups": ops.LayerNorm(1e-3, groups=2),
    "layernorm-without-affine": ops.LayerNorm(1e-5, affine=False),
    "layernorm-in-groups-without-affine": ops.LayerNorm(1e-5, groups=2, affine=False),
    "groupnorm": ops.GroupNorm(1e-3, groups=2),
    "groupnorm-of-all-channels": ops.GroupNorm(1e-5, groups=1),
    "groupnorm-of-each-channel": ops.GroupNorm(1e-3, groups=4),
    "groupnorm-without-affine": ops.GroupNorm(1e-5, groups=2, affine=False),
    "dropout": ops.Dropout(0.3, "train"),
    "dropout-of-channels": ops.Dropout(0.3, "train", "channels"),
    "dropout-of-images": ops.Dropout(0.6, "test", "images"),
    "dropout-scaled-at-test": ops.Dropout(0.4, "test"),
    "flatten": ops.Flatten(),
    "slice": ops.Slice(1, 2),
    "slice-in-groups": ops.Slice(2, 2, groups=2),
    "shuffle": ops.Shuffle(2),
    "shuffle-of-shares": ops.Shuffle(2, shares=2),
    "pixelshuffle": ops.PixelShuffle(2),
    "channelmax": ops.ChannelMax(),
    "channelmax-of-groups": ops.ChannelMax(2),
    "channelmean": ops.ChannelMean(),
    "channelmean-of-groups": ops.ChannelMean(2),
    "reshape": ops.Reshape(Shape(6, 16, 3)),
    "reshape-to-vector": ops.Reshape(Shape(288)),
    "softmax-of-pixels": ops.Softmax(),
    "relu": ops.Relu(),
    "relu6": ops.Relu6(),
    "nrelu": ops.NoisyRelu(),
    "nrelu-of-little-noise": ops.NoisyRelu(0.3),
    "leakyrelu": ops.LeakyRelu(),
    "leakyrelu-steep": ops.LeakyRelu(1.5),
    "elu": ops.Elu(),
    "elu-scaled": ops.Elu(0.5),
    "silu": ops.Silu(),
    "mish": ops.Mish(),
    "gelu": ops.Gelu(),
    "hardswish": ops.HardSwish(),
    "hardsigmoid": ops.HardSigmoid(),
    "tanh": ops.Tanh(),
    "tanh-scaled": ops.Tanh(1.7159, 0.667),
    "logistic": ops.Logistic(),
    "softrelu": ops.SoftRelu(),
    "abs": ops.Abs(),
    "square": ops.Square(),
    "sumsquares-of-image": ops.SumSquares(),
    "sumsquares-by-class": ops.SumSquares(0.5, gate="class"),
    "topographic": ops.Topographic(size=3),
    "topographic-even": ops.Topographic(2.0, size=4),
    "topographic-of-one": ops.Topographic(size=1),
    "linear-neuron": ops.LinearNeuron(-0.5, 2.0),
    "identity": ops.LinearNeuron(),
}

VECTORS: dict[str, ops.Op] = {
    "reshape-of-vector": ops.Reshape(Shape(2, 1, 3)),
    "slice-of-vector": ops.Slice(2, 3),
    "slice-of-vector-in-groups": ops.Slice(0, 4, groups=2),
    "shuffle-of-vector": ops.Shuffle(3),
    "channelmax-of-vector": ops.ChannelMax(2),
    "channelmean-of-vector": ops.ChannelMean(),
    "linear": ops.Linear(5),
    "linear-without-bias": ops.Linear(5, bias=False),
    "linear-in-groups": ops.Linear(6, groups=3),
    "linear-in-groups-without-bias": ops.Linear(6, groups=3, bias=False),
    "channelscale-of-vector": ops.ChannelScale(),
    "prelu-of-vector": ops.PRelu(),
    "prelu-of-vector-of-one-slope": ops.PRelu(shared=True),
    "bias-of-vector": ops.Bias(),
    "batchnorm-of-vector": ops.BatchNorm(1e-3, 0.2),
    "layernorm-of-vector": ops.LayerNorm(1e-3),
    "layernorm-of-vector-in-groups": ops.LayerNorm(1e-3, groups=2),
    "layernorm-of-vector-without-affine": ops.LayerNorm(1e-3, affine=False),
    "groupnorm-of-vector": ops.GroupNorm(1e-3, groups=3),
    "dropout-of-channels-of-vector": ops.Dropout(0.3, "test", "channels"),
    "dropout-of-images-of-vector": ops.Dropout(0.3, "train", "images"),
    "softmax": ops.Softmax(),
    "crossentropy": ops.CrossEntropy(),
    "setcrossentropy-of-one": ops.SetCrossEntropy(0.5),
    "setcrossentropy": ops.SetCrossEntropy(size=3),
    "setcrossentropy-of-all-but-one": ops.SetCrossEntropy(size=5),
    "binarycrossentropy": ops.BinaryCrossEntropy(0.5),
    "binarycrossentropy-of-unequal-weight": ops.BinaryCrossEntropy(0.5, positive=3.0),
    "binarycrossentropy-of-probabilities": ops.BinaryCrossEntropy(0.5, positive=3.0, of="probabilities"),
    "squarederror": ops.SquaredError(2.0),
    "cauchyerror": ops.CauchyError(0.5),
    "sumsquares": ops.SumSquares(2.0),
}

SCALED: dict[str, ops.Op] = {
    "randomscale": ops.RandomScale(6, 1.5),
    "randomscale-beyond-the-image": ops.RandomScale(8, 2.0),
    "randomscale-of-one-size": ops.RandomScale(9, 1.0),
    "pixelunshuffle": ops.PixelUnshuffle(3),
}
"""Operations on a square image."""

COLOURS: dict[str, ops.Op] = {
    "yuv": ops.ColourSpace("yuv"),
    "lab": ops.ColourSpace("lab"),
    "lab-centred": ops.ColourSpace("lab", True),
}

ROOTS: dict[str, ops.Op] = {"sqrt": ops.Sqrt(), "log": ops.Log(), "log-of-sum": ops.Log(1.5)}
"""Operations on numbers above 0."""

JOINS: dict[str, ops.Op] = {
    "sum": ops.Sum(),
    "max": ops.Max(),
    "product": ops.Product(),
    "concat": ops.Concat(),
    "concat-in-groups": ops.Concat(2),
}


def cases() -> dict[str, Case]:
    """Return functions that build the networks, by name: single operations, and the specs of ``case_specs``."""
    builders: dict[str, Case] = {name: _single(op, (4, 9, 8)) for name, op in IMAGES.items()}
    builders |= {name: _single(op, (6,)) for name, op in VECTORS.items()}
    builders |= {name: _single(op, (3, 9, 9)) for name, op in SCALED.items()}
    builders |= {name: _joined(op) for name, op in JOINS.items()}
    builders |= {name: _single(op, (3, 4, 5)) for name, op in COLOURS.items()}
    builders |= {name: _on_positive(op) for name, op in ROOTS.items()}
    return builders | {name: _from_spec(text) for name, text in SPECS.items()}


@cache
def operations() -> dict[str, frozenset[type[ops.Op]]]:
    """Return the kinds of operations in each network of ``cases``, by the network's name."""
    return {name: frozenset(type(node.op) for node in build().nodes.values()) for name, build in cases().items()}


def differing_in_training() -> dict[str, Case]:
    """Return the networks that compute something else in training."""
    differing, found = {ops.BatchNorm, ops.Dropout, ops.RandomScale}, operations()
    return {name: build for name, build in cases().items() if found[name] & differing}


def _single(op: ops.Op, dims: tuple[int, ...]) -> Case:
    def build() -> Graph:
        builder = Builder()
        builder.add("layer", op, builder.input(*dims))
        return verify(builder.graph())

    return build


def _joined(op: ops.Op) -> Case:
    """A join of three values, one of them twice, so that some of the joined elements are equal."""

    def build() -> Graph:
        builder = Builder()
        image = builder.input(4, 3, 3)
        tanh = builder.add("tanh", ops.Tanh(), image)
        square = builder.add("square", ops.Square(), image)
        joined = builder.add("joined", op, tanh, square, tanh)
        builder.add("last", ops.Linear(3), joined)
        return verify(builder.graph())

    return build


def _on_positive(op: ops.Op) -> Case:
    def build() -> Graph:
        builder = Builder()
        square = builder.add("square", ops.Square(), builder.input(4, 3, 3))
        builder.add("layer", op, builder.add("shift", ops.LinearNeuron(1.0, 0.5), square))
        return verify(builder.graph())

    return build


def _from_spec(text: str) -> Case:
    unindented = "\n".join(line.strip() for line in text.strip().splitlines())
    return lambda: netspec.loads(unindented).graph
