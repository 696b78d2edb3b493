"""Gaussian blur."""

from netspec.ir.ops import Blur
from netspec.keys import Key, OneOf, Real
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Blur(low["size"], low["stdev"]))


TYPE = LayerType(
    "blur",
    "A Gaussian blur of each map, with zeros outside the image (a fixed function of cuda-convnet).",
    lower,
    keys=(
        Key("size", OneOf((3, 5, 7, 9)), "side of the filter", unit="pixels"),
        Key("stdev", Real(above=0), "standard deviation of the filter", unit="pixels", affects_shape=False),
        *USUAL,
    ),
    rule="What it reads.",
    example="[image] input 3x32x32\n[soft] blur size=5 stdev=1.5",
)
