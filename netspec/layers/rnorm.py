"""Response normalisation within each map."""

from netspec.ir.ops import MapNorm
from netspec.layers._keys import USUAL
from netspec.layers._response import RESPONSE, alpha, check_values, window_size
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    size = low["size"]
    low.emit(MapNorm(size, low["k"], alpha(low, size * size), low["beta"]))


TYPE = LayerType(
    "rnorm",
    "Response normalisation within each map: x (k + alpha sum x^2)^-beta, with the sum over the surrounding pixels of "
    "the same channel. The rnorm layer of cuda-convnet.",
    lower,
    keys=(window_size("the side of the window"), *RESPONSE, *USUAL),
    check_values=check_values,
    rule="The shape of the input.",
    example="[conv1] input 32x16x16\n[norm1] rnorm size=5 scale=1e-3",
)
