"""Thin wrappers around torch.distributed's collectives. They are not differentiable; see `crossing` for that.

torch 2.13 renamed two of the collectives, and 2.14 made the function that sets a timeout public; they warn when the old
names are used.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import distributed_c10d

Group = dist.ProcessGroup

_gather: Any = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
_reduce_scatter: Any = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
_set_timeout: Any = getattr(dist, "set_timeout", None) or distributed_c10d._set_pg_timeout


def set_timeout(group: Group, timeout: timedelta) -> None:
    """Set how long the members of a group wait for each other.

    The groups of a device mesh do not inherit the timeout of ``init_process_group``: with NCCL they use its 10 minutes.
    """
    _set_timeout(timeout, group)


def all_gather(x: Tensor, dim: int, group: Group) -> Tensor:
    """Concatenate the members' equal shares along axis ``dim``; every member gets the result."""
    count = dist.get_world_size(group)
    shares = x.new_empty((count * x.shape[0], *x.shape[1:]))
    _gather(shares, x.contiguous(), group=group)
    return shares if dim == 0 else torch.cat(shares.chunk(count), dim)


def reduce_scatter(x: Tensor, dim: int, group: Group) -> Tensor:
    """Sum over the members and divide the sum along axis ``dim``; each member gets its own share."""
    count = dist.get_world_size(group)
    shares = torch.cat(x.chunk(count, dim)) if dim else x
    own_share = x.new_empty((shares.shape[0] // count, *shares.shape[1:]))
    _reduce_scatter(own_share, shares.contiguous(), group=group)
    return own_share


def all_reduce(x: Tensor, group: Group | None = None) -> Tensor:
    """Return the sum over the members, on every member."""
    total = x.contiguous().clone()
    dist.all_reduce(total, group=group)
    return total


def all_to_all(x: Tensor, split: int, join: int, group: Group) -> Tensor:
    """Exchange shares along axis ``join`` of a value for shares of the same value along axis ``split``."""
    count = dist.get_world_size(group)
    # ``cat`` keeps the memory format of its parts, which may be channels-last; the collective needs share after share.
    sent = (torch.cat(x.chunk(count, split)) if split else x).contiguous()
    received = torch.empty_like(sent)
    dist.all_to_all_single(received, sent, group=group)
    return torch.cat(received.chunk(count), join) if join else received


def gather_to(x: Tensor, owner: int, dim: int, group: Group) -> Tensor | None:
    """Concatenate the members' equal shares along axis ``dim`` on one member; return ``None`` on the others."""
    is_owner = dist.get_rank(group) == owner
    shares = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size(group))]
    dist.gather(x.contiguous(), shares if is_owner else None, group=group, group_dst=owner)
    return torch.cat(shares, dim) if is_owner else None


def scatter_from(x: Tensor | None, like: Tensor, owner: int, dim: int, group: Group) -> Tensor:
    """Divide a tensor of member ``owner`` along axis ``dim`` and return each member's share.

    ``x`` is ``None`` on the other members; ``like`` is a tensor of the share's shape.
    """
    share = torch.empty_like(like, memory_format=torch.contiguous_format)
    shares = None if x is None else [part.contiguous() for part in x.chunk(dist.get_world_size(group), dim)]
    dist.scatter(share, shares, group=group, group_src=owner)
    return share


def broadcast(x: Tensor, owner: int, group: Group) -> Tensor:
    """Return the ``x`` of member ``owner`` on every member. The others pass any tensor of its shape."""
    value = x.contiguous().clone()
    dist.broadcast(value, group=group, group_src=owner)
    return value


def reduce_to(x: Tensor, owner: int, group: Group) -> Tensor | None:
    """Return the sum over the members on one member, ``None`` on the others."""
    total = x.contiguous().clone()
    dist.reduce(total, group=group, group_dst=owner)
    return total if dist.get_rank(group) == owner else None


def start_broadcast(x: Tensor, owner: int, group: Group) -> dist.Work:
    """Start copying the ``x`` of one member into the ``x`` of the others."""
    return _require_work(dist.broadcast(x, group=group, group_src=owner, async_op=True))


def start_reduce(x: Tensor, owner: int, group: Group) -> dist.Work:
    """Start summing the members' ``x`` into the ``x`` of one; those of the others are undefined afterwards."""
    return _require_work(dist.reduce(x, group=group, group_dst=owner, async_op=True))


def start_all_reduce(x: Tensor, group: Group) -> dist.Work:
    """Start summing the members' ``x`` in place, on every member."""
    return _require_work(dist.all_reduce(x, group=group, async_op=True))


def _require_work(work: dist.Work | None) -> dist.Work:
    assert work is not None, "this process is in the group"
    return work


def send_between(x: Tensor | None, like: Tensor, source: int, target: int, group: Group) -> Tensor | None:
    """Send ``x`` from member ``source`` to member ``target`` and return it there; return ``None`` elsewhere.

    ``like`` is a tensor of the shape of ``x``.
    """
    me = dist.get_rank(group)
    if me == source:
        assert x is not None
        dist.send(x.contiguous(), group=group, group_dst=target)
    if me != target:
        return None
    value = torch.empty_like(like, memory_format=torch.contiguous_format)
    dist.recv(value, group=group, group_src=source)
    return value
