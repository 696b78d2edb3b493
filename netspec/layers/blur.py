"""Gaussian blur."""

from netspec.ir.ops import Blur
from netspec.keys import Key, OneOf, Real
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Blur(low["size"], low["stdev"]))


TYPE = LayerType(
    "blur",
    "Gaussian blur of each map, with zeros outside the image. A layer of cuda-convnet without weights.",
    lower,
    keys=(
        Key("size", OneOf((3, 5, 7, 9)), "the side of the filter", unit="pixels"),
        Key("stdev", Real(above=0), "the standard deviation of the filter", unit="pixels", affects_shape=False),
        *USUAL,
    ),
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[soft] blur size=5 stdev=1.5",
)
