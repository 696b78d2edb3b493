"""Sum pooling."""

from netspec.ir.ops import SumPool
from netspec.layers._pooling import KEYS, pooling_window
from netspec.layers._windows import PLACES
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(SumPool(pooling_window(low)))


TYPE = LayerType(
    "sumpool",
    "Sum pooling: the sum of the pixels of each window. Padding and overhang count as zeros.",
    lower,
    keys=KEYS,
    rule=f"{PLACES} those of the input.",
    example="[image] input 3x32x32\n[pool] sumpool kernel=2",
)
