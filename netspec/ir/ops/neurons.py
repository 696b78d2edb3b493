"""Neurons: functions of one number, applied to every unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.ops.base import Op
from netspec.ir.shape import Shape


class Neuron(Op):
    """The base class of neurons: they keep the shape and cost one function per unit."""

    __slots__ = ()

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return output.units


class Relu(Neuron):
    """max(0, x); the gradient at 0 is 0."""

    __slots__ = ()


class Relu6(Neuron):
    """min(max(0, x), ``top``); the gradient at 0 and at ``top`` is 0.

    Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010), units capped at 6; Sandler et al., MobileNetV2
    (2018), section 4.
    """

    __slots__ = ()

    top: ClassVar[int] = 6


@dataclass(frozen=True, slots=True)
class NoisyRelu(Neuron):
    """max(0, r + std r z) with r = max(0, x) and z drawn from the standard normal distribution, also outside training.

    The gradient is 1 where the value is above 0, else 0: it ignores the noise (cuda-convnet ``neuron.cuh`` of 2012,
    where the standard deviation of the noise is r, that is ``std`` = 1).
    """

    word: ClassVar[str] = "nrelu"

    std: float = 1.0


@dataclass(frozen=True, slots=True)
class LeakyRelu(Neuron):
    """max(0, x) + slope min(0, x); the gradient at 0 is the slope. Maas, Hannun & Ng (2013), section 2."""

    slope: float = 0.01


@dataclass(frozen=True, slots=True)
class Elu(Neuron):
    """max(0, x) + alpha min(0, e^x - 1). Clevert, Unterthiner & Hochreiter (2016), section 3."""

    alpha: float = 1.0


class Silu(Neuron):
    """x / (1 + e^-x). Ramachandran, Zoph & Le (2017), section 4, where it is Swish with beta = 1."""

    __slots__ = ()


class Mish(Neuron):
    """x tanh(log(1 + e^x)). Misra, Mish: a self regularized non-monotonic activation function (2020), section 2."""

    __slots__ = ()


class Gelu(Neuron):
    """x P(X <= x) for a standard normal X: x (1 + erf(x / sqrt 2)) / 2. Hendrycks & Gimpel (2016), section 2."""

    __slots__ = ()


class HardSigmoid(Neuron):
    """min(max(0, x + 3), 6) / 6; the gradient at -3 and 3 is 0. Howard et al., MobileNetV3 (2019), section 5.2."""

    __slots__ = ()


class HardSwish(Neuron):
    """x min(max(0, x + 3), 6) / 6; the gradient at -3 is 0, at 3 it is 1. Howard et al. (2019), section 5.2."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Tanh(Neuron):
    """a tanh(b x)."""

    a: float = 1.0
    b: float = 1.0


class Logistic(Neuron):
    """1 / (1 + e^-x)."""

    __slots__ = ()


class SoftRelu(Neuron):
    """log(1 + e^x), but x itself where x is above ``linear_above`` (cuda-convnet ``neuron.cuh``)."""

    __slots__ = ()

    linear_above: ClassVar[int] = 4


class Abs(Neuron):
    """|x|; the gradient at 0 is 0."""

    __slots__ = ()


class Square(Neuron):
    """x^2."""

    __slots__ = ()


class Sqrt(Neuron):
    """The square root of x."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Log(Neuron):
    """log(a + x)."""

    a: float = 0.0


@dataclass(frozen=True, slots=True)
class LinearNeuron(Neuron):
    """a x + b. The default is the identity."""

    word: ClassVar[str] = "linear"

    a: float = 1.0
    b: float = 0.0
