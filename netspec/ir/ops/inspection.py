"""Questions about an operation that concern several kinds of operations."""

from __future__ import annotations

from netspec.ir.ops.base import Op
from netspec.ir.ops.channels import ChannelReduction, PixelShuffle, PixelUnshuffle, Shuffle, Slice
from netspec.ir.ops.joins import Concat
from netspec.ir.ops.scaling import Interpolate
from netspec.ir.ops.spatial import BorderPad, Crop, Pool
from netspec.ir.ops.weighted import Conv, Deconv, Local
from netspec.ir.shape import Shape
from netspec.ir.window import Window

_MOVES = Crop | BorderPad | Interpolate | Slice | PixelShuffle | PixelUnshuffle | ChannelReduction
"""Operations that change nothing if they leave the shape as it is."""


def window_of(op: Op) -> Window | None:
    """Return an operation's window, or ``None`` if it has none."""
    return op.window if isinstance(op, Conv | Deconv | Local | Pool) else None


def is_identity(op: Op, inputs: tuple[Shape, ...]) -> bool:
    """Whether an operation is a crop to the whole image, a padding by nothing, a resizing to the same size, a
    concatenation of one value, a slice of all channels, a reduction of single channels, a shuffle of one group or of
    single channels, or one of single pixels."""
    if isinstance(op, Concat):
        return len(inputs) == 1
    if isinstance(op, Shuffle):
        return op.groups in (1, inputs[0].channels // op.shares)
    return isinstance(op, _MOVES) and op.shape(inputs) == inputs[0]
