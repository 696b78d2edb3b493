"""Softmax."""

from netspec.ir.ops import Softmax
from netspec.layers._common import PLACED
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Softmax())


TYPE = LayerType(
    "softmax",
    "e^x / sum e^x over all classes: of a vector's features, or of the channels of each pixel.",
    lower,
    keys=PLACED,
    grouping="gathers",
    rule="What it reads.",
    example="[fc7] input 4096\n[fc8] fc outputs=1000\n[prob] softmax",
)
