"""Average pooling into a given number of bins."""

from netspec.ir.ops import AvgPool, BinPool
from netspec.keys import Key, Size2
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    """Lower the layer: bins that are windows of the same size, equally far apart, are an average pooling."""
    op, x = BinPool(low["bins"]), low.operands[0].shape
    window = op.window(x) if x.is_image else None
    low.emit(op if window is None else AvgPool(window))


TYPE = LayerType(
    "binpool",
    "Divides each map into so many bins, whatever its size, and takes their means, as PyTorch's AdaptiveAvgPool2d "
    "does, and pyramid pooling (PSPNet). Of S pixels, bin i of n is over those from floor(i S / n) up to, without, "
    "ceil((i + 1) S / n): where n does not divide S, the bins differ in size and overlap.",
    lower,
    keys=(Key("bins", Size2(), "number of bins on each side, or their rows x columns"), *USUAL),
    rule="Height and width: the numbers of bins. Channels: those of the input.",
    example="[image] input 512x60x60\n[coarse] binpool bins=7 -> 512x7x7",
)
