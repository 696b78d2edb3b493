"""Slicing: some of the channels."""

from netspec.ir.ops import Slice
from netspec.keys import Key, Whole
from netspec.layers._keys import USUAL
from netspec.lowering import LayerType, Lowering


def lower(low: Lowering) -> None:
    (operand,) = low.operands
    low.emit(Slice(low["first"], low["channels"], low.shares(operand)))


TYPE = LayerType(
    "slice",
    "Takes neighbouring channels (or features of a vector) and leaves out the others; crop cuts out pixels. It undoes "
    "a concat: of an input that is split over GPU groups, each group takes an equal part of its own share.",
    lower,
    keys=(
        Key("channels", Whole(), "number of channels (or features) that are taken"),
        Key(
            "first",
            Whole(0),
            "number of channels before them, which is the number of the first, counted from 0",
            default=0,
        ),
        *USUAL,
    ),
    rule="As many channels (or features) as are taken, with the height and width of the input.",
    example="[image] input 3x32x32\n[conv1] conv filters=24 kernel=3\n[left] slice channels=12\n"
    "[right] slice channels=12 first=12 inputs=conv1\n[conv2] conv filters=12 kernel=3 pad=1\n"
    "[both] concat inputs=left,conv2",
)
