"""Questions about an operation that concern several kinds of operations."""

from __future__ import annotations

from netspec.ir.ops.base import Op
from netspec.ir.ops.joins import Concat
from netspec.ir.ops.spatial import Crop, Pool, ZeroPad
from netspec.ir.ops.weighted import Conv, Deconv, Local
from netspec.ir.shape import Shape
from netspec.ir.window import Window


def window_of(op: Op) -> Window | None:
    """Return an operation's window, or ``None`` if it has none."""
    return op.window if isinstance(op, Conv | Deconv | Local | Pool) else None


def is_identity(op: Op, inputs: tuple[Shape, ...]) -> bool:
    """Whether an operation is a crop to the whole image, a padding by nothing, or a concatenation of one value."""
    if isinstance(op, Concat):
        return len(inputs) == 1
    return isinstance(op, Crop | ZeroPad) and op.shape(inputs) == inputs[0]
