"""Losses: one number per batch, the mean over its images, from a value and the images' class numbers."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Loss(Op):
    """What all losses share: a vector with one score per class, and the weight of this loss in the sum of all."""

    weight: float = 1.0

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
    """-sum over the classes of t log p + (1 - t) log(1 - p), p = logistic(x), t = 1 for the image's class, else 0."""


@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    """The sum over the classes of (x - t)^2, t = 1 for the image's class, else 0."""
