"""Cross-entropy over random sets of classes."""

from netspec.ir.ops import SetCrossEntropy
from netspec.keys import Key, Whole
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "setcrossentropy",
    SetCrossEntropy,
    "-log of the probability that the image's class is in a random set of `size` classes, averaged over the batch. The "
    "probability of a set is proportional to e to the sum of its scores. With size=5, the class should be among five "
    "answers; with size=1, this is crossentropy.",
    Key("size", Whole(), "number of classes in the set", unit="classes", affects_shape=False),
    example="[fc7] input 4096\n[fc8] fc outputs=1000\n[loss] setcrossentropy size=5",
)
