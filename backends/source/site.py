"""Where an operation is computed in the program: what its expression is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netspec.ir.ops import Op
from netspec.ir.shape import Shape

from .text import operand


@dataclass(frozen=True, slots=True)
class Site:
    """One operation's place in the model.

    Parameters
    ----------
    name:
        What the graph calls the operation.
    draw:
        The expression of what the step's random choices depend on.
    inputs, params:
        Expressions of the values and parameters that it reads.
    module:
        The expression of the ``torch.nn`` module that holds the parameters, where there is one.
    shapes:
        What the values' shapes are.
    helpers:
        Collects the names of the functions that the program must define.
    """

    name: str
    draw: str
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    module: str | None
    shapes: tuple[Shape, ...]
    helpers: set[str]

    @property
    def x(self) -> str:
        """The only input, as an argument of a call."""
        return self.inputs[0]

    @property
    def operand(self) -> str:
        """The only input, beside an operator or before a dot."""
        return operand(self.inputs[0])

    @property
    def flat(self) -> str:
        """The only input as a vector."""
        return f"{self.operand}.flatten(1)" if self.shapes[0].is_image else self.x

    def helper(self, name: str) -> str:
        """The name of a function of the program, which it will then define."""
        self.helpers.add(name)
        return name


Expression = Callable[[Any, Site], str]
"""The Python expression of an operation at its site; the first argument's type is the table's key."""

Expressions = dict[type[Op], Expression]

Modules = dict[type[Op], Callable[[Any, Shape], str | None]]
"""``(op, shape that it reads)`` to the call that makes its module; ``None`` where ``torch.nn`` has none."""
