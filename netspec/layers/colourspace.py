"""Conversion of RGB images to another colour space."""

from netspec.ir.ops import ColourSpace
from netspec.keys import YES_NO, Choice, Key
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ColourSpace(low["to"], low["centred"]))


TYPE = LayerType(
    "colourspace",
    "Converts an RGB image to YUV, or to L*a*b*, which needs pixels from 0 to 1. A layer of cuda-convnet without "
    "weights.",
    lower,
    keys=(
        Key("to", Choice(("yuv", "lab")), "the colour space of the output", affects_shape=False),
        Key(
            "centred",
            YES_NO,
            "for lab: whether L runs from -50 to 50 instead of from 0 to 100",
            default=False,
            default_text="no",
            affects_shape=False,
        ),
        *USUAL,
    ),
    rule="The shape of the input, which must have three channels.",
    example="[image] input 3x32x32\n[yuv] colourspace to=yuv",
)
