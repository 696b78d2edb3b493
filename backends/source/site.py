"""The context of an operation in the program, from which its expression is built."""

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
    """How a layer's numbers of channels are written, of which each process may compute a share.

    Parameters
    ----------
    groups:
        The number of shares if several processes divide the channels.
    parts:
        The expression for the number of shares at run time, which is 1 for a single process; ``None`` if the layer is
        not divided.
    """

    groups: int = 1
    parts: str | None = None

    def share(self, number: int) -> str:
        """Return the expression for a process's share of a number of channels, filters or groups."""
        return str(number) if self.parts is None else f"{number} // {self.parts}"

    def input_channels(self, number: int, groups: int) -> str:
        """Return how many of ``number`` channels an operation in groups reads: a share if its groups are divided."""
        return self.share(number) if groups % self.groups == 0 else str(number)


@dataclass(frozen=True, slots=True)
class Site:
    """One operation of the model.

    Parameters
    ----------
    name:
        The name of the node in the graph.
    random_state, world:
        Expressions for the state of random draws and for the processes.
    division:
        How the processes divide the operation.
    inputs, params:
        Expressions for the values and parameters that it reads.
    names:
        The keys of these parameters in ``PARAMETERS``.
    module:
        The expression for the ``torch.nn`` module that holds the parameters, if there is one.
    shapes:
        The shapes of the inputs.
    helpers:
        Collects the names of the helper functions that the program must define, in the order of their use.
    train:
        The training settings: label smoothing and precision.
    mixes:
        Whether training mixes images, so that labels may be targets, N,C.
    labels:
        The expression for the labels that a loss reads.
    """

    name: str
    random_state: str
    world: str
    division: Division
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    names: tuple[str, ...]
    module: str | None
    shapes: tuple[Shape, ...]
    helpers: dict[str, None]
    train: Train
    mixes: bool
    labels: str

    @property
    def x(self) -> str:
        """The only input, as a call's argument."""
        return self.inputs[0]

    @property
    def operand(self) -> str:
        """The only input, in parentheses if needed beside an operator or before a dot."""
        return operand(self.inputs[0])

    @property
    def float32(self) -> str:
        """The only input, converted to float32 if layers compute in less."""
        return self.all_float32[0]

    @property
    def all_float32(self) -> tuple[str, ...]:
        """All inputs, converted to float32 if layers compute in less."""
        lower = self.train.precision == "bf16"
        return tuple(f"{operand(x)}.float()" if lower else x for x in self.inputs)

    @property
    def flat(self) -> str:
        """The only input, flattened if it is an image."""
        return f"{self.operand}.flatten(1)" if self.shapes[0].is_image else self.x

    @property
    def group_option(self) -> dict[str, str]:
        """The option that tells a helper with random draws which share of the layer's units the process computes."""
        return {} if self.division.parts is None else {"group": f"{self.world}.group"}

    def helper(self, name: str) -> str:
        """Make the program define a helper function, and return its name."""
        self.helpers[name] = None
        return name


Expression = Callable[[Any, Site], str]
"""Returns the Python expression of an operation at its site. The type of the first argument is its key in the table."""

Expressions = dict[type[Op], Expression]

Modules = dict[type[Op], Callable[[Any, Shape, Division], str | None]]
"""``(op, input shape, division)`` -> the call that creates its module, or ``None`` if ``torch.nn`` has none."""
