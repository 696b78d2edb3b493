"""Channels to the pixels of squares."""

from netspec.ir.ops import PixelShuffle
from netspec.layers._keys import FACTOR, USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(PixelShuffle(low["factor"]))


TYPE = LayerType(
    "pixelshuffle",
    "Makes maps larger and fewer: factor * factor neighbouring channels become the squares of factor x factor pixels "
    "of one channel, row by row, as PyTorch's PixelShuffle does. It moves numbers and computes nothing; with a "
    "convolution before it, it enlarges images with learnt weights (Shi et al., 2016). pixelunshuffle undoes it.",
    lower,
    keys=(FACTOR, *USUAL),
    rule="Height and width: those of the input * factor. Channels: those of the input / factor^2, a whole number.",
    example="[image] input 1x28x28\n[conv1] conv filters=9 kernel=3 pad=1\n[large] pixelshuffle factor=3 -> 1x84x84",
)
