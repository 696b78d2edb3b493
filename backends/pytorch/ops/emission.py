"""How operations are emitted: the type of the tables that map them to modules, and the base class of most modules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from torch import nn

from netspec.ir.ops import Op
from netspec.ir.shape import Shape

Emission = Callable[[Any, tuple[Shape, ...]], nn.Module]
"""``(op, input shapes) -> module``. The type of the first argument is its key in the table."""

Table = dict[type[Op], Emission]


class OperationModule(nn.Module):
    """The base class of modules that need to know of an operation no more than it says itself: they keep it."""

    op: Op

    def __init__(self, op: Op) -> None:
        super().__init__()
        self.op = op

    def extra_repr(self) -> str:
        return ", ".join(f"{field.name}={getattr(self.op, field.name)!r}" for field in fields(self.op))
