"""The operations, which are all that layer types and backends have in common."""

from netspec.ir.ops.base import Op, ParamShape, Role, name_of, word_of
from netspec.ir.ops.channels import ChannelMax, ChannelMean, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.ops.colour import ColourSpace
from netspec.ir.ops.inspection import is_identity, window_of
from netspec.ir.ops.joins import Concat, Elementwise, Flatten, Input, Max, Product, Reshape, Softmax, Sum
from netspec.ir.ops.losses import (
    BinaryCrossEntropy,
    CauchyError,
    CrossEntropy,
    GatedSumSquares,
    Loss,
    SetCrossEntropy,
    SquaredError,
    SumSquares,
    Topographic,
)
from netspec.ir.ops.neurons import (
    Abs,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    LinearNeuron,
    Log,
    Logistic,
    Mish,
    Neuron,
    NoisyRelu,
    Relu,
    Relu6,
    Silu,
    SoftRelu,
    Sqrt,
    Square,
    Tanh,
)
from netspec.ir.ops.norms import (
    RUNNING_STATISTICS,
    BatchNorm,
    ContrastNorm,
    Dropout,
    DropoutOver,
    GroupNorm,
    LayerNorm,
    Lrn,
    MapNorm,
)
from netspec.ir.ops.scaling import Interpolate, RandomScale, Upsample
from netspec.ir.ops.spatial import (
    AvgPool,
    BinPool,
    Blur,
    BorderPad,
    Crop,
    EdgePad,
    MaxAbsPool,
    MaxPool,
    Mirror,
    Nailbed,
    Pool,
    ReflectPad,
    Resize,
    SumPool,
    ZeroPad,
)
from netspec.ir.ops.weighted import Bias, ChannelScale, Connected, Conv, Deconv, Linear, Local, PRelu

VOCABULARY: tuple[type[Op], ...] = (
    Input, Conv, Deconv, Local, Linear, ChannelScale, PRelu, Bias,
    MaxPool, AvgPool, SumPool, MaxAbsPool, BinPool,
    Blur, Nailbed, Mirror, Crop, ZeroPad, EdgePad, ReflectPad, Resize, Upsample, Interpolate, RandomScale, ColourSpace,
    Lrn, MapNorm, ContrastNorm, BatchNorm, LayerNorm, GroupNorm, Dropout,
    Concat, Slice, Shuffle, PixelShuffle, PixelUnshuffle, ChannelMax, ChannelMean, Sum, Max, Product, Flatten, Reshape,
    Softmax,
    Relu, Relu6, NoisyRelu, LeakyRelu, Elu, Silu, Mish, Gelu, HardSwish, Tanh, Logistic, HardSigmoid, SoftRelu, Abs,
    Square, Sqrt, Log, LinearNeuron,
    CrossEntropy, SetCrossEntropy, BinaryCrossEntropy, SquaredError, CauchyError, SumSquares, GatedSumSquares,
    Topographic,
)  # fmt: skip
"""Every operation that a graph may contain."""

__all__ = [
    "RUNNING_STATISTICS", "VOCABULARY", "Abs", "AvgPool", "BatchNorm", "Bias", "BinPool", "BinaryCrossEntropy", "Blur",
    "BorderPad", "CauchyError", "ChannelMax", "ChannelMean", "ChannelScale", "ColourSpace", "Concat", "Connected",
    "ContrastNorm", "Conv", "Crop", "CrossEntropy", "Deconv", "Dropout", "DropoutOver", "EdgePad", "Elementwise", "Elu",
    "Flatten", "GatedSumSquares", "Gelu", "GroupNorm", "HardSigmoid", "HardSwish", "Input", "Interpolate", "LayerNorm",
    "LeakyRelu", "Linear", "LinearNeuron", "Local", "Log", "Logistic", "Loss", "Lrn", "MapNorm", "Max", "MaxAbsPool",
    "MaxPool", "Mirror", "Mish", "Nailbed", "Neuron", "NoisyRelu", "Op", "PRelu", "ParamShape", "PixelShuffle",
    "PixelUnshuffle", "Pool", "Product", "RandomScale", "ReflectPad", "Relu", "Relu6", "Reshape", "Resize", "Role",
    "SetCrossEntropy", "Shuffle", "Silu", "Slice", "SoftRelu", "Softmax", "Sqrt", "Square", "SquaredError", "Sum",
    "SumPool", "SumSquares", "Tanh", "Topographic", "Upsample", "ZeroPad", "is_identity", "name_of", "window_of",
    "word_of",
]  # fmt: skip
