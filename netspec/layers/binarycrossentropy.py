"""Binary cross-entropy."""

from netspec.ir.ops import BinaryCrossEntropy
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "binarycrossentropy",
    BinaryCrossEntropy,
    "The cross-entropy of a logistic per class against the image's class, summed; the mean over the batch.",
)
