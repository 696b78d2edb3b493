"""torch.distributed's collectives, as the other files call them. No gradients here; see `crossing`.

Two of them have other names from torch 2.13 on, and warn under the old ones.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import _set_pg_timeout

Group = dist.ProcessGroup

_gather: Any = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
_reduce_scatter: Any = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor


def let_wait(group: Group, patience: timedelta) -> None:
    """Let the members wait so long for each other. A mesh's groups would take NCCL's own 10 minutes, whatever the
    whole of the processes was begun with."""
    _set_pg_timeout(patience, group)


def all_gather(x: Tensor, dim: int, group: Group) -> Tensor:
    """The members' equal shares, one after the other along an axis, on every member."""
    count = dist.get_world_size(group)
    shares = x.new_empty((count * x.shape[0], *x.shape[1:]))
    _gather(shares, x.contiguous(), group=group)
    return shares if dim == 0 else torch.cat(shares.chunk(count), dim)


def reduce_scatter(x: Tensor, dim: int, group: Group) -> Tensor:
    """The sum over the members, of which each gets its own share along an axis."""
    count = dist.get_world_size(group)
    shares = torch.cat(x.chunk(count, dim)) if dim else x
    mine = x.new_empty((shares.shape[0] // count, *shares.shape[1:]))
    _reduce_scatter(mine, shares.contiguous(), group=group)
    return mine


def all_reduce(x: Tensor, group: Group | None = None) -> Tensor:
    """The sum over the members, on every member."""
    total = x.contiguous().clone()
    dist.all_reduce(total, group=group)
    return total


def all_to_all(x: Tensor, split: int, join: int, group: Group) -> Tensor:
    """From shares along the axis ``join`` to shares along the axis ``split``, of the same value."""
    count = dist.get_world_size(group)
    # Joined tensors lie as their parts do, with the channels last perhaps, and then not share after share.
    sent = (torch.cat(x.chunk(count, split)) if split else x).contiguous()
    received = torch.empty_like(sent)
    dist.all_to_all_single(received, sent, group=group)
    return torch.cat(received.chunk(count), join) if join else received


def gather_to(x: Tensor, owner: int, dim: int, group: Group) -> Tensor | None:
    """The members' equal shares, one after the other along an axis, on one member; ``None`` on the others."""
    mine = dist.get_rank(group) == owner
    shares = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size(group))]
    dist.gather(x.contiguous(), shares if mine else None, group=group, group_dst=owner)
    return torch.cat(shares, dim) if mine else None


def scatter_from(x: Tensor | None, like: Tensor, owner: int, dim: int, group: Group) -> Tensor:
    """Each member's share along an axis of what one member holds. ``like``: a tensor of the share's shape."""
    share = torch.empty_like(like, memory_format=torch.contiguous_format)
    shares = None if x is None else [part.contiguous() for part in x.chunk(dist.get_world_size(group), dim)]
    dist.scatter(share, shares, group=group, group_src=owner)
    return share


def broadcast(x: Tensor, owner: int, group: Group) -> Tensor:
    """What one member holds, on every member. Others give a tensor of its shape."""
    value = x.contiguous().clone()
    dist.broadcast(value, group=group, group_src=owner)
    return value


def reduce_to(x: Tensor, owner: int, group: Group) -> Tensor | None:
    """The sum over the members, on one member; ``None`` on the others."""
    total = x.contiguous().clone()
    dist.reduce(total, group=group, group_dst=owner)
    return total if dist.get_rank(group) == owner else None


def start_broadcast(x: Tensor, owner: int, group: Group) -> dist.Work:
    """Begin to write what one member holds in ``x`` into the others' ``x``."""
    return _begun(dist.broadcast(x, group=group, group_src=owner, async_op=True))


def start_reduce(x: Tensor, owner: int, group: Group) -> dist.Work:
    """Begin to sum the members' ``x`` into that of one; the others' are undefined afterwards."""
    return _begun(dist.reduce(x, group=group, group_dst=owner, async_op=True))


def start_all_reduce(x: Tensor, group: Group) -> dist.Work:
    """Begin to sum the members' ``x`` into that of every one."""
    return _begun(dist.all_reduce(x, group=group, async_op=True))


def _begun(work: dist.Work | None) -> dist.Work:
    assert work is not None, "this process is in the group"
    return work


def send_between(x: Tensor | None, like: Tensor, source: int, target: int, group: Group) -> Tensor | None:
    """What one member holds, on another; ``None`` elsewhere. ``like``: a tensor of its shape."""
    me = dist.get_rank(group)
    if me == source:
        assert x is not None
        dist.send(x.contiguous(), group=group, group_dst=target)
    if me != target:
        return None
    value = torch.empty_like(like, memory_format=torch.contiguous_format)
    dist.recv(value, group=group, group_src=source)
    return value
