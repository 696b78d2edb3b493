"""Regular sampling of pixels."""

from netspec.ir.ops import Nailbed
from netspec.keys import Key, Whole
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Nailbed(low["stride"]))


TYPE = LayerType(
    "nailbed",
    "Keeps every stride-th pixel of each map, centred. A layer of cuda-convnet without weights.",
    lower,
    keys=(Key("stride", Whole(), "the step between the pixels that are kept", unit="pixels"), *USUAL),
    rule="Height and width: those of the input / stride, rounded up. Channels: those of the input.",
    example="[image] input 3x224x224\n[sampled] nailbed stride=4",
)
