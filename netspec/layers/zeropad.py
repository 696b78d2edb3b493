"""Zero padding."""

from netspec.ir.ops import ZeroPad
from netspec.keys import Key, Padding
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ZeroPad(low["pad"]))


TYPE = LayerType(
    "zeropad",
    "Zeros around each map. Layers that read it count them as pixels: averages and maxima include them, unlike the "
    "padding of their own `pad`.",
    lower,
    keys=(Key("pad", Padding(), "zeros on all sides, or left,right,top,bottom", unit="pixels"), *USUAL),
    rule="Along each axis size + padding before + padding after; as many channels as it reads.",
    example="[image] input 3x224x224\n[wide] zeropad pad=1,2,1,2",
)
