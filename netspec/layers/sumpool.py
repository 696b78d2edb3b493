"""Sum pooling."""

from netspec.ir.ops import SumPool
from netspec.layers._common import PLACES
from netspec.layers._pooling import KEYS, pooling_window
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(SumPool(pooling_window(low)))


TYPE = LayerType(
    "sumpool",
    "Sum pooling: the sum of each window's pixels; padding and overhang count as zeros.",
    lower,
    keys=KEYS,
    rule=f"{PLACES}; as many channels as it reads.",
    example="[image] input 3x32x32\n[pool] sumpool kernel=2",
)
