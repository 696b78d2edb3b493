"""Horizontal reflection."""

from netspec.ir.ops import Mirror
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Mirror())


TYPE = LayerType(
    "mirror",
    "The image with its columns in reverse order.",
    lower,
    keys=USUAL,
    rule="What it reads.",
    example="[image] input 3x32x32\n[mirrored] mirror",
)
