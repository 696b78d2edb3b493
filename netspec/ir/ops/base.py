"""The base class of operations: output shape, parameters and cost, each computed from the input shapes."""

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

    ``fan_in`` is the number of inputs that one output unit sums over, ``fan_out`` the number of output units that one
    input contributes to, as the xavier and he initialisers count them. With a ``table``, in which these differ from
    unit to unit, both are means, and only the table's kernels are weights. ``axis`` is the axis along which the array
    is divided into equal shares of the operation's output channels.
    """

    role: Role
    shape: tuple[int, ...]
    fan_in: float
    fan_out: float
    table: ConnectionTable | None = None
    axis: int = 0

    @property
    def size(self) -> int:
        """The number of learnt values."""
        return learnt(self.shape, self.table)


def learnt(shape: tuple[int, ...], table: ConnectionTable | None) -> int:
    """Return how many values of an array are learnt: all, or only those of a table's kernels."""
    return math.prod(shape) if table is None else table.links * math.prod(shape[2:])


@dataclass(frozen=True, slots=True)
class Op:
    """An operation of the fixed vocabulary (``VOCABULARY``) to which layer types lower and which backends emit.

    The methods here suit an operation on one value that keeps its shape and has neither parameters nor connections.
    """

    arity: ClassVar[tuple[int, int | None]] = (1, 1)
    """The smallest and the largest number of inputs. ``None``: there is no largest."""

    word: ClassVar[str] = ""
    """Its name in a spec, if that is not the class's name in lower case."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        """Return the output's shape. Raises ``Fault`` if the operation cannot be applied to these inputs."""
        return inputs[0]

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        """Return the parameters, in the order in which backends receive them."""
        return ()

    def connections(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Return the number of multiply-accumulates in one image's forward pass."""
        return 0

    flops_rule: ClassVar[str] = "1 a unit"
    """What ``flops`` counts in addition to the connections, in words for the user."""

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        """Return the number of additions, multiplications, comparisons and functions in one image's forward pass."""
        return 0


def name_of(op: Op) -> str:
    """Return the operation's name for use in the names of nodes: ``conv``, ``maxpool``, ``noisyrelu``."""
    return type(op).__name__.lower()


def word_of(op: Op) -> str:
    """Return the operation's name for users, which is the one in a spec: ``conv``, ``maxpool``, ``nrelu``."""
    return op.word or name_of(op)


def require_image(shape: Shape, doing: str) -> None:
    """Raise ``needs-image`` unless the shape has channels, height and width."""
    if not shape.is_image:
        raise Fault("needs-image", f"{{layer}} {doing} an image, and reads a vector of {shape}", ("inputs",))


def require_divisible(number: int, groups: int, what: str, key: str) -> None:
    """Raise ``groups-do-not-divide`` unless ``groups`` divides ``number``."""
    if number % groups:
        raise Fault(
            "groups-do-not-divide",
            f"{{layer}}: {groups} groups do not divide its {what}",
            (key, "groups"),
            (f"{number} {what} / {groups} groups = {number / groups:.6g}, not a whole number",),
        )
