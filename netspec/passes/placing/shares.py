"""Computing an operation in equal shares of its channels: whether it is possible, what a share reads, and how the
operation changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from netspec.ir import ops

Reading = Literal["share", "whole"]


def reading(op: ops.Op, parts: int) -> Reading | None:
    """Return what each of ``parts`` devices must read to compute its share of an operation's output channels: the same
    share of the input channels, or all of them. ``None`` if the operation cannot be computed in this many shares.

    Group g of a convolution's filters reads group g of its input channels. So if each device has the same number of
    whole groups, its filters read only its own share. Normalisations across channels do not cross groups.
    """
    match op:
        case ops.Conv(table=table) if table is not None:
            return None
        case (
            ops.Conv(filters=outputs)
            | ops.Deconv(filters=outputs)
            | ops.Local(filters=outputs)
            | ops.Linear(outputs=outputs)
        ):
            if outputs % parts:
                return None
            if op.groups % parts == 0:
                return "share"
            return "whole" if op.groups == 1 else None
        case ops.Lrn() | ops.GroupNorm() | ops.Concat() | ops.Slice() | ops.ChannelMax() | ops.ChannelMean():
            return "share" if op.groups % parts == 0 else None
        case ops.Reshape():
            return "share" if op.size.channels % parts == 0 else None
        case ops.Shuffle():
            return "share" if op.shares % parts == 0 else None
        case ops.PRelu(shared=True):
            return None
        case ops.Softmax() | ops.ColourSpace() | ops.Loss():
            return None
        case _:
            return "share"


def share_of(op: ops.Op, parts: int) -> ops.Op:
    """Return the operation that computes one of ``parts`` shares."""
    if parts == 1:
        return op
    match op:
        case ops.Conv() | ops.Deconv() | ops.Local():
            return replace(op, filters=op.filters // parts, groups=max(1, op.groups // parts))
        case ops.Linear():
            return replace(op, outputs=op.outputs // parts, groups=max(1, op.groups // parts))
        case ops.Reshape():
            return replace(op, size=op.size.share(parts))
        case ops.Slice():
            return replace(op, first=op.first // parts, channels=op.channels // parts, groups=op.groups // parts)
        case ops.Shuffle():
            return replace(op, shares=op.shares // parts)
        case ops.Lrn() | ops.GroupNorm() | ops.Concat() | ops.ChannelMax() | ops.ChannelMean():
            return replace(op, groups=max(1, op.groups // parts))
        case _:
            return op


def share_of_sizes(sizes: tuple[int, ...], axis: int, parts: int) -> tuple[int, ...]:
    """Return the sizes of one of ``parts`` shares of an array that is divided along ``axis``."""
    return *sizes[:axis], sizes[axis] // parts, *sizes[axis + 1 :]
