"""Reshaping."""

from netspec.ir.ops import Reshape
from netspec.keys import ImageShape, Key
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Reshape(low["size"]))


TYPE = LayerType(
    "reshape",
    "Changes the shape. The numbers keep their order: channels, then rows, then columns.",
    lower,
    keys=(
        Key("size", ImageShape(), "channels x height x width, or the length of a vector"),
        *USUAL,
    ),
    rule="The given size, which must have as many numbers as the input.",
    example="[code] input 100\n[fc1] fc outputs=1024\n[maps] reshape size=16x8x8",
)
