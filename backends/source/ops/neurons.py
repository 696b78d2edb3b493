"""Neurons."""

from __future__ import annotations

from netspec.ir.ops import Abs, Affine, Logistic, Relu, SoftRelu, Sqrt, Square, Tanh

from ..site import Expressions, Site


def _tanh(op: Tanh, at: Site) -> str:
    if (op.a, op.b) == (1, 1):
        return f"torch.tanh({at.x})"
    return f"{op.a!r} * torch.tanh({op.b!r} * {at.operand})"


def _affine(op: Affine, at: Site) -> str:
    return at.x if (op.a, op.b) == (1, 0) else f"{op.a!r} * {at.operand} + {op.b!r}"


EXPRESSIONS: Expressions = {
    Relu: lambda op, at: f"F.relu({at.x})",
    Tanh: _tanh,
    Logistic: lambda op, at: f"torch.sigmoid({at.x})",
    SoftRelu: lambda op, at: f"F.softplus({at.x}, threshold=4)",
    Abs: lambda op, at: f"{at.operand}.abs()",
    Square: lambda op, at: f"{at.operand}.square()",
    Sqrt: lambda op, at: f"{at.operand}.sqrt()",
    Affine: _affine,
}
