"""Neurons: element-wise functions."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir import ops

from .counter_rng import RandomLayer
from .emission import OperationModule, Table


class NoisyReLU(RandomLayer):
    """max(0, r + std r z) with r = max(0, x) and standard normal z. The gradient passes unchanged where this is > 0."""

    op: ops.NoisyRelu

    def forward(self, x: Tensor) -> Tensor:
        noise = self.op.std * self.normals(x)
        kept = F.relu(x) * (noise > -1)
        return kept + kept.detach() * noise


class ScaledTanh(OperationModule):
    """a tanh(b x)."""

    op: ops.Tanh

    def forward(self, x: Tensor) -> Tensor:
        return self.op.a * torch.tanh(self.op.b * x)


class SoftReLU(nn.Module):
    """log(1 + e^x), or x where x is large (see ``netspec.ir.ops.SoftRelu``)."""

    def forward(self, x: Tensor) -> Tensor:
        return F.softplus(x, threshold=ops.SoftRelu.linear_above)


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


class Logarithm(OperationModule):
    """log(a + x)."""

    op: ops.Log

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(x + self.op.a if self.op.a else x)


class ScaleShift(OperationModule):
    """a x + b."""

    op: ops.LinearNeuron

    def forward(self, x: Tensor) -> Tensor:
        return self.op.a * x + self.op.b


TABLE: Table = {
    ops.Relu: lambda op, inputs: nn.ReLU(),
    ops.Relu6: lambda op, inputs: nn.ReLU6(),
    ops.NoisyRelu: lambda op, inputs: NoisyReLU(op),
    ops.LeakyRelu: lambda op, inputs: nn.LeakyReLU(op.slope),
    ops.Elu: lambda op, inputs: nn.ELU(op.alpha),
    ops.Silu: lambda op, inputs: nn.SiLU(),
    ops.Mish: lambda op, inputs: nn.Mish(),
    ops.Gelu: lambda op, inputs: nn.GELU(),
    ops.HardSwish: lambda op, inputs: nn.Hardswish(),
    ops.Tanh: lambda op, inputs: nn.Tanh() if (op.a, op.b) == (1, 1) else ScaledTanh(op),
    ops.Logistic: lambda op, inputs: nn.Sigmoid(),
    ops.HardSigmoid: lambda op, inputs: nn.Hardsigmoid(),
    ops.SoftRelu: lambda op, inputs: SoftReLU(),
    ops.Abs: lambda op, inputs: Absolute(),
    ops.Square: lambda op, inputs: Squared(),
    ops.Sqrt: lambda op, inputs: SquareRoot(),
    ops.Log: lambda op, inputs: Logarithm(op),
    ops.LinearNeuron: lambda op, inputs: nn.Identity() if (op.a, op.b) == (1, 0) else ScaleShift(op),
}
