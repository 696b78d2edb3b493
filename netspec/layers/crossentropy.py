"""Cross-entropy."""

from netspec.ir.ops import CrossEntropy
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "crossentropy",
    CrossEntropy,
    "Cross-entropy: -log softmax(x) of the image's class, averaged over the batch. The softmax is included. Of maps, "
    "it is that of each pixel's class, averaged over all labelled pixels of the batch.",
    reads="a vector with one score for each class, or a map of scores for each class",
)
