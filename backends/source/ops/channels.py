"""Operations that take or rearrange channels."""

from __future__ import annotations

from netspec.ir.ops import Shuffle, Slice

from ..site import Expressions, Site


def _slice(op: Slice, at: Site) -> str:
    first, count, _ = op.of_group(at.shapes[0])
    if op.groups == 1:
        return f"{at.operand}[:, {first}:{first + count}]"
    shares = f"{at.operand}.unflatten(1, ({at.division.share(op.groups)}, -1))"
    return f"{shares}[:, :, {first}:{first + count}].flatten(1, 2)"


def _shuffle(op: Shuffle, at: Site) -> str:
    if op.shares == 1:
        return f"{at.operand}.unflatten(1, ({op.groups}, -1)).transpose(1, 2).flatten(1, 2)"
    matrices = f"{at.operand}.unflatten(1, ({at.division.share(op.shares)}, {op.groups}, -1))"
    return f"{matrices}.transpose(2, 3).flatten(1, 3)"


EXPRESSIONS: Expressions = {Slice: _slice, Shuffle: _shuffle}
