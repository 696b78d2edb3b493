"""Contrast normalisation."""

from netspec.ir.ops import ContrastNorm
from netspec.layers._keys import USUAL
from netspec.layers._response import RESPONSE, alpha, check_values, window_size
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    size = low["size"]
    low.emit(ContrastNorm(size, low["k"], alpha(low, size * size), low["beta"]))


TYPE = LayerType(
    "contrast",
    "Contrast normalisation within each map: x (k + alpha sum d^2)^-beta, where d is the difference from the mean of "
    "the surrounding pixels. The cnorm layer of cuda-convnet.",
    lower,
    keys=(window_size("the side of the window"), *RESPONSE, *USUAL),
    check_values=check_values,
    rule="The shape of the input.",
    example="[image] input 3x32x32\n[norm1] contrast size=9 scale=1e-3",
)
