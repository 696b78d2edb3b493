"""Differentiable transfers between devices.

torch's own differentiable collectives cover all-gather, reduce-scatter and all-to-all, and always sum the gradients;
they have no transfer to or from a single device. DTensor has no rule for grouped convolutions that are divided by
filters, nor for normalisation across them. Hence the autograd functions below.

Autograd runs backward functions in the opposite order of the forward calls, and this order must be the same in every
process so that all of them meet in the same collectives, including processes that compute nothing in between. A process
that holds no part of a value therefore passes an empty tensor in its place, which keeps its autograd graph connected.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from netspec.ir.shape import Shape
from netspec.parallel import collectives
from netspec.parallel.collectives import Group
from netspec.parallel.mesh import Mesh
from netspec.passes.placing import Sharding, Transfer

BATCH, CHANNELS = 0, 1


class AllGather(torch.autograd.Function):
    """Forward: concatenate equal shares on every member.

    Backward: with ``partial``, sum the members' gradients and return the own share of the sum; otherwise all members
    have the same gradient, and the own share of it is sliced off.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int, group: Group, partial: bool) -> Tensor:
        ctx.dim, ctx.group, ctx.partial = dim, group, partial
        return collectives.all_gather(x, dim, group)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        if ctx.partial:
            return collectives.reduce_scatter(dy, ctx.dim, ctx.group), None, None, None
        return _own_share(dy, ctx.dim, ctx.group), None, None, None


class Slice(torch.autograd.Function):
    """Forward: slice the own share off a value that every member has. Backward: concatenate the shares' gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, dim: int, group: Group) -> Tensor:
        ctx.dim, ctx.group = dim, group
        return _own_share(x, dim, group)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return collectives.all_gather(dy, ctx.dim, ctx.group), None, None


class Copy(torch.autograd.Function):
    """Forward: identity on a value that every member has, and that each uses differently. Backward: sum the members'
    gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return collectives.all_reduce(dy, ctx.group), None


class AllReduce(torch.autograd.Function):
    """Forward: sum over the members. Backward: sum the members' gradients, because every member's share of the loss
    depends on the whole sum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        ctx.group = group
        return collectives.all_reduce(x, group)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return collectives.all_reduce(dy, ctx.group), None


class AllToAll(torch.autograd.Function):
    """Forward: exchange shares along axis ``join`` for shares along axis ``split``. Backward: the reverse."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, split: int, join: int, group: Group) -> Tensor:
        ctx.split, ctx.join, ctx.group = split, join, group
        return collectives.all_to_all(x, split, join, group)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return collectives.all_to_all(dy, ctx.join, ctx.split, ctx.group), None, None, None


class ToOwner(torch.autograd.Function):
    """Forward: make a value whole on one member, from channel shares (``shared``) or from identical copies.

    Backward: scatter the gradient in shares, or broadcast it.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, owner: int, group: Group, shared: bool) -> Tensor:
        ctx.owner, ctx.group, ctx.shared, ctx.shape = owner, group, shared, x.shape
        whole = collectives.gather_to(x, owner, CHANNELS, group) if shared else x.view_as(x)
        is_owner = dist.get_rank(group) == owner
        return whole if is_owner and whole is not None else x.new_empty(0)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        like = dy.new_empty(ctx.shape)
        is_owner = dist.get_rank(ctx.group) == ctx.owner
        if ctx.shared:
            dx = collectives.scatter_from(dy if is_owner else None, like, ctx.owner, CHANNELS, ctx.group)
        else:
            dx = collectives.broadcast(dy if is_owner else like, ctx.owner, ctx.group)
        return dx, None, None, None


class FromOwner(torch.autograd.Function):
    """Forward: scatter one member's value in channel shares (``shared``), or broadcast it whole.

    Backward: gather the shares' gradients on the owner. For a whole value, sum the members' gradients if they are
    ``partial``; otherwise all are the same, and the owner keeps its own.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, like: Tensor, owner: int, group: Group, shared: bool, partial: bool) -> Tensor:
        ctx.owner, ctx.group, ctx.shared, ctx.partial = owner, group, shared, partial
        ctx.is_owner = dist.get_rank(group) == owner
        if shared:
            return collectives.scatter_from(x if ctx.is_owner else None, like, owner, CHANNELS, group)
        return collectives.broadcast(x if ctx.is_owner else like, owner, group)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        dx: Tensor | None = dy
        if ctx.shared:
            dx = collectives.gather_to(dy, ctx.owner, CHANNELS, ctx.group)
        elif ctx.partial:
            dx = collectives.reduce_to(dy, ctx.owner, ctx.group)
        return (dx if ctx.is_owner else dy.new_empty(0)), None, None, None, None, None


class Send(torch.autograd.Function):
    """Forward: send one member's value to another. Backward: send the gradient back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, like: Tensor, source: int, target: int, group: Group) -> Tensor:
        ctx.source, ctx.target, ctx.group, ctx.shape = source, target, group, like.shape
        me = dist.get_rank(group)
        moved = collectives.send_between(x if me == source else None, like, source, target, group)
        return x.new_empty(0) if moved is None else moved

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        me = dist.get_rank(ctx.group)
        like = dy.new_empty(ctx.shape)
        dx = collectives.send_between(dy if me == ctx.target else None, like, ctx.target, ctx.source, ctx.group)
        return (dy.new_empty(0) if dx is None else dx), None, None, None, None


class Tied(torch.autograd.Function):
    """Forward: identity on ``x``. Also makes ``absent``, values that only other members read, part of the autograd
    graph; their gradients are empty tensors."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *absent: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        return dy, *(dy.new_empty(0) for needed in ctx.needs_input_grad[1:])


def agreed_dtype(x: Tensor, transfer: Transfer, mesh: Mesh) -> torch.dtype:
    """Return the type of a value, on every device.

    A value with an owner is held by one device only, and under autocast the others cannot know its type: the owner
    broadcasts it. Of all other values every device has a share.
    """
    if transfer.source.owner is None:
        return x.dtype
    types = [x.dtype]
    dist.broadcast_object_list(types, group=mesh.channel_group, group_src=transfer.source.owner)
    return types[0]


def cross(x: Tensor, transfer: Transfer, shape: Shape, images: int, mesh: Mesh, dtype: torch.dtype) -> Tensor:
    """Transfer a value to where its reader needs it. Return this device's part, an empty tensor if it gets none.

    Parameters
    ----------
    x:
        This device's part of the value before the transfer.
    shape:
        The shape of the whole value, without the batch axis.
    images:
        How many images of the batch this device's row has.
    dtype:
        The value's type, also on devices that do not hold it (see ``agreed_dtype``).
    """
    source, target = transfer.source, transfer.target
    like = x.new_empty((images, *shape.share(target.channels)), dtype=dtype)
    received: Tensor = _apply(x, like, source, target, transfer.partial, mesh)
    return received


def _apply(x: Tensor, like: Tensor, source: Sharding, target: Sharding, partial: bool, mesh: Mesh) -> Any:
    if source.batch != target.batch:
        return _apply_to_batch(x, source, target, partial, mesh)
    group = mesh.channel_group
    match source.owner, target.owner:
        case None, None if source.channels > 1:
            return AllGather.apply(x, CHANNELS, group, partial)  # type: ignore[no-untyped-call]
        case None, None if target.channels > 1:
            return Slice.apply(x, CHANNELS, group)  # type: ignore[no-untyped-call]
        case None, None:
            return Copy.apply(x, group)  # type: ignore[no-untyped-call]
        case None, owner:
            return ToOwner.apply(x, owner, group, source.channels > 1)  # type: ignore[no-untyped-call]
        case owner, None:
            return FromOwner.apply(x, like, owner, group, target.channels > 1, partial)  # type: ignore[no-untyped-call]
        case owner, receiver:
            return Send.apply(x, like, owner, receiver, group)  # type: ignore[no-untyped-call]


def _apply_to_batch(x: Tensor, source: Sharding, target: Sharding, partial: bool, mesh: Mesh) -> Any:
    if source.channels > 1:
        return AllToAll.apply(x, BATCH, CHANNELS, mesh.column_group)  # type: ignore[no-untyped-call]
    if target.channels > 1:
        return AllToAll.apply(x, CHANNELS, BATCH, mesh.column_group)  # type: ignore[no-untyped-call]
    if source.batch > 1:
        return AllGather.apply(x, BATCH, mesh.column_group, partial)  # type: ignore[no-untyped-call]
    return Slice.apply(x, BATCH, mesh.column_group)  # type: ignore[no-untyped-call]


def _own_share(x: Tensor, dim: int, group: Group) -> Tensor:
    return x.chunk(dist.get_world_size(group), dim)[dist.get_rank(group)].contiguous()
