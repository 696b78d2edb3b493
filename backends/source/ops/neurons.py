"""Neurons: element-wise functions."""

from __future__ import annotations

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

from ..site import Expressions, Site
from ..text import call, string


def _noisy_relu(op: NoisyRelu, at: Site) -> str:
    return call(at.helper("noisy_relu"), at.x, repr(op.std), string(at.name), at.random_state, **at.group_option)


def _tanh(op: Tanh, at: Site) -> str:
    if (op.a, op.b) == (1, 1):
        return f"torch.tanh({at.x})"
    return f"{op.a!r} * torch.tanh({op.b!r} * {at.operand})"


def _log(op: Log, at: Site) -> str:
    return f"torch.log({at.operand} + {op.a!r})" if op.a else f"torch.log({at.x})"


def _linear_neuron(op: LinearNeuron, at: Site) -> str:
    return at.x if (op.a, op.b) == (1, 0) else f"{op.a!r} * {at.operand} + {op.b!r}"


EXPRESSIONS: Expressions = {
    Relu: lambda op, at: f"F.relu({at.x})",
    Relu6: lambda op, at: f"F.relu6({at.x})",
    NoisyRelu: _noisy_relu,
    LeakyRelu: lambda op, at: f"F.leaky_relu({at.x}, {op.slope!r})",
    Elu: lambda op, at: f"F.elu({at.x}, {op.alpha!r})",
    Silu: lambda op, at: f"F.silu({at.x})",
    Mish: lambda op, at: f"F.mish({at.x})",
    Gelu: lambda op, at: f"F.gelu({at.x})",
    HardSwish: lambda op, at: f"F.hardswish({at.x})",
    Tanh: _tanh,
    Logistic: lambda op, at: f"torch.sigmoid({at.x})",
    HardSigmoid: lambda op, at: f"F.hardsigmoid({at.x})",
    SoftRelu: lambda op, at: f"F.softplus({at.x}, threshold={op.linear_above})",
    Abs: lambda op, at: f"{at.operand}.abs()",
    Square: lambda op, at: f"{at.operand}.square()",
    Sqrt: lambda op, at: f"{at.operand}.sqrt()",
    Log: _log,
    LinearNeuron: _linear_neuron,
}
