"""The window of an operation."""

from __future__ import annotations

from netspec.ir.ops.base import Op
from netspec.ir.ops.spatial import Pool
from netspec.ir.ops.weighted import Conv, Local
from netspec.ir.window import Window

_WINDOWED = (Conv, Local, Pool)


def window_of(op: Op) -> Window | None:
    """Return an operation's window, ``None`` if it has none."""
    return op.window if isinstance(op, _WINDOWED) else None
