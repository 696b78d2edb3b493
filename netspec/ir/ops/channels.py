"""Operations that take or rearrange channels of an image (or features of a vector)."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_divisible
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Shuffle(Op):
    """The channels of ``groups`` equal groups in turn: the first of each group, then the second of each, and so on.

    With C channels, output channel j groups + i is input channel i C / groups + j: the channels are read as a matrix of
    groups rows, which is transposed. Each of ``shares`` equal shares of the channels is rearranged by itself. Zhang,
    Zhou, Lin & Sun, ShuffleNet (2018), section 3.1.
    """

    groups: int
    shares: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_divisible(x.channels, self.groups * self.shares, "input channels", "inputs")
        return x


@dataclass(frozen=True, slots=True)
class Slice(Op):
    """The ``channels`` channels from number ``first`` on, counted from 0.

    With ``groups``, it takes an equal part of each group of the input's channels: those from ``first`` / groups on,
    counted in the group, ``channels`` / groups of them.
    """

    first: int
    channels: int
    groups: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        end = self.first + self.channels
        if end > x.channels:
            raise Fault(
                "slice-outside-value",
                "{layer} takes more channels than there are",
                ("channels", "first"),
                (f"{self.first} + {self.channels} = {end}, its input has {plural(x.channels, 'channel')}",),
            )
        for number, what in ((x.channels, "input channels"), (self.channels, "channels"), (self.first, "first")):
            if number % self.groups:
                raise Fault(
                    "groups-do-not-divide",
                    f"{{layer}}: {self.groups} GPU groups do not divide its {what}",
                    ("channels", "first"),
                    (
                        f"{number} / {self.groups} = {number / self.groups:.6g}: each group takes an equal part of its "
                        "own share",
                    ),
                )
        return Shape(self.channels, *x[1:])

    def of_group(self, x: Shape) -> tuple[int, int, int]:
        """Return, of each group of an input's channels, the first that is taken, how many are, and how many it has."""
        return self.first // self.groups, self.channels // self.groups, x.channels // self.groups
