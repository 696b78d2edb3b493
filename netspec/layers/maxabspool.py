"""Pooling by largest magnitude."""

from netspec.ir.ops import MaxAbsPool
from netspec.layers._common import PLACES
from netspec.layers._pooling import KEYS, pooling_window
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(MaxAbsPool(pooling_window(low)))


TYPE = LayerType(
    "maxabspool",
    "Pooling by magnitude: the pixel of each window that is farthest from 0, with its sign; if there are several, the "
    "last. Padding and overhang are ignored.",
    lower,
    keys=KEYS,
    rule=f"{PLACES}; as many channels as it reads.",
    example="[conv1] input 96x55x55\n[pool1] maxabspool kernel=3 stride=2",
)
