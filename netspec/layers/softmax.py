"""Softmax."""

from netspec.ir.ops import Softmax
from netspec.layers._keys import PLACED
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Softmax())


TYPE = LayerType(
    "softmax",
    "Softmax: e^x / sum e^x over all classes, which are the features of a vector or the channels of each pixel.",
    lower,
    keys=PLACED,
    grouping="gathers",
    rule="The shape of the input.",
    example="[fc7] input 4096\n[fc8] fc outputs=1000\n[prob] softmax",
)
