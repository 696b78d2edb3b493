"""Bilinear resizing."""

from netspec.ir.ops import Resize
from netspec.keys import Key, Real
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Resize(low["step"]))


TYPE = LayerType(
    "resize",
    "Resizes each map by bilinear interpolation. The samples are spread evenly around the centre, as in cuda-convnet.",
    lower,
    keys=(
        Key(
            "step",
            Real(low=1 / 64, high=2**16),
            "the distance, in pixels of its input, between neighbouring pixels: 2 halves the sides, 0.5 doubles them",
            unit="pixels",
        ),
        *USUAL,
    ),
    rule="Height and width: those of the input / step, rounded down. Channels: those of the input.",
    example="[image] input 3x256x256\n[small] resize step=2",
)
