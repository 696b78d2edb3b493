"""Padding by the outermost pixels."""

from netspec.ir.ops import EdgePad
from netspec.keys import Key, Padding
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(EdgePad(low["pad"]))


TYPE = LayerType(
    "edgepad",
    "Adds copies of the outermost pixels around each map, as PyTorch's ReplicationPad2d does.",
    lower,
    keys=(Key("pad", Padding(), "number of pixels on all sides, or left,right,top,bottom", unit="pixels"), *USUAL),
    rule="Height and width: size + padding before + padding after. Channels: those of the input.",
    example="[image] input 3x128x128\n[wide] edgepad pad=1\n[conv1] conv filters=64 kernel=3",
)
