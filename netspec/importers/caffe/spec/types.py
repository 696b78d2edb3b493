"""Which function translates a type of layer, and why other types are not translated."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from netspec.importers.caffe.net.layers import SINKS
from netspec.importers.caffe.net.types import DEPTHWISE
from netspec.importers.caffe.spec.elementwise import axpy, clip, eltwise, elu, function, log, power, relu, swish
from netspec.importers.caffe.spec.enlarging import crop, deconvolution, interp
from netspec.importers.caffe.spec.learnt import inner_product
from netspec.importers.caffe.spec.lines import Site
from netspec.importers.caffe.spec.losses import softmax_with_loss
from netspec.importers.caffe.spec.norms import batch_norm, bias, dropout, lrn, other_batch_norm, prelu, scale, softmax
from netspec.importers.caffe.spec.shapes import concat, flatten, reshape, shuffle, slice_, split
from netspec.importers.caffe.spec.windows import convolution, pooling
from netspec.importers.spec.problem import NO_RECURRENCE, NO_SOFTPLUS


def _left_out(site: Site) -> None:
    """A layer that only reports or writes what it reads."""


TRANSLATIONS: Mapping[str, Callable[[Site], None]] = {
    "AbsVal": function("abs"), "BatchNorm": batch_norm, "Bias": bias, "Clip": clip, "Concat": concat,
    "Convolution": convolution, "Crop": crop, "Deconvolution": deconvolution, "Dropout": dropout, "ELU": elu,
    "Eltwise": eltwise, "Flatten": flatten, "InnerProduct": inner_product, "LRN": lrn, "Log": log, "PReLU": prelu,
    "Pooling": pooling, "Power": power, "ReLU": relu, "Reshape": reshape, "Scale": scale, "ShuffleChannel": shuffle,
    "Sigmoid": function("logistic"), "Slice": slice_, "Softmax": softmax, "SoftmaxWithLoss": softmax_with_loss,
    "Split": split, "Swish": swish, "TanH": function("tanh"),
    "Axpy": axpy, "BN": other_batch_norm, "Interp": interp, "ReLU6": function("relu6"),
    **dict.fromkeys(DEPTHWISE, convolution), **dict.fromkeys(SINKS, _left_out),
}  # fmt: skip
"""The functions by the type of layer."""

_OUT_OF_ONE = "it computes numbers for pairs of images"
_BY_TARGETS = "its targets are numbers for each image; the losses of a spec know the image's class"

REASONS: Mapping[str, str] = {
    "ArgMax": "it computes the numbers of the largest units; a spec ends with scores",
    "BatchReindex": "it reorders the images of a batch",
    "BNLL": NO_SOFTPLUS,
    "ContrastiveLoss": _OUT_OF_ONE,
    "Embed": "a spec has no look-up of vectors",
    "EuclideanLoss": _BY_TARGETS,
    "Exp": "a spec has no exponential function",
    "Filter": "it selects images of a batch",
    "HingeLoss": "a spec has no hinge loss",
    "Im2col": "a spec has no layer that writes windows as columns",
    "InfogainLoss": "a spec has no loss with a matrix of the gains of classes; the numbers of a diagonal one are "
    "train class_weights=, and the loss is then divided by the sum of the weights, not by the number of images",
    "LSTM": NO_RECURRENCE,
    "LSTMUnit": NO_RECURRENCE,
    "MultinomialLogisticLoss": "it reads probabilities; a spec's crossentropy reads scores (SoftmaxWithLoss)",
    "MVN": "it divides by standard deviations plus eps, if at all; a spec's groupnorm has eps in the root",
    "Parameter": "its value is a parameter",
    "Python": "it is a program",
    "Reduction": "it reduces values to one number",
    "RNN": NO_RECURRENCE,
    "SigmoidCrossEntropyLoss": _BY_TARGETS,
    "SPP": "a spec has no layer that pools a pyramid; poolings and a concat do it",
    "Threshold": "a spec has no step function",
    "Tile": "it repeats a value along an axis",
}
"""Why layers of other types are not in a spec."""
