"""Padding by reflection."""

from netspec.ir.ops import ReflectPad
from netspec.keys import Key, Padding
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    low.emit(ReflectPad(low["pad"]))


TYPE = LayerType(
    "reflectpad",
    "Continues each map beyond its borders by reflection, as PyTorch's ReflectionPad2d does. The outermost pixels, in "
    "which it is reflected, are not repeated: 1 2 3 becomes 3 2 1 2 3 2 1 with pad=2.",
    lower,
    keys=(
        Key(
            "pad",
            Padding(),
            "number of pixels on all sides, or left,right,top,bottom; less than the size of the map",
            unit="pixels",
        ),
        *USUAL,
    ),
    rule="Height and width: size + padding before + padding after. Channels: those of the input.",
    example="[image] input 3x256x256\n[wide] reflectpad pad=3\n[conv1] conv filters=64 kernel=7",
)
