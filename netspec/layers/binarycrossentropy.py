"""Binary cross-entropy."""

from netspec.ir.ops import BinaryCrossEntropy
from netspec.keys import Choice, Key, Real
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "binarycrossentropy",
    BinaryCrossEntropy,
    "Binary cross-entropy: one logistic output for each class, compared with the class of the image; summed over the "
    "classes and averaged over the batch.",
    Key("positive", Real(low=0), "factor on the term of the image's class", default=1.0, affects_shape=False),
    Key(
        "of",
        Choice(("scores", "probabilities")),
        "what the layer reads. scores: it applies the logistic function to them. probabilities: their logarithms are "
        "limited to -50 and above",
        default="scores",
        affects_shape=False,
    ),
)
