"""Operations that combine several values or only change a value's shape, and the softmax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netspec.formatting import format_count
from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_divisible
from netspec.ir.shape import Shape

MAX_LISTED = 12
"""A message about differing shapes lists this many at most."""


@dataclass(frozen=True, slots=True)
class Input(Op):
    """The network's images (or vectors): the only operation without inputs."""

    size: Shape

    arity = (0, 0)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return self.size


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Concatenation along channels (or features), group by group: first group 0 of every input, then group 1 ...

    Channels of the same group stay together, so with several groups the channels of the inputs alternate.
    """

    groups: int = 1

    arity = (1, None)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        first = inputs[0]
        for x in inputs:
            require_divisible(x.channels, self.groups, "input channels", "inputs")
        if any(x[1:] != first[1:] for x in inputs):
            raise Fault(
                "shapes-differ",
                "{layer} joins maps of different sizes",
                ("inputs",),
                (_list_shapes(inputs) + ": heights and widths must be equal",),
            )
        return Shape(sum(x.channels for x in inputs), *first[1:])


class Elementwise(Op):
    """The base class of element-wise operations on several inputs of the same shape."""

    __slots__ = ()

    arity = (1, None)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        if any(x != inputs[0] for x in inputs):
            raise Fault(
                "shapes-differ",
                "{layer} needs inputs of one shape",
                ("inputs",),
                (_list_shapes(inputs) + ": all must be equal",),
            )
        return inputs[0]

    flops_rule: ClassVar[str] = "inputs - 1 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (len(inputs) - 1) * output.units


class Sum(Elementwise):
    """The element-wise sum of the inputs."""

    __slots__ = ()


class Max(Elementwise):
    """The element-wise maximum of the inputs. If several are largest, the first gets the gradient."""

    __slots__ = ()


class Product(Elementwise):
    """The element-wise product of the inputs. One with a single unit per channel multiplies whole maps, one with a
    single channel multiplies every channel, and a single number all units.

    Its gradients are grad times the product of the other inputs, summed over the pixels of a map that a unit multiplies
    (Hu, Shen & Sun, Squeeze-and-excitation networks, 2018, section 3.2), over the channels that a map multiplies (Woo
    et al., CBAM, 2018, section 3), or over all that a number multiplies.
    """

    __slots__ = ()

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        largest = max(inputs, key=lambda x: (x.units, x.is_image))
        one_map = Shape(1, *largest[1:]) if largest.is_image else largest
        if any(
            x not in (largest, one_map, Shape(1)) and not (x.channels == x.units == largest.channels) for x in inputs
        ):
            rule = f"each must be {largest}, or a single number (1)"
            if largest.is_image:
                units = f"one unit for each of {largest.channels} channels"
                rule = f"each must be {largest}, one map ({one_map}), {units}, or a single number (1)"
            message = "{layer} multiplies inputs that do not match"
            raise Fault("shapes-differ", message, ("inputs",), (f"{_list_shapes(inputs)}: {rule}",))
        return largest

    @staticmethod
    def widened(inputs: tuple[Shape, ...]) -> tuple[bool, ...]:
        """Return for each input whether it is a vector that multiplies the maps of an image."""
        return tuple(any(x.is_image for x in inputs) and not x.is_image for x in inputs)


class Flatten(Op):
    """An image as a vector, in the order channels, rows, columns."""

    __slots__ = ()

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return Shape(inputs[0].units)


@dataclass(frozen=True, slots=True)
class Reshape(Op):
    """The same values in the same order (channels, rows, columns) as an image or vector of another shape."""

    size: Shape

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        if self.size.units != x.units:
            raise Fault(
                "shapes-differ",
                "{layer} cannot change the number of values",
                ("inputs",),
                (f"{x} has {format_count(x.units)} values, {self.size} has {format_count(self.size.units)}",),
            )
        return self.size


class Softmax(Op):
    """e^x / sum e^x over the features of a vector, or over the channels of each pixel of an image."""

    __slots__ = ()

    flops_rule: ClassVar[str] = "3 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * output.units


def _list_shapes(inputs: tuple[Shape, ...]) -> str:
    shapes = [str(shape) for shape in inputs[:MAX_LISTED]]
    return ", ".join([*shapes, "..."] if len(inputs) > MAX_LISTED else shapes)
