"""Dropout."""

from netspec.ir.ops import Dropout
from netspec.keys import Choice, Key, Real
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Dropout(low["rate"], low["scaling"], low["over"]))


TYPE = LayerType(
    "dropout",
    "Dropout: in training, each unit of each image is set to zero with probability `rate`. over=channels is spatial "
    "dropout, of whole maps; over=images, on a branch before a sum, is stochastic depth (DropPath), which skips the "
    "branch for an image.",
    lower,
    keys=(
        Key(
            "rate", Real(low=0, below=1), "the probability that a unit is set to zero", default=0.5, affects_shape=False
        ),
        Key(
            "over",
            Choice(("units", "channels", "images")),
            "what is set to zero or kept together. units: each unit by itself. channels: all units of a channel. "
            "images: the whole value of an image",
            default="units",
            affects_shape=False,
        ),
        Key(
            "scaling",
            Choice(("train", "test")),
            "train: the other units are divided by 1 - rate in training. test: all units are multiplied by 1 - rate "
            "outside training",
            default="train",
            affects_shape=False,
        ),
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[fc6] input 4096\n[drop6] dropout rate=0.5 scaling=test\n[fc7] fc outputs=4096",
)
