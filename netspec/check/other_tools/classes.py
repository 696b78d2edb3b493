"""The classes of layers of PyTorch and Keras: their arguments, and what they do without them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

OUTPUT_PADDING = "output_padding"
"""PyTorch's argument of a transposed convolution: how many pixels fewer are cut off the right and the bottom."""

COUNTED = "count_include_pad"
"""The argument that PyTorch's average takes for true. A spec's average is another one only if there is padding."""

_NONE: Mapping[str, str] = MappingProxyType({})


class LayerClass(NamedTuple):
    """What a spec has to know of a class of another tool.

    ``places`` are the names of its arguments, in the order in which they may be given without them. ``defaults`` are
    the keys and values for what it does unless its arguments say otherwise, where a spec has to say so, or cannot.
    ``keys`` are the keys of a spec for its arguments (as ``plain_word`` returns them), where another key has the
    argument's name or a name like it. ``kept`` is its argument that says how much of an average is kept, where
    ``average=`` says how much is replaced.
    """

    places: tuple[str, ...] = ()
    defaults: Mapping[str, str] = _NONE
    keys: Mapping[str, str] = _NONE
    kept: str = ""


_POOLING = ("kernel_size", "stride", "padding")
_KERAS_CONVOLUTION = LayerClass(("filters", "kernel_size", "strides", "padding"))
_KERAS_POOLING = LayerClass(("pool_size", "strides", "padding"), {"kernel": "2"})
_PADDING = LayerClass(("padding",))
_GROUP_NORM = LayerClass(("num_groups", "num_channels", "eps", "affine"))
_LAYER_NORM = LayerClass(("normalized_shape", "eps", "elementwise_affine"))

CLASSES: Mapping[str, LayerClass] = {
    "AvgPool2d": LayerClass((*_POOLING, "ceil_mode", COUNTED)),
    **dict.fromkeys(("AveragePooling2D", "AvgPool2D", "MaxPool2D", "MaxPooling2D"), _KERAS_POOLING),
    "ChannelShuffle": LayerClass(("groups",)),
    "BatchNorm2d": LayerClass(
        ("num_features", "eps", "momentum", "affine", "track_running_stats"), keys={"momentum": "average"}
    ),
    "BatchNormalization": LayerClass(defaults={"eps": "1e-3", "average": "0.01"}, kept="momentum"),
    "Conv2D": _KERAS_CONVOLUTION,
    "Conv2DTranspose": _KERAS_CONVOLUTION,
    "ConvTranspose2d": LayerClass(
        (
            *("in_channels", "out_channels", "kernel_size", "stride", "padding", OUTPUT_PADDING, "groups", "bias"),
            *("dilation", "padding_mode"),
        )
    ),
    "Conv2d": LayerClass(
        (
            *("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "bias"),
            "padding_mode",
        )
    ),
    "Dense": LayerClass(("units", "activation")),
    "DropPath": LayerClass(("drop_prob",)),
    **dict.fromkeys(("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "dropout"), LayerClass(("p", "inplace"))),
    "ELU": LayerClass(("alpha", "inplace"), keys={"alpha": "alpha"}),
    "Flatten": LayerClass(("start_dim", "end_dim")),
    **dict.fromkeys(("GroupNorm", "groupnorm"), _GROUP_NORM),
    "GroupNormalization": LayerClass(("groups", "axis", "epsilon"), {"eps": "1e-3"}),
    "InstanceNorm2d": LayerClass(("num_features", "eps")),
    **dict.fromkeys(("LayerNorm", "LayerNorm2d", "layernorm"), _LAYER_NORM),
    "LayerNormalization": LayerClass(("axis", "epsilon"), {"eps": "1e-3"}),
    "LeakyReLU": LayerClass(("negative_slope", "inplace")),
    "Linear": LayerClass(("in_features", "out_features", "bias")),
    "LocalResponseNorm": LayerClass(("size", "alpha", "beta", "k"), {"scale": "1e-4"}, {"alpha": "scale"}),
    "MaxPool2d": LayerClass((*_POOLING, "dilation", "return_indices", "ceil_mode")),
    "PixelShuffle": LayerClass(("upscale_factor",), keys={"upscalefactor": "factor"}),
    "PixelUnshuffle": LayerClass(("downscale_factor",), keys={"downscalefactor": "factor"}),
    **dict.fromkeys(("ReflectionPad2d", "ReplicationPad2d", "ZeroPad2d"), _PADDING),
    "ReLU": LayerClass(("inplace",)),
    "Softmax": LayerClass(("dim",)),
    "SpatialDropout2D": LayerClass(("rate",)),
    "StochasticDepth": LayerClass(("p", "mode")),
    "UpSampling2D": LayerClass(
        ("size", "data_format", "interpolation"), {"factor": "2"}, {"interpolation": "method", "size": "factor"}
    ),
    "Upsample": LayerClass(
        ("size", "scale_factor", "mode", "align_corners"), keys={"mode": "method", "scalefactor": "factor"}
    ),
    "ZeroPadding2D": _PADDING._replace(defaults={"pad": "1"}),
}
"""The classes by name."""
