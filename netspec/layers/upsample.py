"""Upsampling by repeating or interpolating pixels."""

from netspec.ir.ops import Upsample
from netspec.ir.ops.scaling import MAX_FACTOR, METHODS
from netspec.keys import Choice, Key, Size2
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    shape = low.operands[0].shape
    single = shape.height * shape.width == 1  # there is nothing to interpolate between
    low.emit(Upsample(low["factor"], "nearest" if single else low["method"]))


TYPE = LayerType(
    "upsample",
    "Enlarges each map by repeating its pixels or interpolating between them, as PyTorch's Upsample and Keras's "
    "UpSampling2D do. deconv enlarges maps with learnt weights.",
    lower,
    keys=(
        Key("factor", Size2(high=MAX_FACTOR), "how many times as high and wide the map becomes", unit="times"),
        Key(
            "method",
            Choice(METHODS),
            "nearest: each pixel is repeated. bilinear: pixels are squares, and between their centres the values are "
            "interpolated, as with PyTorch's align_corners=False. corners: the outermost pixels keep their values, and "
            "the others are interpolated at even distances, as with align_corners=True",
            default="nearest",
            affects_shape=False,
        ),
        *USUAL,
    ),
    rule="Height and width: those of the input * factor. Channels: those of the input.",
    example="[image] input 64x28x28\n[up] upsample factor=2 -> 64x56x56",
)
