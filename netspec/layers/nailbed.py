"""Regular sampling of pixels."""

from netspec.ir.ops import Nailbed
from netspec.keys import Key, Whole
from netspec.layers._common import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(Nailbed(low["stride"]))


TYPE = LayerType(
    "nailbed",
    "Every stride-th pixel of each map, centred (a fixed function of cuda-convnet).",
    lower,
    keys=(Key("stride", Whole(), "the step from pixel to pixel", unit="pixels"), *USUAL),
    rule="Along each axis size / stride, rounded up; as many channels as it reads.",
    example="[image] input 3x224x224\n[sampled] nailbed stride=4",
)
