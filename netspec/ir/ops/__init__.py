"""The operations: the only words that layer types and backends have in common."""

from netspec.ir.ops.base import Op, ParamShape, Role, name_of
from netspec.ir.ops.joins import Concat, Elementwise, Flatten, Input, Max, Softmax, Sum
from netspec.ir.ops.losses import BinaryCrossEntropy, CrossEntropy, Loss, SquaredError
from netspec.ir.ops.neurons import Abs, Affine, Logistic, Neuron, Relu, SoftRelu, Sqrt, Square, Tanh
from netspec.ir.ops.norms import BatchNorm, ContrastNorm, Dropout, Lrn, MapNorm
from netspec.ir.ops.spatial import AvgPool, Blur, MaxPool, Mirror, Nailbed, Pool
from netspec.ir.ops.weighted import Bias, Conv, Linear, Local
from netspec.ir.ops.windowed import window_of

VOCABULARY: tuple[type[Op], ...] = (
    Input,
    Conv,
    Local,
    Linear,
    Bias,
    MaxPool,
    AvgPool,
    Blur,
    Nailbed,
    Mirror,
    Lrn,
    MapNorm,
    ContrastNorm,
    BatchNorm,
    Dropout,
    Concat,
    Sum,
    Max,
    Flatten,
    Softmax,
    Relu,
    Tanh,
    Logistic,
    SoftRelu,
    Abs,
    Square,
    Sqrt,
    Affine,
    CrossEntropy,
    BinaryCrossEntropy,
    SquaredError,
)
"""Every operation that a graph may contain."""

__all__ = [
    "VOCABULARY",
    "Abs",
    "Affine",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "BinaryCrossEntropy",
    "Blur",
    "Concat",
    "ContrastNorm",
    "Conv",
    "CrossEntropy",
    "Dropout",
    "Elementwise",
    "Flatten",
    "Input",
    "Linear",
    "Local",
    "Logistic",
    "Loss",
    "Lrn",
    "MapNorm",
    "Max",
    "MaxPool",
    "Mirror",
    "Nailbed",
    "Neuron",
    "Op",
    "ParamShape",
    "Pool",
    "Relu",
    "Role",
    "SoftRelu",
    "Softmax",
    "Sqrt",
    "Square",
    "SquaredError",
    "Sum",
    "Tanh",
    "name_of",
    "window_of",
]
