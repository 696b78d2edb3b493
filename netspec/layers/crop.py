"""Cropping: a rectangle of an image."""

from netspec.ir.ops import Crop
from netspec.keys import Key, Size2, Whole
from netspec.keys.sizes import MAX_SIDE
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Crop(low["top"], low["left"], *low["size"]))


TYPE = LayerType(
    "crop",
    "The same rectangle of pixels out of each map.",
    lower,
    keys=(
        Key("size", Size2(), "the rectangle's side, or height x width", unit="pixels"),
        Key("top", Whole(0, MAX_SIDE), "the rows above it", default=0, unit="pixels"),
        Key("left", Whole(0, MAX_SIDE), "the columns left of it", default=0, unit="pixels"),
        *USUAL,
    ),
    rule="As many channels as it reads, of the rectangle's height and width.",
    example="[image] input 3x256x256\n[middle] crop size=224 top=16 left=16",
)
