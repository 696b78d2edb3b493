"""Normalisations and dropout.

The response normalisations follow cuda-convnet's formulas (``conv_util.cu`` of version 2). ``alpha`` here is always
the factor of one element's square, whichever convention the spec uses. A window of ``size`` around i covers
[i - size // 2, i - size // 2 + size), so an even one extends one further on the lower side. It is cut at the borders.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, ParamShape, require_divisible, require_image
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Lrn(Op):
    """Across maps: y_i = x_i (k + alpha sum_j x_j^2)^-beta over the ``size`` channels j around i, at the same pixel.

    The channels are divided into ``groups`` equal runs, and no window crosses from one into another. Krizhevsky et al.
    (2012), section 3.3.
    """

    size: int
    k: float
    alpha: float
    beta: float
    groups: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "normalises across the maps of")
        require_divisible(x.channels, self.groups, "input channels", "inputs")
        return x

    flops_rule: ClassVar[str] = "2 size + 3 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (2 * self.size + 3) * output.units


@dataclass(frozen=True, slots=True)
class MapNorm(Op):
    """Within each map: y = x (k + alpha sum x^2)^-beta over the size x size pixels around, in the same channel."""

    word: ClassVar[str] = "rnorm"

    size: int
    k: float
    alpha: float
    beta: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "normalises within the maps of")
        if self.size > min(x.height, x.width):
            raise Fault(
                "kernel-too-large",
                "{layer}'s window is larger than its maps",
                ("size",),
                (f"the window is {self.size} x {self.size}, the maps are {x.height} x {x.width}",),
            )
        return x

    flops_rule: ClassVar[str] = "2 size^2 + 3 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (2 * self.size**2 + 3) * output.units


@dataclass(frozen=True, slots=True)
class ContrastNorm(MapNorm):
    """Contrast: y = x (k + alpha sum d^2)^-beta with d = x - m and m the mean of the window's real pixels.

    The numerator is x, not d, as in cuda-convnet (``src/layer.cu:1605`` of 2012).
    """

    flops_rule: ClassVar[str] = "3 size^2 + 5 a unit"
    word: ClassVar[str] = "contrast"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (3 * self.size**2 + 5) * output.units


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Each channel minus its mean over the batch, divided by its standard deviation; if ``affine``, scaled and shifted.

    Outside training the running mean and variance are used instead. Each training step moves them towards the batch's
    by the fraction ``momentum``. The running variance is the unbiased one. Ioffe & Szegedy (2015), algorithms 1 and 2.
    """

    eps: float
    momentum: float
    affine: bool = True

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        if not self.affine:
            return ()
        channels = (output.channels,)
        return (ParamShape("weight", channels, 1, 1), ParamShape("bias", channels, 1, 1))

    flops_rule: ClassVar[str] = "4 a unit, 2 without scale and shift"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (4 if self.affine else 2) * output.units


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """In training, sets each unit of each image to zero with probability ``rate``.

    ``scaling="train"`` divides the other units by 1 - rate in training. ``scaling="test"`` multiplies all units by
    1 - rate outside training instead (Krizhevsky et al., 2012, section 4.2).
    """

    rate: float
    scaling: Literal["train", "test"]

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units
