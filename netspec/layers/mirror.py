"""Horizontal reflection."""

from netspec.ir.ops import Mirror
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Mirror())


TYPE = LayerType(
    "mirror",
    "Mirrors the image: its columns in reverse order.",
    lower,
    keys=USUAL,
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[mirrored] mirror",
)
