"""Losses. Each is defined for one image here; a batch's loss is the mean over its images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_image
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class Loss(Op):
    """The base class of losses. ``weight`` multiplies this loss in the sum of all. The input is one score per class."""

    weight: float = 1.0

    labelled: ClassVar[bool] = True
    """Whether its input is class scores, which it compares with the images' classes."""

    @property
    def knows_classes(self) -> bool:
        """Whether the loss depends on the images' classes."""
        return self.labelled

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        if x.is_image:
            raise Fault("needs-vector", f"{{layer}} needs one score per class, and reads an image of {x}", ("inputs",))
        return Shape(1)

    flops_rule: ClassVar[str] = "3 a class"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 3 * inputs[0].units


class CrossEntropy(Loss):
    """-log softmax(x)[class]. The softmax is part of the loss.

    Of maps of scores, it is that of the class of each pixel, and a batch's loss the mean over its labelled pixels. It
    does not matter in which image they are.
    """

    __slots__ = ()

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        return Shape(1) if x.units > x.channels else Loss.shape(self, inputs)

    flops_rule: ClassVar[str] = "3 a class, at each pixel of maps"


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(Loss):
    """-sum over the classes of w t log p + (1 - t) log(1 - p), with t = 1 for the image's class, else 0.

    w is ``positive``, the weight of the image's class. p is logistic(x); if the loss is ``of`` probabilities, p is x
    itself, and its logarithms are at least ``least`` = log(``smallest``), the value of cuda-convnet's ``safelog(0)``.
    """

    positive: float = 1.0
    of: Literal["scores", "probabilities"] = "scores"

    least: ClassVar[float] = -50.0
    smallest: ClassVar[float] = math.exp(-50.0)


@dataclass(frozen=True, slots=True)
class SetCrossEntropy(Loss):
    """-log of the probability that a random set of ``size`` classes contains the image's class.

    The probability of a set is proportional to e^(sum of the scores in it) (cuda-convnet's ``cost.msm`` of 2012). With
    ``size=1`` this is the cross-entropy.

    With E_k the elementary symmetric polynomial of degree k (the sum, over all sets of k variables, of their products),
    the loss is log E_size(e^x) - x[class] - log E_(size - 1)(e^x without the class).
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


class SquaredError(Loss):
    """The sum over the classes of (x - t)^2, with t = 1 for the image's class, else 0."""

    __slots__ = ()


class CauchyError(Loss):
    """The sum over the classes of log(1 + (x - t)^2), with t = 1 for the image's class, else 0.

    It is less sensitive to outliers than the squared error (cuda-convnet's ``cost.rflickr`` of 2012).
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SumSquares(Loss):
    """The sum of x^2 over all units, which keeps a value small.

    With ``gate="class"`` it is multiplied by the number of the image's class, from 0 (cuda-convnet's ``cost.gsum2`` of
    2012 with labels as its gate).
    """

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


class GatedSumSquares(Loss):
    """The sum of g x^2 over all units of the second input x. The first input, g, is one number for each image. Both
    inputs get a gradient (cuda-convnet's ``cost.gsum2`` of 2012)."""

    __slots__ = ()

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
    """The sum over all units of f(S), where S is the sum of x^2 over the size x size pixels around the unit in its map.

    This is the sparsity of topographic independent component analysis (Hyvarinen, Hoyer & Inki, Topographic independent
    component analysis, 2001).

    f(S) = sqrt(S) - e log(1 + sqrt(S) / e) with e = 0.001. Its derivative 1 / (2 (e + sqrt(S))) is the gradient that
    cuda-convnet uses (``cost.tica`` of 2012; kTICA_manyfilter and kTICAGrad_manyfilter in its
    ``src/cudaconv2/conv_util.cu``); cuda-convnet does not compute the value. Windows of an even size extend one pixel
    further left and up.
    """

    size: int = 3

    labelled = False
    smallest: ClassVar[float] = 0.001
    """e in the formula, which keeps the derivative finite."""

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        require_image(inputs[0], "sums over the pixels of")
        return Shape(1)

    flops_rule: ClassVar[str] = "size^2 + 6 a unit that it reads"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (self.size**2 + 6) * inputs[0].units
