"""Cross-entropy."""

from netspec.ir.ops import CrossEntropy
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "crossentropy",
    CrossEntropy,
    "Cross-entropy: -log softmax(x) of the image's class, averaged over the batch. The softmax is included.",
)
