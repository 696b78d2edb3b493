"""Bilinear resizing."""

from netspec.ir.ops import Resize
from netspec.keys import Key, Real
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Resize(low["step"]))


TYPE = LayerType(
    "resize",
    "Each map in another size, by bilinear interpolation. The samples are spread evenly around the middle, as in "
    "cuda-convnet.",
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
    rule="Along each axis size / step, rounded down; as many channels as it reads.",
    example="[image] input 3x256x256\n[small] resize step=2",
)
