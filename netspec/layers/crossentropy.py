"""Cross-entropy."""

from netspec.ir.ops import CrossEntropy
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "crossentropy",
    CrossEntropy,
    "-log softmax(x) of the image's class, the mean over the batch. The softmax is part of it.",
)
