"""Zero padding."""

from netspec.ir.ops import ZeroPad
from netspec.keys import Key, Padding
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ZeroPad(low["pad"]))


TYPE = LayerType(
    "zeropad",
    "Zeros around each map. What reads it takes them for pixels: averages and maxima count them, as they do not count "
    "the padding that `pad` of their own lays out.",
    lower,
    keys=(Key("pad", Padding(), "zeros on all sides, or left,right,top,bottom", unit="pixels"), *USUAL),
    rule="By axis size + padding before + padding after; as many channels as it reads.",
    example="[image] input 3x224x224\n[wide] zeropad pad=1,2,1,2",
)
