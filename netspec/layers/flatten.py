"""Flattening."""

from netspec.ir.ops import Flatten
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Flatten())


TYPE = LayerType(
    "flatten",
    "Turns an image into a vector: channels, then rows, then columns.",
    lower,
    keys=USUAL,
    rule="A vector of channels * height * width.",
    example="[pool5] input 256x6x6\n[flat] flatten",
)
