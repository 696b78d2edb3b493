"""What PyTorch's operators are in ONNX's, by name. Those in place have the names of the others."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.operators.spec import operators
from netspec.importers.torch_module.aten import functions, moves, norms, windows
from netspec.importers.torch_module.calls import Convert

_SAME = (
    "alias", "clone", "contiguous", "detach", "lift_fresh", "lift_fresh_copy", "positive", "requires_grad", "real",
    "resolve_conj", "resolve_neg", "_assert_tensor_metadata",
)  # fmt: skip
_RESHAPED = (
    "flatten", "reshape", "squeeze", "unflatten", "unsqueeze", "view", "_unsafe_view", "reshape_as", "view_as",
    "ravel",
)  # fmt: skip

TABLE: Mapping[str, Convert] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), windows.convolution),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), windows.transposed_convolution),
    "upsample_nearest2d": windows.nearest,
    "_upsample_nearest_exact2d": windows.nearest_exact,
    "upsample_bilinear2d": windows.bilinear,
    "_upsample_bilinear2d_aa": windows.filtered,
    **dict.fromkeys(("max_pool2d", "max_pool2d_with_indices"), windows.max_pool),
    **dict.fromkeys(("avg_pool2d", "avg_pool3d"), windows.average_pool),
    "adaptive_avg_pool2d": windows.adaptive_pool("AveragePool"),
    "adaptive_max_pool2d": windows.adaptive_pool("MaxPool"),
    "batch_norm": norms.batch_norm,
    "layer_norm": norms.layer_norm,
    "group_norm": norms.group_norm,
    "instance_norm": norms.instance_norm,
    "linear": functions.linear,
    **dict.fromkeys(("matmul", "mm", "bmm"), functions.matrix_product),
    "relu": functions.function("Relu"),
    "leaky_relu": functions.function("LeakyRelu", alpha="negative_slope"),
    "elu": functions.elu,
    "selu": functions.selu,
    "threshold": functions.threshold,
    "glu": functions.gated,
    "floor": functions.function("Floor"),
    "zeros_like": functions.zeros_like,
    "addmm": functions.product_and_sum,
    "celu": functions.function("Celu", alpha="alpha"),
    "sigmoid": functions.function("Sigmoid"),
    "hardsigmoid": functions.hard_sigmoid,
    "hardswish": functions.function("HardSwish"),
    "silu": functions.function("Silu"),
    "mish": functions.function("Mish"),
    "gelu": functions.function("Gelu", approximate="approximate"),
    "tanh": functions.function("Tanh"),
    "softplus": functions.softplus,
    "erf": functions.function("Erf"),
    **dict.fromkeys(("abs", "absolute"), functions.function("Abs")),
    "square": functions.function("Square"),
    "sqrt": functions.function("Sqrt"),
    "log": functions.function("Log"),
    **dict.fromkeys(("neg", "negative"), functions.function("Neg")),
    "prelu": functions.prelu,
    "relu6": functions.relu6,
    "hardtanh": functions.bounded("min_val", "max_val"),
    **dict.fromkeys(("clamp", "clip"), functions.bounded("min", "max")),
    "clamp_min": functions.bounded("min", ""),
    "clamp_max": functions.bounded("", "max"),
    "add": functions.arithmetic("Add"),
    **dict.fromkeys(("sub", "subtract"), functions.arithmetic("Sub")),
    **dict.fromkeys(("mul", "multiply"), functions.arithmetic("Mul")),
    **dict.fromkeys(("div", "divide", "true_divide"), functions.arithmetic("Div")),
    "maximum": functions.arithmetic("Max"),
    "max": functions.maximum,
    "minimum": functions.arithmetic("Min"),
    "min": functions.minimum,
    "rsub": functions.reversed_subtraction,
    "pow": functions.power,
    "mean": functions.reduction("ReduceMean"),
    "sum": functions.reduction("ReduceSum"),
    "amax": functions.reduction("ReduceMax"),
    "softmax": functions.function("Softmax", axis="dim"),
    "log_softmax": functions.function("LogSoftmax", axis="dim"),
    "dropout": norms.dropout,
    "feature_dropout": norms.feature_dropout,
    "bernoulli": norms.bernoulli,
    **dict.fromkeys(("rand", "rand_like"), norms.uniform),
    **dict.fromkeys(_SAME, moves.same),
    **dict.fromkeys(("to", "_to_copy", "type_as", "float", "double", "half"), moves.cast),
    **dict.fromkeys(_RESHAPED, moves.reshape),
    **dict.fromkeys(("expand", "expand_as"), moves.expand),
    **dict.fromkeys(("repeat", "tile"), moves.repeat),
    "permute": moves.permute,
    "repeat_interleave": moves.repeat_each,
    "stack": moves.stack,
    **dict.fromkeys(("movedim", "moveaxis"), moves.move_axes),
    **dict.fromkeys(("transpose", "swapaxes", "swapdims", "t", "mT"), moves.transpose),
    **dict.fromkeys(("cat", "concat", "concatenate"), moves.concat),
    **dict.fromkeys(("chunk", "split", "split_with_sizes", "tensor_split"), moves.split),
    "slice": moves.part,
    "narrow": moves.narrow,
    "flip": moves.flip,
    **dict.fromkeys(("channel_shuffle", "native_channel_shuffle"), moves.shuffle),
    "pixel_shuffle": moves.pixel_shuffle,
    "pixel_unshuffle": moves.pixel_unshuffle,
    "select": moves.select,
    "index": moves.index,
    "index_select": moves.index_select,
    **dict.fromkeys(("pad", "constant_pad_nd"), windows.pad),
}
"""By the operator's name in PyTorch."""

REASONS: Mapping[str, str] = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), operators.REASONS["LSTM"]),
    **dict.fromkeys(("scaled_dot_product_attention", "_native_multi_head_attention"), operators.REASONS["Attention"]),
    "argmax": operators.REASONS["ArgMax"],
    "max_unpool2d": operators.REASONS["MaxUnpool"],
    "upsample_bicubic2d": "a spec's upsample repeats pixels or interpolates linearly",
    **dict.fromkeys(
        ("alpha_dropout", "feature_alpha_dropout"), "it keeps mean and variance; a spec's dropout does not"
    ),
    "wrap_with_autocast": "it computes with other types of numbers (torch.autocast), which is how a spec is run",
    "einsum": operators.REASONS["Einsum"],
    "embedding": "a spec reads images, not the numbers of words",
}
"""Why operators of PyTorch without a counterpart in ONNX cannot be expressed."""
