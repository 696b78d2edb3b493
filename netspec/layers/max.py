"""The largest of its inputs, element by element."""

from netspec.ir.ops import Max
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Max())


TYPE = LayerType(
    "max", "The largest of its inputs, element by element.", lower, keys=USUAL, arity=(2, None), grouping="alike"
)
