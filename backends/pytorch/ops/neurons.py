"""Neurons: element-wise functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import (
    Abs,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    LinearNeuron,
    Log,
    Logistic,
    Mish,
    NoisyRelu,
    Relu,
    Relu6,
    Silu,
    SoftRelu,
    Sqrt,
    Square,
    Tanh,
)

from .counter_rng import RandomLayer
from .emission import Table


class NoisyReLU(RandomLayer):
    """max(0, r + std r z) with r = max(0, x) and standard normal z. The gradient passes unchanged where this is > 0."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        noise = self.std * self.normals(x)
        kept = F.relu(x) * (noise > -1)
        return kept + kept.detach() * noise

    def extra_repr(self) -> str:
        return f"std={self.std}"


class ScaledTanh(nn.Module):
    """a tanh(b x)."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a = a
        self.b = b

    def forward(self, x: Tensor) -> Tensor:
        return self.a * torch.tanh(self.b * x)

    def extra_repr(self) -> str:
        return f"a={self.a}, b={self.b}"


class SoftReLU(nn.Module):
    """log(1 + e^x), or x where x is large (see ``netspec.ir.ops.SoftRelu``)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x, threshold=SoftRelu.linear_above)


class Absolute(nn.Module):
    """|x|."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Squared(nn.Module):
    """x^2."""

    def forward(self, x: Tensor) -> Tensor:
        return x.square()


class SquareRoot(nn.Module):
    """The square root of x."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sqrt()


class Logarithm(nn.Module):
    """log(a + x)."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = a

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x + self.a if self.a else x)

    def extra_repr(self) -> str:
        return f"a={self.a}"


class ScaleShift(nn.Module):
    """a x + b."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a = a
        self.b = b

    def forward(self, x: Tensor) -> Tensor:
        return self.a * x + self.b

    def extra_repr(self) -> str:
        return f"a={self.a}, b={self.b}"


TABLE: Table = {
    Relu: lambda op, inputs: nn.ReLU(),
    Relu6: lambda op, inputs: nn.ReLU6(),
    NoisyRelu: lambda op, inputs: NoisyReLU(op.std),
    LeakyRelu: lambda op, inputs: nn.LeakyReLU(op.slope),
    Elu: lambda op, inputs: nn.ELU(op.alpha),
    Silu: lambda op, inputs: nn.SiLU(),
    Mish: lambda op, inputs: nn.Mish(),
    Gelu: lambda op, inputs: nn.GELU(),
    HardSwish: lambda op, inputs: nn.Hardswish(),
    Tanh: lambda op, inputs: nn.Tanh() if (op.a, op.b) == (1, 1) else ScaledTanh(op.a, op.b),
    Logistic: lambda op, inputs: nn.Sigmoid(),
    HardSigmoid: lambda op, inputs: nn.Hardsigmoid(),
    SoftRelu: lambda op, inputs: SoftReLU(),
    Abs: lambda op, inputs: Absolute(),
    Square: lambda op, inputs: Squared(),
    Sqrt: lambda op, inputs: SquareRoot(),
    Log: lambda op, inputs: Logarithm(op.a),
    LinearNeuron: lambda op, inputs: nn.Identity() if (op.a, op.b) == (1, 0) else ScaleShift(op.a, op.b),
}
