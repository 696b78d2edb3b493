"""The type of the tables that map operations to modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from netspec.ir.ops import Op
from netspec.ir.shape import Shape

Emission = Callable[[Any, tuple[Shape, ...]], nn.Module]
"""``(op, input shapes) -> module``. The type of the first argument is its key in the table."""

Table = dict[type[Op], Emission]
