"""Binary cross-entropy."""

from netspec.ir.ops import BinaryCrossEntropy
from netspec.keys import Choice, Key, Real
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "binarycrossentropy",
    BinaryCrossEntropy,
    "The cross-entropy of a logistic per class against the image's class, summed; the mean over the batch.",
    Key("positive", Real(low=0), "the weight of the term of the image's class", default=1.0, affects_shape=False),
    Key(
        "of",
        Choice({"scores": "scores", "probabilities": "probabilities"}),
        "what it reads: scores, to which it applies the logistic function, or probabilities, whose logarithms count as "
        "-50 or more",
        default="scores",
        affects_shape=False,
    ),
)
