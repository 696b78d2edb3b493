"""Pooling by largest magnitude."""

from netspec.ir.ops import MaxAbsPool
from netspec.layers._pooling import KEYS, pooling_window
from netspec.layers._windows import PLACES
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(MaxAbsPool(pooling_window(low)))


TYPE = LayerType(
    "maxabspool",
    "Pooling by magnitude: the pixel of each window with the largest absolute value, with its sign; the last one if "
    "there are several. Padding and overhang are ignored.",
    lower,
    keys=KEYS,
    rule=f"{PLACES} those of the input.",
    example="[conv1] input 96x55x55\n[pool1] maxabspool kernel=3 stride=2",
)
