"""What layers and operations of Keras are in ONNX's operators, by their classes, and why others have no counterpart."""

from __future__ import annotations

from collections.abc import Mapping

from netspec.importers.keras_file.graph import functions, joins, layers, windows
from netspec.importers.keras_file.graph.building import Convert
from netspec.importers.operators.spec import operators
from netspec.importers.spec.problem import NO_SOFTPLUS

_RANDOM = (
    "AugMix", "CutMix", "MixUp", "RandAugment", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomElasticTransform", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale",
    "RandomHeight", "RandomHue", "RandomInvert", "RandomPerspective", "RandomPosterization", "RandomRotation",
    "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomWidth", "RandomZoom",
)  # fmt: skip
_NOISE = "noise in training that a spec does not have"

TABLE: Mapping[str, Convert] = {
    "Conv2D": windows.conv,
    "DepthwiseConv2D": windows.depthwise,
    "SeparableConv2D": windows.separable,
    "Conv2DTranspose": windows.transposed,
    "MaxPooling2D": windows.pool("MaxPool"),
    "AveragePooling2D": windows.pool("AveragePool"),
    "GlobalMaxPooling2D": windows.global_pool("ReduceMax"),
    "GlobalAveragePooling2D": windows.global_pool("ReduceMean"),
    "AdaptiveAveragePooling2D": windows.adaptive("AveragePool"),
    "AdaptiveMaxPooling2D": windows.adaptive("MaxPool"),
    "ZeroPadding2D": windows.zero_padding,
    "Cropping2D": windows.cropping,
    "UpSampling2D": windows.enlarged,
    "Dense": layers.dense,
    **dict.fromkeys(("BatchNormalization", "SyncBatchNormalization"), layers.batch_norm),
    "LayerNormalization": layers.layer_norm,
    "GroupNormalization": layers.group_norm,
    "Flatten": layers.flatten,
    "Reshape": layers.reshape,
    "Permute": layers.permute,
    "Identity": layers.same,
    "Dropout": layers.dropout(),
    "SpatialDropout2D": layers.dropout(over="channels"),
    "StochasticDepth": layers.dropout("drop_path_rate", over="images"),
    "Rescaling": layers.scaled,
    "LayerScale": layers.layer_scale,
    "CustomScaleLayer": joins.scaled_sum,
    **dict.fromkeys(("GaussianNoise", "GaussianDropout", "AlphaDropout"), layers.only_in_training(_NOISE)),
    **dict.fromkeys(_RANDOM, layers.only_in_training("images that change in training; a spec has the line augment")),
    "ActivityRegularization": layers.only_in_training("a term of the loss that a spec does not have"),
    "Activation": functions.activation,
    "ReLU": functions.layer("relu"),
    "LeakyReLU": functions.leaky_layer,
    "PReLU": functions.prelu,
    "ELU": functions.layer("elu"),
    "Softmax": functions.softmax_layer,
    **{word: functions.layer(functions.snake(word)) for word in (
        "Relu", "Relu6", "LeakyRelu", "Elu", "Celu", "Selu", "Sigmoid", "Tanh", "Silu", "Gelu", "HardSigmoid",
        "HardSilu", "HardTanh", "Mish", "LogSoftmax", "Abs", "Absolute", "Square", "Sqrt", "Log", "Negative",
    )},
    "Add": joins.elementwise("Add"),
    "Subtract": joins.elementwise("Sub"),
    "Multiply": joins.elementwise("Mul"),
    **dict.fromkeys(("Divide", "TrueDivide"), joins.elementwise("Div")),
    "Average": joins.elementwise("Mean"),
    "Maximum": joins.elementwise("Max"),
    "Minimum": joins.elementwise("Min"),
    "Power": joins.elementwise("Pow"),
    "Concatenate": joins.concat,
    "Clip": functions.clip,
    **{word: joins.reduced(f"Reduce{word}") for word in ("Max", "Mean", "Sum")},
}  # fmt: skip
"""By the name of the class."""

OF_TENSORFLOW: Mapping[str, str] = {
    **dict.fromkeys(("math.add", "__operators__.add"), "Add"),
    "math.subtract": "Subtract",
    "math.multiply": "Multiply",
    "math.pow": "Power",
    "math.reduce_max": "Max",
    "math.reduce_mean": "Mean",
    "math.reduce_sum": "Sum",
    "math.truediv": "Divide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "math.abs": "Abs",
    "math.negative": "Negative",
    "math.sqrt": "Sqrt",
    "math.square": "Square",
    "nn.elu": "Elu",
    "nn.gelu": "Gelu",
    "nn.leaky_relu": "LeakyRelu",
    "nn.relu": "Relu",
    "nn.relu6": "Relu6",
    **dict.fromkeys(("nn.silu", "nn.swish"), "Silu"),
    **dict.fromkeys(("math.sigmoid", "nn.sigmoid"), "Sigmoid"),
    **dict.fromkeys(("math.tanh", "nn.tanh"), "Tanh"),
    "identity": "Identity",
}
"""The functions of TensorFlow that the class ``TFOpLambda`` of Keras 2 applies, as classes."""

REASONS: Mapping[str, str] = {
    "Lambda": "it runs a program, which the file has as code or by its name; netspec runs no programs of files",
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "RNN", "ConvLSTM2D", "Bidirectional"), operators.REASONS["LSTM"]),
    **dict.fromkeys(("MultiHeadAttention", "Attention", "AdditiveAttention", "GroupQueryAttention"),
                    operators.REASONS["Attention"]),
    **dict.fromkeys(("Conv1D", "Conv3D", "MaxPooling1D", "MaxPooling3D", "AveragePooling1D", "AveragePooling3D",
                     "Conv1DTranspose", "Conv3DTranspose", "DepthwiseConv1D", "SeparableConv1D"),
                    "its windows have 1 or 3 axes; windows of a spec have 2"),
    "Softplus": NO_SOFTPLUS,
    "UnitNormalization": "a spec has no layer that divides by a norm",
    "Embedding": "a spec reads images, not the numbers of words",
    "Resizing": "it filters or interpolates images by its own rules; prepare the images in this size",
    "RandomCrop": "it cuts out a part of images, the middle or one at random; prepare the images in this size",
    "CenterCrop": "it cuts out the middle of images of any size; Cropping2D states what is cut off",
}  # fmt: skip
"""Why layers cannot be expressed, where more can be said than that there is no such layer."""
