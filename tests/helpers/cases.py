"""Small networks that together contain every operation, for comparing backends with each other."""

from __future__ import annotations

from collections.abc import Callable

from building import Builder
from case_specs import SPECS

import netspec
from netspec.ir.graph import Graph
from netspec.ir.ops import (
    Abs,
    AvgPool,
    BatchNorm,
    Bias,
    BinaryCrossEntropy,
    Blur,
    CauchyError,
    ChannelMax,
    ChannelMean,
    ChannelScale,
    ColourSpace,
    Concat,
    ContrastNorm,
    Conv,
    Crop,
    CrossEntropy,
    Deconv,
    Dropout,
    Elu,
    Flatten,
    Gelu,
    GroupNorm,
    HardSigmoid,
    HardSwish,
    LayerNorm,
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
    Mish,
    Nailbed,
    NoisyRelu,
    Op,
    PixelShuffle,
    PixelUnshuffle,
    PRelu,
    Product,
    RandomScale,
    Relu,
    Relu6,
    Reshape,
    Resize,
    SetCrossEntropy,
    Shuffle,
    Silu,
    Slice,
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
    Upsample,
    ZeroPad,
)
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

IMAGES: dict[str, Op] = {
    **{f"conv-{name}": Conv(6, window, groups=2) for name, window in (WINDOWS | OVER_ZEROS).items()},
    **{
        f"conv-table-{name}": Conv(4, WINDOWS[name], bias=name == "plain", table=TABLE)
        for name in ("plain", "padded", "overhang")
    },
    **{f"deconv-{name}": Deconv(6, window, groups=2) for name, window in TRANSPOSED.items()},
    **{f"deconv-{name}-without-bias": Deconv(3, TRANSPOSED[name], bias=False) for name in ("enlarging", "growing")},
    "conv-without-bias": Conv(5, WINDOWS["plain"], bias=False),
    **{f"local-{name}": Local(2, w, groups=2) for name, w in (WINDOWS | OVER_ZEROS).items() if name != "whole"},
    "local-without-bias": Local(3, WINDOWS["plain"], bias=False),
    "linear-on-image": Linear(6),
    "linear-in-groups-on-image": Linear(6, groups=2),
    "channelscale": ChannelScale(),
    "prelu": PRelu(),
    "prelu-of-one-slope": PRelu(shared=True),
    "bias-per-channel": Bias(),
    "bias-per-unit": Bias("unit"),
    **{f"maxpool-{name}": MaxPool(window) for name, window in WINDOWS.items()},
    **{f"avgpool-{name}": AvgPool(window) for name, window in WINDOWS.items()},
    **{f"sumpool-{name}": SumPool(window) for name, window in WINDOWS.items()},
    **{f"maxabspool-{name}": MaxAbsPool(window) for name, window in WINDOWS.items()},
    "blur": Blur(5, 1.2),
    "blur-even": Blur(4, 0.8),
    "nailbed": Nailbed(3),
    "mirror": Mirror(),
    "crop": Crop(2, 1, 5, 6),
    "zeropad": ZeroPad(Pad(1, 0, 2, 3)),
    "resize-down": Resize(1.7),
    "resize-up": Resize(0.75),
    "upsample": Upsample((2, 3)),
    "upsample-bilinear": Upsample((3, 2), "bilinear"),
    "upsample-corners": Upsample((2, 3), "corners"),
    "lrn": Lrn(3, 1.5, 0.2, 0.75),
    "lrn-in-groups": Lrn(3, 1.5, 0.2, 0.75, groups=2),
    "lrn-even": Lrn(2, 2.0, 0.3, 0.5),
    "lrn-larger-than-its-group": Lrn(5, 2.0, 0.3, 0.5, groups=2),
    "lrn-of-one": Lrn(1, 2.0, 0.3, 0.5),
    "mapnorm": MapNorm(3, 1.0, 0.1, 0.75),
    "mapnorm-even": MapNorm(4, 1.0, 0.1, 0.75),
    "contrastnorm": ContrastNorm(3, 1.0, 0.1, 0.75),
    "contrastnorm-even": ContrastNorm(2, 1.0, 0.1, 0.75),
    "batchnorm": BatchNorm(1e-3, 0.2),
    "batchnorm-without-affine": BatchNorm(1e-5, 0.1, affine=False),
    "layernorm": LayerNorm(1e-3),
    "layernorm-in-groups": LayerNorm(1e-3, groups=2),
    "layernorm-without-affine": LayerNorm(1e-5, affine=False),
    "layernorm-in-groups-without-affine": LayerNorm(1e-5, groups=2, affine=False),
    "groupnorm": GroupNorm(1e-3, groups=2),
    "groupnorm-of-all-channels": GroupNorm(1e-5, groups=1),
    "groupnorm-of-each-channel": GroupNorm(1e-3, groups=4),
    "groupnorm-without-affine": GroupNorm(1e-5, groups=2, affine=False),
    "dropout": Dropout(0.3, "train"),
    "dropout-of-channels": Dropout(0.3, "train", "channels"),
    "dropout-of-images": Dropout(0.6, "test", "images"),
    "dropout-scaled-at-test": Dropout(0.4, "test"),
    "flatten": Flatten(),
    "slice": Slice(1, 2),
    "slice-in-groups": Slice(2, 2, groups=2),
    "shuffle": Shuffle(2),
    "shuffle-of-shares": Shuffle(2, shares=2),
    "pixelshuffle": PixelShuffle(2),
    "channelmax": ChannelMax(),
    "channelmax-of-groups": ChannelMax(2),
    "channelmean": ChannelMean(),
    "channelmean-of-groups": ChannelMean(2),
    "reshape": Reshape(Shape(6, 16, 3)),
    "reshape-to-vector": Reshape(Shape(288)),
    "softmax-of-pixels": Softmax(),
    "relu": Relu(),
    "relu6": Relu6(),
    "nrelu": NoisyRelu(),
    "nrelu-of-little-noise": NoisyRelu(0.3),
    "leakyrelu": LeakyRelu(),
    "leakyrelu-steep": LeakyRelu(1.5),
    "elu": Elu(),
    "elu-scaled": Elu(0.5),
    "silu": Silu(),
    "mish": Mish(),
    "gelu": Gelu(),
    "hardswish": HardSwish(),
    "hardsigmoid": HardSigmoid(),
    "tanh": Tanh(),
    "tanh-scaled": Tanh(1.7159, 0.667),
    "logistic": Logistic(),
    "softrelu": SoftRelu(),
    "abs": Abs(),
    "square": Square(),
    "sumsquares-of-image": SumSquares(),
    "sumsquares-by-class": SumSquares(0.5, gate="class"),
    "topographic": Topographic(size=3),
    "topographic-even": Topographic(2.0, size=4),
    "topographic-of-one": Topographic(size=1),
    "linear-neuron": LinearNeuron(-0.5, 2.0),
    "identity": LinearNeuron(),
}

VECTORS: dict[str, Op] = {
    "reshape-of-vector": Reshape(Shape(2, 1, 3)),
    "slice-of-vector": Slice(2, 3),
    "slice-of-vector-in-groups": Slice(0, 4, groups=2),
    "shuffle-of-vector": Shuffle(3),
    "channelmax-of-vector": ChannelMax(2),
    "channelmean-of-vector": ChannelMean(),
    "linear": Linear(5),
    "linear-without-bias": Linear(5, bias=False),
    "linear-in-groups": Linear(6, groups=3),
    "linear-in-groups-without-bias": Linear(6, groups=3, bias=False),
    "channelscale-of-vector": ChannelScale(),
    "prelu-of-vector": PRelu(),
    "prelu-of-vector-of-one-slope": PRelu(shared=True),
    "bias-of-vector": Bias(),
    "batchnorm-of-vector": BatchNorm(1e-3, 0.2),
    "layernorm-of-vector": LayerNorm(1e-3),
    "layernorm-of-vector-in-groups": LayerNorm(1e-3, groups=2),
    "layernorm-of-vector-without-affine": LayerNorm(1e-3, affine=False),
    "groupnorm-of-vector": GroupNorm(1e-3, groups=3),
    "dropout-of-channels-of-vector": Dropout(0.3, "test", "channels"),
    "dropout-of-images-of-vector": Dropout(0.3, "train", "images"),
    "softmax": Softmax(),
    "crossentropy": CrossEntropy(),
    "setcrossentropy-of-one": SetCrossEntropy(0.5),
    "setcrossentropy": SetCrossEntropy(size=3),
    "setcrossentropy-of-all-but-one": SetCrossEntropy(size=5),
    "binarycrossentropy": BinaryCrossEntropy(0.5),
    "binarycrossentropy-of-unequal-weight": BinaryCrossEntropy(0.5, positive=3.0),
    "binarycrossentropy-of-probabilities": BinaryCrossEntropy(0.5, positive=3.0, of="probabilities"),
    "squarederror": SquaredError(2.0),
    "cauchyerror": CauchyError(0.5),
    "sumsquares": SumSquares(2.0),
}

SCALED: dict[str, Op] = {
    "randomscale": RandomScale(6, 1.5),
    "randomscale-beyond-the-image": RandomScale(8, 2.0),
    "randomscale-of-one-size": RandomScale(9, 1.0),
    "pixelunshuffle": PixelUnshuffle(3),
}
"""Operations on a square image."""

COLOURS: dict[str, Op] = {"yuv": ColourSpace("yuv"), "lab": ColourSpace("lab"), "lab-centred": ColourSpace("lab", True)}

ROOTS: dict[str, Op] = {"sqrt": Sqrt(), "log": Log(), "log-of-sum": Log(1.5)}
"""Operations on numbers above 0."""

JOINS: dict[str, Op] = {
    "sum": Sum(), "max": Max(), "product": Product(), "concat": Concat(), "concat-in-groups": Concat(2),
}  # fmt: skip


def cases() -> dict[str, Case]:
    """Return functions that build the networks, by name: single operations, and the specs of ``case_specs``."""
    builders: dict[str, Case] = {name: _single(op, (4, 9, 8)) for name, op in IMAGES.items()}
    builders |= {name: _single(op, (6,)) for name, op in VECTORS.items()}
    builders |= {name: _single(op, (3, 9, 9)) for name, op in SCALED.items()}
    builders |= {name: _joined(op) for name, op in JOINS.items()}
    builders |= {name: _single(op, (3, 4, 5)) for name, op in COLOURS.items()}
    builders |= {name: _on_positive(op) for name, op in ROOTS.items()}
    return builders | {name: _from_spec(text) for name, text in SPECS.items()}


def _single(op: Op, dims: tuple[int, ...]) -> Case:
    def build() -> Graph:
        builder = Builder()
        builder.add("layer", op, builder.input(*dims))
        return verify(builder.graph())

    return build


def _joined(op: Op) -> Case:
    """A join of three values, one of them twice, so that some of the joined elements are equal."""

    def build() -> Graph:
        builder = Builder()
        image = builder.input(4, 3, 3)
        tanh = builder.add("tanh", Tanh(), image)
        square = builder.add("square", Square(), image)
        joined = builder.add("joined", op, tanh, square, tanh)
        builder.add("last", Linear(3), joined)
        return verify(builder.graph())

    return build


def _on_positive(op: Op) -> Case:
    def build() -> Graph:
        builder = Builder()
        square = builder.add("square", Square(), builder.input(4, 3, 3))
        builder.add("layer", op, builder.add("shift", LinearNeuron(1.0, 0.5), square))
        return verify(builder.graph())

    return build


def _from_spec(text: str) -> Case:
    unindented = "\n".join(line.strip() for line in text.strip().splitlines())
    return lambda: netspec.loads(unindented).graph
