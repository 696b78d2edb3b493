"""Processing the devices' shares of a batch in turns: while all devices compute on the images of one device, the
activations of the next are being transferred.

Krizhevsky, One weird trick for parallelizing convolutional neural networks (2014), section 4, scheme (b): layers that
are divided by feature read the activations of one device at a time. In the backward pass the gradients are sent back
in the same manner, each to the device whose images they belong to, overlapped with the computation of the next.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from netspec.parallel.collectives import Group, start_broadcast, start_reduce
from netspec.parallel.crossing import Tied, ToOwner


class _Broadcast(torch.autograd.Function):
    """Forward: start broadcasting every member's value to all; returns one tensor per member, not yet filled.

    Backward: wait for the sums that ``_Receive`` started, and return the gradient of this member's own value.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group, broadcasts: list[dist.Work], reductions: list[dist.Work]) -> Any:
        me = dist.get_rank(group)
        values = [
            x.contiguous().clone() if member == me else torch.empty_like(x, memory_format=torch.contiguous_format)
            for member in range(dist.get_world_size(group))
        ]
        broadcasts += [start_broadcast(value, member, group) for member, value in enumerate(values)]
        ctx.me, ctx.reductions = me, reductions
        return tuple(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        for work in ctx.reductions:
            work.wait()
        return gradients[ctx.me], None, None, None


class _Receive(torch.autograd.Function):
    """Forward: wait for one member's value. Backward: start summing the members' gradients on that member."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, member: int, group: Group, work: dist.Work, reductions: list[dist.Work]) -> Tensor:
        work.wait()
        ctx.member, ctx.group, ctx.reductions = member, group, reductions
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Any:
        total = dy.contiguous().clone()
        ctx.reductions.append(start_reduce(total, ctx.member, ctx.group))
        return total, None, None, None, None


class Turns:
    """The values of all members (of one shape), broadcast asynchronously; call ``take`` in the order of the members."""

    def __init__(self, x: Tensor, group: Group) -> None:
        self._group = group
        self._broadcasts: list[dist.Work] = []
        self._reductions: list[dist.Work] = []
        self._values: tuple[Tensor, ...] = _Broadcast.apply(x, group, self._broadcasts, self._reductions)  # type: ignore[no-untyped-call]

    def take(self, member: int) -> Tensor:
        """Wait for the value of a member and return it."""
        value: Tensor = _Receive.apply(  # type: ignore[no-untyped-call]
            self._values[member], member, self._group, self._broadcasts[member], self._reductions
        )
        return value


def collect_own_turn(shares: list[Tensor], group: Group) -> Tensor:
    """Return the whole value of this member's own turn. ``shares`` are this member's channel shares of every turn's."""
    me = dist.get_rank(group)
    wholes = [ToOwner.apply(share, member, group, True) for member, share in enumerate(shares)]  # type: ignore[no-untyped-call]
    other_turns = [whole for member, whole in enumerate(wholes) if member != me]
    value: Tensor = Tied.apply(wholes[me], *other_turns)  # type: ignore[no-untyped-call]
    return value
