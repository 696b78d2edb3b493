"""Cross-entropy over random sets of classes."""

from netspec.ir.ops import SetCrossEntropy
from netspec.keys import Key, Whole
from netspec.layers._loss import loss_type

TYPE = loss_type(
    "setcrossentropy",
    SetCrossEntropy,
    "-log of the probability that the image's class is in a random set of so many classes, where the probability of a "
    "set is proportional to e to the sum of its scores; the mean over the batch. With size=5 it asks that the class be "
    "among five answers; with size=1 it is crossentropy.",
    Key("size", Whole(), "how many classes the set has", unit="classes", affects_shape=False),
    example="[fc7] input 4096\n[fc8] fc outputs=1000\n[loss] setcrossentropy size=5",
)
