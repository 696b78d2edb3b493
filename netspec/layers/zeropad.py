"""Zero padding."""

from netspec.ir.ops import ZeroPad
from netspec.keys import Key, Padding
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ZeroPad(low["pad"]))


TYPE = LayerType(
    "zeropad",
    "Adds zeros around each map. The layers that read it treat them as pixels: averages and maxima include them, "
    "unlike the zeros of their own `pad`.",
    lower,
    keys=(Key("pad", Padding(), "number of zeros on all sides, or left,right,top,bottom", unit="pixels"), *USUAL),
    rule="Height and width: size + padding before + padding after. Channels: those of the input.",
    example="[image] input 3x224x224\n[wide] zeropad pad=1,2,1,2",
)
