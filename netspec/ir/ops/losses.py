"""Losses: one number per batch, the mean over its images, from a value and (but for one) the images' class numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, need_image
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Loss(Op):
    """What all losses share: a vector with one score per class, and the weight of this loss in the sum of all."""

    weight: float = 1.0

    labelled: ClassVar[bool] = True
    """Whether it compares what it reads, class scores, with the images' classes."""

    @property
    def knows_classes(self) -> bool:
        """Whether the images' classes make a difference to it."""
        return self.labelled

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        if x.is_image:
            raise Fault("needs-vector", f"{{layer}} needs one score per class, and reads an image of {x}", ("inputs",))
        return Shape(1)

    flops_rule: ClassVar[str] = "3 a class"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * inputs[0].units


@dataclass(frozen=True, slots=True)
class CrossEntropy(Loss):
    """-log softmax(x)[class]: the softmax is part of it."""


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(Loss):
    """-sum over the classes of w t log p + (1 - t) log(1 - p), t = 1 for the image's class, else 0.

    w is ``positive``, the weight of what should be 1. p is logistic(x), or ``of`` probabilities x itself; logarithms of
    these are at least ``least``, that of the ``smallest`` number that is told from 0, as cuda-convnet's ``safelog`` of
    0 is.
    """

    positive: float = 1.0
    of: Literal["scores", "probabilities"] = "scores"

    least: ClassVar[float] = -50.0
    smallest: ClassVar[float] = math.exp(-50.0)


@dataclass(frozen=True, slots=True)
class SetCrossEntropy(Loss):
    """-log of the probability that the class is in a random set of ``size`` classes: one of all sets of so many, each
    as likely as e to the power of the sum of its scores (cuda-convnet's ``cost.msm`` of 2012). Of size 1 it is the
    cross-entropy.

    With E_k the elementary symmetric polynomial of degree k, the sum over all sets of k of their products, that is
    log E_size(e^x) - x[class] - log E_(size - 1)(e^x without the class).
    """

    size: int = 1

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        made = Loss.shape(self, inputs)
        classes = inputs[0].units
        if self.size > classes:
            message = f"{{layer}} draws sets of {self.size} classes, and reads the scores of {classes}"
            raise Fault("bad-value", message, ("size",))
        return made

    flops_rule: ClassVar[str] = "6 size a class"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 6 * self.size * inputs[0].units


@dataclass(frozen=True, slots=True)
class SquaredError(Loss):
    """The sum over the classes of (x - t)^2, t = 1 for the image's class, else 0."""


@dataclass(frozen=True, slots=True)
class CauchyError(Loss):
    """The sum over the classes of log(1 + (x - t)^2), t = 1 for the image's class, else 0: the squared error that does
    not mind outliers (cuda-convnet's ``cost.rflickr`` of 2012)."""


@dataclass(frozen=True, slots=True)
class SumSquares(Loss):
    """The sum of x^2 over all units: what keeps a value small. Where ``gate`` is class it is times the number of the
    image's class, counted from 0 (cuda-convnet's ``cost.gsum2`` of 2012 over its labels)."""

    gate: Literal["none", "class"] = "none"

    labelled = False

    @property
    def knows_classes(self) -> bool:
        return self.gate == "class"

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        return Shape(1)

    flops_rule: ClassVar[str] = "2 a unit that it reads, and 1 with a gate"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * inputs[0].units + (self.gate == "class")


@dataclass(frozen=True, slots=True)
class GatedSumSquares(Loss):
    """The sum of g x^2 over all units of the second input x; the first, g, is one number for each image. Both get a
    gradient (cuda-convnet's ``cost.gsum2`` of 2012)."""

    labelled = False
    arity = (2, 2)

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        gate, _ = inputs
        if gate.units != 1:
            message = f"{{layer}}'s first input is its gate, one number, and not {gate}"
            raise Fault("shapes-differ", message, ("inputs",), ("inputs=GATE,VALUE: the gate stands first",))
        return Shape(1)

    flops_rule: ClassVar[str] = "2 a unit that it reads, and 1"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 2 * inputs[1].units + 1


@dataclass(frozen=True, slots=True)
class Topographic(Loss):
    """The sum over all units of f(S), S the sum of x^2 over the size x size pixels around one in its map: the sparsity
    of topographic independent component analysis (Hyvarinen, Hoyer & Inki, Topographic independent component analysis,
    2001).

    f(S) = sqrt(S) - e log(1 + sqrt(S) / e) with e = 0.001, whose derivative 1 / (2 (e + sqrt(S))) is the one that
    cuda-convnet descends by (``cost.tica`` of 2012; kTICA_manyfilter and kTICAGrad_manyfilter in its
    ``src/cudaconv2/conv_util.cu``); it does not compute the value. Windows of an even size reach one further left and
    above.
    """

    size: int = 3

    labelled = False
    smallest: ClassVar[float] = 0.001
    """e, which keeps the derivative finite."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        need_image(inputs[0], "sums over the pixels of")
        return Shape(1)

    flops_rule: ClassVar[str] = "size^2 + 6 a unit that it reads"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (self.size**2 + 6) * inputs[0].units
