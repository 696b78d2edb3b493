"""The translation of each operator, and why the best-known others have none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netspec.importers.operators.spec import (
    arithmetic,
    channels,
    neurons,
    norms,
    products,
    reductions,
    reshaping,
    transposed,
    upsampling,
    windows,
)
from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.neurons import neuron
from netspec.importers.spec.problem import NO_RECURRENCE, NO_SOFTPLUS

Translate = Callable[[Site], None]

OPERATORS: Mapping[str, Translate] = {
    "Conv": windows.conv,
    "ConvTranspose": transposed.conv_transpose,
    **dict.fromkeys(("Resize", "Upsample"), upsampling.resize),
    "MaxPool": windows.max_pool,
    "AveragePool": windows.average_pool,
    "GlobalAveragePool": windows.global_pool("avgpool"),
    "GlobalMaxPool": windows.global_pool("maxpool"),
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceSum"), reductions.reduce),
    **dict.fromkeys(("GroupReduceMean", "GroupReduceMax", "GroupReduceSum"), reductions.reduce_groups),
    "Pad": windows.pad,
    "BinPool": windows.bin_pool,
    "Gemm": products.gemm,
    "MatMul": products.mat_mul,
    "Add": arithmetic.add,
    "Sub": arithmetic.subtract,
    "Mul": arithmetic.multiply,
    "Div": arithmetic.divide,
    "Neg": arithmetic.negate,
    "Pow": arithmetic.power,
    "ChannelsApart": arithmetic.channels_apart,
    "Sum": arithmetic.join("sum"),
    "Max": arithmetic.join("max"),
    "Mean": arithmetic.mean,
    "Min": arithmetic.minimum,
    "BatchNormalization": norms.batch_norm,
    "LayerNormalization": norms.layer_norm,
    "LayerNorm": norms.recognised_layer_norm,
    "InstanceNormalization": norms.instance_norm,
    "GroupNormalization": norms.group_norm,
    "GroupNorm": norms.recognised_group_norm,
    "LRN": norms.lrn,
    "MapNorm": norms.map_norm,
    "Dropout": norms.dropout,
    "Softmax": norms.softmax,
    "LogSoftmax": norms.log_softmax,
    "Relu": neuron("relu"),
    "LeakyRelu": neurons.leaky_relu,
    "PRelu": neurons.p_relu,
    "Elu": neuron("elu", alpha=("alpha", 1.0)),
    "Selu": neurons.selu,
    "Celu": neurons.celu,
    "Sigmoid": neuron("logistic"),
    "HardSigmoid": neurons.hard_sigmoid,
    "HardSwish": neuron("hardswish"),
    "Swish": neurons.swish,
    "Silu": neuron("silu"),
    "Mish": neuron("mish"),
    "Gelu": neurons.gelu,
    "Tanh": neuron("tanh"),
    "ScaledTanh": neuron("tanh", a=("a", 1.0), b=("b", 1.0)),
    "SoftRelu": neuron("softrelu"),
    "Abs": neuron("abs"),
    "Square": neuron("square"),
    "Sqrt": neuron("sqrt"),
    "Log": neuron("log"),
    "ShiftedLog": neuron("log", a=("a", 0.0)),
    "Clip": neurons.clip,
    "Identity": reshaping.same,
    "Cast": reshaping.cast,
    "Reshape": reshaping.reshape,
    "Flatten": reshaping.reshape,
    "Squeeze": reshaping.reshape,
    "Unsqueeze": reshaping.reshape,
    "Expand": reshaping.expand,
    "Transpose": reshaping.transpose,
    "Concat": reshaping.concat,
    "Slice": reshaping.slice_,
    "Split": channels.split,
    "Gather": channels.gather,
    "ChannelShuffle": channels.shuffle,
    "DepthToSpace": channels.depth_to_space,
    "SpaceToDepth": channels.space_to_depth,
    "PixelUnshuffle": channels.pixel_unshuffle,
}
"""By the operator's type. The types that ONNX does not have are those of groups that were recognised."""

EXACT = frozenset({
    "Cast", "Concat", "Expand", "Flatten", "Max", "Min", "MaxPool", "GlobalMaxPool", "Pad", "ReduceMax",
    "GroupReduceMax", "Relu", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze", "Split", "Gather",
    "ChannelShuffle", "DepthToSpace", "SpaceToDepth", "PixelUnshuffle",
})  # fmt: skip
"""Operators that do to whole numbers what they do to real ones: others round, or leave the range of the type."""

WHOLE = "it computes with whole numbers, which it rounds to or which overflow; a spec computes with real numbers"

COUNTS = "it computes with the number of images; a spec computes the same for every image"

_DEPENDS = "a spec computes the same for every image"

REASONS: Mapping[str, str] = {
    **dict.fromkeys(("LSTM", "GRU", "RNN"), NO_RECURRENCE),
    **dict.fromkeys(("If", "Loop", "Scan"), _DEPENDS),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv", "ConvInteger",
                     "QLinearMatMul", "MatMulInteger"), "a spec computes with real numbers, not with quantised ones"),
    "ArgMax": "a spec returns the scores of all classes, not the number of the highest one",
    "Attention": "a spec has no attention",
    "MaxUnpool": "it puts pixels where the maxima of a pooling were, which no layer of a spec does",
    "Stack": "it stacks values along a new axis, which neither a sum, a maximum nor a mean takes away",
    "Softplus": NO_SOFTPLUS,
    "Einsum": "a spec has no products of computed values other than product",
}  # fmt: skip
"""Why operators cannot be expressed, where more can be said than that there is no such layer."""
