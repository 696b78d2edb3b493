"""Bilinear resizing."""

from netspec.ir.ops import Resize
from netspec.keys import Key, Real
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Resize(low["step"]))


TYPE = LayerType(
    "resize",
    "Each map in another size, by bilinear interpolation between pixels. Samples are spread evenly around the middle "
    "(as cuda-convnet does it).",
    lower,
    keys=(
        Key(
            "step",
            Real(low=1 / 64, high=2**16),
            "pixels of what it reads from pixel to pixel of its own: 2 halves the sides, 0.5 doubles them",
            unit="pixels",
        ),
        *USUAL,
    ),
    rule="By axis size / step, rounded down; as many channels as it reads.",
    example="[image] input 3x256x256\n[small] resize step=2",
)
