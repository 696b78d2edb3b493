"""The pixels of squares to channels."""

from netspec.ir.ops import PixelUnshuffle
from netspec.layers._keys import FACTOR, USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(PixelUnshuffle(low["factor"]))


TYPE = LayerType(
    "pixelunshuffle",
    "Makes maps smaller and more: the pixels of each square of factor x factor become neighbouring channels, row by "
    "row, as PyTorch's PixelUnshuffle does. Unlike a pooling it keeps all numbers. It undoes pixelshuffle.",
    lower,
    keys=(FACTOR, *USUAL),
    rule="Height and width: those of the input / factor, whole numbers. Channels: those of the input * factor^2.",
    example="[image] input 3x224x224\n[squares] pixelunshuffle factor=4 -> 48x56x56",
)
