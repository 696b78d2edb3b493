"""Operations in equal shares of their channels: whether they can be computed so, what they read, what they become."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from netspec.ir.ops import ColourSpace, Concat, Conv, Linear, Local, Loss, Lrn, Op, Reshape, Softmax
from netspec.ir.shape import Shape

Reading = Literal["share", "whole"]


def reading(op: Op, parts: int) -> Reading | None:
    """What one of ``parts`` devices reads to compute its share of an operation's channels: the same share of what the
    operation reads, or the whole of it; ``None`` where it cannot be computed in so many shares.

    Filter group g reads channel group g, so that where the devices divide the groups a device's filters read its own
    share. Normalisation across channels stays inside its groups.
    """
    match op:
        case Conv(table=table) if table is not None:
            return None
        case Conv(filters=outputs) | Local(filters=outputs) | Linear(outputs=outputs):
            if outputs % parts:
                return None
            if op.groups % parts == 0:
                return "share"
            return "whole" if op.groups == 1 else None
        case Lrn() | Concat():
            return "share" if op.groups % parts == 0 else None
        case Reshape():
            return "share" if op.size.channels % parts == 0 else None
        case Softmax() | ColourSpace() | Loss():
            return None
        case _:
            return "share"


def share_of(op: Op, parts: int) -> Op:
    """The operation that computes one of ``parts`` shares."""
    if parts == 1:
        return op
    match op:
        case Conv() | Local():
            return replace(op, filters=op.filters // parts, groups=max(1, op.groups // parts))
        case Linear():
            return replace(op, outputs=op.outputs // parts, groups=max(1, op.groups // parts))
        case Reshape():
            return replace(op, size=share_of_shape(op.size, parts))
        case Lrn() | Concat():
            return replace(op, groups=max(1, op.groups // parts))
        case _:
            return op


def share_of_shape(shape: Shape, parts: int) -> Shape:
    """The shape of one of ``parts`` shares of a value's channels (or features)."""
    return Shape(shape.channels // parts, *shape[1:])


def rows_of(rows: int, parts: int, place: int) -> slice:
    """Which rows (of the first axis) of a parameter belong to one of ``parts`` shares.

    Every parameter's first axis runs over the channels that its operation makes.
    """
    return slice(rows // parts * place, rows // parts * (place + 1))
