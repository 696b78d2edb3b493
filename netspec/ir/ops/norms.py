"""Normalisations and dropout.

The response normalisations follow cuda-convnet's formulas (``conv_util.cu`` of version 2). ``alpha`` here is always
the factor of one element's square, whichever convention the spec uses. A window of ``size`` around i covers
[i - size // 2, i - size // 2 + size), so an even one extends one further on the lower side. It is cut at the borders.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, ParamShape, require_divisible, require_image
from netspec.ir.shape import Shape

DropoutOver = Literal["units", "channels", "images"]


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


class ContrastNorm(MapNorm):
    """Contrast: y = x (k + alpha sum d^2)^-beta with d = x - m and m the mean of the window's real pixels.

    The numerator is x, not d, as in cuda-convnet (``src/layer.cu:1605`` of 2012).
    """

    __slots__ = ()

    flops_rule: ClassVar[str] = "3 size^2 + 5 a unit"
    word: ClassVar[str] = "contrast"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (3 * self.size**2 + 5) * output.units


RUNNING_STATISTICS: Mapping[str, float] = {"running_mean": 0.0, "running_var": 1.0}
"""The running statistics of a batch normalisation, a number for each channel, and what they are before the first batch.
Their keys are those of parameters: ``bn1.running_mean``."""


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
        return _scale_and_shift(output) if self.affine else ()

    flops_rule: ClassVar[str] = "4 a unit, 2 without scale and shift"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (4 if self.affine else 2) * output.units


@dataclass(frozen=True, slots=True)
class GroupNorm(Op):
    """In each image, each of ``groups`` equal runs of channels minus its mean over all positions, divided by its
    standard deviation over them; if ``affine``, each channel is then scaled and shifted.

    The variance is the biased one, and ``eps`` is added to it. Wu & He (2018), section 3.1.
    """

    eps: float
    groups: int = 1
    affine: bool = True

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_divisible(x.channels, self.groups, "channels" if x.is_image else "inputs", "groups")
        return x

    def params(self, inputs: tuple[Shape, ...], output: Shape) -> tuple[ParamShape, ...]:
        return _scale_and_shift(output) if self.affine else ()

    def normalised_together(self, x: Shape) -> int:
        """How many numbers of an image have a common mean and variance."""
        return x.units // self.groups

    flops_rule: ClassVar[str] = "7 a unit, 5 without scale and shift"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (7 if self.affine else 5) * output.units


class LayerNorm(GroupNorm):
    """Like ``GroupNorm``, but at each position by itself: over the channels of a group there.

    Ba, Kiros & Hinton (2016), as ConvNeXt applies it to images (Liu et al., 2022).
    """

    __slots__ = ()

    def normalised_together(self, x: Shape) -> int:
        return x.channels // self.groups


def _scale_and_shift(output: Shape) -> tuple[ParamShape, ...]:
    """The parameters of a normalisation: a coefficient and a bias for each channel."""
    channels = (output.channels,)
    return (ParamShape("weight", channels, 1, 1), ParamShape("bias", channels, 1, 1))


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """In training, sets each unit of each image to zero with probability ``rate``; or each channel, or each image.

    ``over`` says which numbers are zero together: of an image, ``"units"`` none, ``"channels"`` those of a channel
    (Tompson et al., 2015, section 3.2), and ``"images"`` all, as on the branches of residual networks with stochastic
    depth (Huang et al., 2016, section 3). ``scaling="train"`` divides the others by 1 - rate in training.
    ``scaling="test"`` multiplies all units by 1 - rate outside training instead (Krizhevsky et al., 2012, section 4.2).
    """

    rate: float
    scaling: Literal["train", "test"]
    over: DropoutOver = "units"

    def choices(self, x: Shape) -> Shape:
        """The shape of one image's random choices: that of ``x``, with 1 along the axes that are dropped together."""
        if self.over == "units":
            return x
        first = x.channels if self.over == "channels" else 1
        return Shape(first, *(1 for _ in x[1:]))

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units
