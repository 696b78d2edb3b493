"""Average pooling."""

from netspec.ir.ops import AvgPool
from netspec.layers._pooling import KEYS, pooling_window
from netspec.layers._windows import PLACES
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(AvgPool(pooling_window(low)))


TYPE = LayerType(
    "avgpool",
    "Average pooling: the mean of the pixels of each window. Padding and overhang are not counted.",
    lower,
    keys=KEYS,
    rule=f"{PLACES} those of the input.",
    example="[image] input 3x32x32\n[pool] avgpool kernel=3 stride=2 rounding=up",
)
