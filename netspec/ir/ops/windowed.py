"""Which operations have a window."""

from __future__ import annotations

from netspec.ir.ops.base import Op
from netspec.ir.ops.spatial import Pool
from netspec.ir.ops.weighted import Conv, Local
from netspec.ir.window import Window

_WINDOWED = (Conv, Local, Pool)


def window_of(op: Op) -> Window | None:
    """The window of an operation that has one."""
    return op.window if isinstance(op, _WINDOWED) else None
