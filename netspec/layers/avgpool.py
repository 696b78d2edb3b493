"""Average pooling."""

from netspec.ir.ops import AvgPool
from netspec.layers._common import PLACES
from netspec.layers._pooling import KEYS, pooling_window
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(AvgPool(pooling_window(low)))


TYPE = LayerType(
    "avgpool",
    "Average pooling: the mean of each window's real pixels; padding and overhang are not counted.",
    lower,
    keys=KEYS,
    rule=f"{PLACES}; as many channels as it reads.",
    example="[image] input 3x32x32\n[pool] avgpool kernel=3 stride=2 rounding=up",
)
