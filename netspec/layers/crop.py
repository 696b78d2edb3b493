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
    "Cuts the same rectangle of pixels out of each map. Of the channels, slice takes some.",
    lower,
    keys=(
        Key("size", Size2(), "the side of the rectangle, or its height x width", unit="pixels"),
        Key("top", Whole(0, MAX_SIDE), "number of rows above the rectangle", default=0, unit="pixels"),
        Key("left", Whole(0, MAX_SIDE), "number of columns left of the rectangle", default=0, unit="pixels"),
        *USUAL,
    ),
    rule="The channels of the input, with the height and width of the rectangle.",
    example="[image] input 3x256x256\n[middle] crop size=224 top=16 left=16",
)
