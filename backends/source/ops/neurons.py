"""Neurons: element-wise functions."""

from __future__ import annotations

from netspec.ir import ops

from ..site import Expressions, Site
from ..text import call, string


def _noisy_relu(op: ops.NoisyRelu, at: Site) -> str:
    return call(at.helper("noisy_relu"), at.x, repr(op.std), string(at.name), at.random_state, **at.group_option)


def _tanh(op: ops.Tanh, at: Site) -> str:
    if (op.a, op.b) == (1, 1):
        return f"torch.tanh({at.x})"
    return f"{op.a!r} * torch.tanh({op.b!r} * {at.operand})"


EXPRESSIONS: Expressions = {
    ops.Relu: lambda op, at: f"F.relu({at.x})",
    ops.Relu6: lambda op, at: f"F.relu6({at.x})",
    ops.NoisyRelu: _noisy_relu,
    ops.LeakyRelu: lambda op, at: f"F.leaky_relu({at.x}, {op.slope!r})",
    ops.Elu: lambda op, at: f"F.elu({at.x}, {op.alpha!r})",
    ops.Silu: lambda op, at: f"F.silu({at.x})",
    ops.Mish: lambda op, at: f"F.mish({at.x})",
    ops.Gelu: lambda op, at: f"F.gelu({at.x})",
    ops.HardSwish: lambda op, at: f"F.hardswish({at.x})",
    ops.Tanh: _tanh,
    ops.Logistic: lambda op, at: f"torch.sigmoid({at.x})",
    ops.HardSigmoid: lambda op, at: f"F.hardsigmoid({at.x})",
    ops.SoftRelu: lambda op, at: f"F.softplus({at.x}, threshold={op.linear_above})",
    ops.Abs: lambda op, at: f"{at.operand}.abs()",
    ops.Square: lambda op, at: f"{at.operand}.square()",
    ops.Sqrt: lambda op, at: f"{at.operand}.sqrt()",
    ops.Log: lambda op, at: f"torch.log({at.operand} + {op.a!r})" if op.a else f"torch.log({at.x})",
    ops.LinearNeuron: lambda op, at: at.x if (op.a, op.b) == (1, 0) else f"{op.a!r} * {at.operand} + {op.b!r}",
}
