"""Where an operation is computed in the program: what its expression is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from netspec.ir.ops import Op
from netspec.ir.settings import Train
from netspec.ir.shape import Shape

from .text import operand


@dataclass(frozen=True, slots=True)
class Division:
    """How numbers of channels are written in a layer of which each process may compute a share.

    Parameters
    ----------
    groups:
        Into how many shares several processes divide the channels.
    parts:
        The expression of the number of shares of this run, 1 for a process alone; ``None`` where nothing is divided.
    """

    groups: int = 1
    parts: str | None = None

    def share(self, number: int) -> str:
        """A share of so many channels, filters or groups."""
        return str(number) if self.parts is None else f"{number} // {self.parts}"

    def read(self, number: int, groups: int) -> str:
        """What an operation of so many groups reads of so many channels: a share where its groups are divided too."""
        return self.share(number) if groups % self.groups == 0 else str(number)


@dataclass(frozen=True, slots=True)
class Site:
    """One operation's place in the model.

    Parameters
    ----------
    name:
        What the graph calls the operation.
    draw, team:
        The expressions of what the step's random choices depend on, and of the processes that train together.
    division:
        How the operation is divided among these.
    inputs, params:
        Expressions of the values and parameters that it reads.
    names:
        What ``PARAMETERS`` calls these parameters.
    module:
        The expression of the ``torch.nn`` module that holds the parameters, where there is one.
    shapes:
        What the values' shapes are.
    helpers:
        Collects the names of the functions that the program must define.
    train:
        How the network is trained: what losses make of their targets, and what is computed in less than float32.
    """

    name: str
    draw: str
    team: str
    division: Division
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    names: tuple[str, ...]
    module: str | None
    shapes: tuple[Shape, ...]
    helpers: set[str]
    train: Train

    @property
    def x(self) -> str:
        """The only input, as an argument of a call."""
        return self.inputs[0]

    @property
    def operand(self) -> str:
        """The only input, beside an operator or before a dot."""
        return operand(self.inputs[0])

    @property
    def wide(self) -> str:
        """The only input in float32, whatever the layers compute in."""
        return self.all_wide[0]

    @property
    def all_wide(self) -> tuple[str, ...]:
        """All inputs in float32."""
        lower = self.train.precision == "bf16"
        return tuple(f"{operand(x)}.float()" if lower else x for x in self.inputs)

    @property
    def flat(self) -> str:
        """The only input as a vector."""
        return f"{self.operand}.flatten(1)" if self.shapes[0].is_image else self.x

    @property
    def place(self) -> dict[str, str]:
        """What a helper that draws is told of where in the layer the process's units stand."""
        return {} if self.division.parts is None else {"group": f"{self.team}.group"}

    def helper(self, name: str) -> str:
        """The name of a function of the program, which it will then define."""
        self.helpers.add(name)
        return name


Expression = Callable[[Any, Site], str]
"""The Python expression of an operation at its site; the first argument's type is the table's key."""

Expressions = dict[type[Op], Expression]

Modules = dict[type[Op], Callable[[Any, Shape, Division], str | None]]
"""``(op, shape that it reads, division)`` to the call that makes its module; ``None`` where ``torch.nn`` has none."""
