"""The type of the tables from operations to modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from netspec.ir.ops import Op
from netspec.ir.shape import Shape

Emission = Callable[[Any, tuple[Shape, ...]], nn.Module]
"""``(op, shapes that it reads) -> module``; the first argument's type is that of the table's key."""

Table = dict[type[Op], Emission]
