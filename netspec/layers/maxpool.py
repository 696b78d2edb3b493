"""Maximum pooling."""

from netspec.ir.ops import MaxPool
from netspec.layers._pooling import KEYS, pooling_window
from netspec.layers._windows import PLACES
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(MaxPool(pooling_window(low)))


TYPE = LayerType(
    "maxpool",
    "Maximum pooling: the largest pixel of each window. Padding and overhang are ignored.",
    lower,
    keys=KEYS,
    rule=f"{PLACES} those of the input.",
    example="[norm1] input 96x55x55\n[pool1] maxpool kernel=3 stride=2",
)
