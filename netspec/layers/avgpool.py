"""Average pooling."""

from netspec.ir.ops import AvgPool
from netspec.layers._pooling import KEYS, pooling_window
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(AvgPool(pooling_window(low)))


TYPE = LayerType(
    "avgpool",
    "Average pooling: the mean of each window's real pixels; padding and overhang are not counted.",
    lower,
    keys=KEYS,
)
