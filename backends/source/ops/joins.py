"""Operations that join several values or only reshape one, and softmax."""

from __future__ import annotations

from netspec.ir.ops import Concat, Flatten, Input, Max, Product, Reshape, Softmax, Sum

from ..site import Expressions, Site
from ..text import call, operand, product_of, sum_of


def _concat(op: Concat, at: Site) -> str:
    values = f"[{', '.join(at.inputs)}]"
    if op.groups == 1:
        return f"torch.cat({values}, 1)"
    return call(at.helper("concat_groups"), values, groups=at.division.share(op.groups))


def _product(op: Product, at: Site) -> str:
    widened = zip(at.inputs, op.widened(at.shapes), strict=True)
    return product_of([f"{operand(x)}[:, :, None, None]" if wide else operand(x) for x, wide in widened])


def _reshape(op: Reshape, at: Site) -> str:
    channels, *pixels = op.size
    return f"{at.operand}.reshape({', '.join(('-1', at.division.share(channels), *map(str, pixels)))})"


EXPRESSIONS: Expressions = {
    Input: lambda op, at: "image",
    Concat: _concat,
    Sum: lambda op, at: sum_of((at.inputs[0], *(operand(other) for other in at.inputs[1:]))),
    Max: lambda op, at: call(at.helper("largest"), *at.inputs),
    Product: _product,
    Flatten: lambda op, at: f"{at.operand}.flatten(1)",
    Reshape: _reshape,
    Softmax: lambda op, at: f"F.softmax({at.x}, dim=1)",
}
