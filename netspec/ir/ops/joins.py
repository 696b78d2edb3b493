"""Operations that join several values or change only how a value is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, need_divisible
from netspec.ir.shape import Shape
from netspec.units import count

MOST_LISTED = 12
"""How many shapes that should be equal are told."""


@dataclass(frozen=True, slots=True)
class Input(Op):
    """The network's images (or vectors): the one operation that reads nothing."""

    size: Shape

    arity = (0, 0)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return self.size


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Channels (or features) one after the other; in ``groups``: first every input's group 0, then every group 1.

    A value in groups keeps each group's channels together, so that joining two of them group by group interleaves.
    """

    groups: int = 1

    arity = (1, None)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        first = inputs[0]
        for x in inputs:
            need_divisible(x.channels, self.groups, "input channels", "inputs")
        if any(x[1:] != first[1:] for x in inputs):
            raise Fault(
                "shapes-differ",
                "{layer} joins maps of different sizes",
                ("inputs",),
                (_listed(inputs) + ": heights and widths must be equal",),
            )
        return Shape(sum(x.channels for x in inputs), *first[1:])


@dataclass(frozen=True, slots=True)
class Elementwise(Op):
    """What element-by-element operations share: several inputs of one shape."""

    arity = (1, None)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if any(x != inputs[0] for x in inputs):
            raise Fault(
                "shapes-differ",
                "{layer} needs inputs of one shape",
                ("inputs",),
                (_listed(inputs) + ": all must be equal",),
            )
        return inputs[0]

    flops_rule: ClassVar[str] = "inputs - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (len(inputs) - 1) * output.units


@dataclass(frozen=True, slots=True)
class Sum(Elementwise):
    """The sum of the inputs, element by element."""


@dataclass(frozen=True, slots=True)
class Max(Elementwise):
    """The largest of the inputs, element by element; of equal ones the first takes the gradient."""


@dataclass(frozen=True, slots=True)
class Flatten(Op):
    """An image as a vector: channels, then rows, then columns."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return Shape(inputs[0].units)


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same numbers in the same order (channels, then rows, then columns) as an image or vector of another shape."""

    size: Shape

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        if self.size.units != x.units:
            raise Fault(
                "shapes-differ",
                "{layer} cannot lay what it reads out anew",
                ("inputs",),
                (f"{x} are {count(x.units)} numbers, {self.size} are {count(self.size.units)}",),
            )
        return self.size


@dataclass(frozen=True, slots=True)
class Softmax(Op):
    """e^x / sum e^x over the features of a vector, over the channels of each pixel of an image."""

    flops_rule: ClassVar[str] = "3 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * output.units


def _listed(inputs: tuple[Shape, ...]) -> str:
    return ", ".join([*map(str, inputs[:MOST_LISTED]), *(["..."] if inputs[MOST_LISTED:] else [])])
