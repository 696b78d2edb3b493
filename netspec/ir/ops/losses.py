"""Losses: one number per batch, the mean over its images, from a value and (but for one) the images' class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Loss(Op):
    """What all losses share: a vector with one score per class, and the weight of this loss in the sum of all."""

    weight: float = 1.0

    labelled: ClassVar[bool] = True
    """Whether it compares what it reads, class scores, with the images' classes."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        if x.is_image:
            raise Fault("needs-vector", f"{{layer}} needs one score per class, and reads an image of {x}", ("inputs",))
        return Shape(1)

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * inputs[0].units


@dataclass(frozen=True, slots=True)
class CrossEntropy(Loss):
    """-log softmax(x)[class]: the softmax is part of it."""


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(Loss):
    """-sum over the classes of w t log p + (1 - t) log(1 - p), p = logistic(x), t = 1 for the image's class, else 0.

    w is ``positive``, the weight of what should be 1.
    """

    positive: float = 1.0


@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    """The sum over the classes of (x - t)^2, t = 1 for the image's class, else 0."""


@dataclass(frozen=True, slots=True)
class CauchyError(Loss):
    """The sum over the classes of log(1 + (x - t)^2), t = 1 for the image's class, else 0: the squared error that does
    not mind outliers (cuda-convnet's ``cost.rflickr`` of 2012)."""


@dataclass(frozen=True, slots=True)
class SumSquares(Loss):
    """The sum of x^2 over all units, whatever the image's class: what keeps a value small."""

    labelled = False

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return Shape(1)

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * inputs[0].units
