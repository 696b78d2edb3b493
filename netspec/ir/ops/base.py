"""What every operation answers: its shape, its parameters and its cost, each from the shapes that it reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable

Role = Literal["weight", "bias"]


class ParamShape(NamedTuple):
    """A parameter that an operation needs.

    ``fan_in`` is how many numbers one output unit sums up with it, ``fan_out`` how many output units one input number
    reaches: what the xavier and he initialisers count. With a ``table``, whose units differ, both are the mean over all
    of them, and of the array only its kernels are weights.
    """

    role: Role
    shape: tuple[int, ...]
    fan_in: float
    fan_out: float
    table: ConnectionTable | None = None

    @property
    def size(self) -> int:
        """Numbers that are learnt."""
        return learnt(self.shape, self.table)


def learnt(shape: tuple[int, ...], table: ConnectionTable | None) -> int:
    """How many numbers of an array are learnt: all, or those of a table's kernels."""
    return math.prod(shape) if table is None else table.links * math.prod(shape[2:])


@dataclass(frozen=True, slots=True)
class Op:
    """One entry of the closed vocabulary between layer types and backends.

    The defaults below are those of an operation on one value that keeps its shape and has neither parameters nor
    connections.
    """

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """Fewest and most inputs; ``None`` is any number."""

    word: ClassVar[str] = ""
    """What a spec calls it, where that is not the class's name in small letters."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """The output's shape. Raises ``Fault`` where there is none."""
        return inputs[0]

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        """The parameters, in the order in which backends receive them."""
        return ()

    def connections(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Multiply-accumulates of one image's forward pass."""
        return 0

    flops_rule: ClassVar[str] = "1 a unit"
    """What ``flops`` counts beside the connections, in words."""

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Additions, multiplications, comparisons and functions of one image's forward pass."""
        return 0


def name_of(op: Op) -> str:
    """The operation's word in the names of inner nodes: ``conv``, ``maxpool``, ``noisyrelu``."""
    return type(op).__name__.lower()


def word_of(op: Op) -> str:
    """What readers know the operation by, the word that a spec has for it: ``conv``, ``maxpool``, ``nrelu``."""
    return op.word or name_of(op)


def need_image(shape: Shape, doing: str) -> None:
    """Raise ``needs-image`` unless the shape has channels, height and width."""
    if not shape.is_image:
        raise Fault("needs-image", f"{{layer}} {doing} an image, and reads a vector of {shape}", ("inputs",))


def need_divisible(number: int, groups: int, what: str, key: str) -> None:
    """Raise ``groups-do-not-divide`` unless the groups divide the number."""
    if number % groups:
        raise Fault(
            "groups-do-not-divide",
            f"{{layer}}: {groups} groups do not divide its {what}",
            (key, "groups"),
            (f"{number} {what} / {groups} groups = {number / groups:.6g}, not a whole number",),
        )
