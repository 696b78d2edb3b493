"""Each transfer by itself, forward and backward, against the same on the whole value in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.distributed as dist
from crews import together
from torch import Tensor

from netspec.parallel.crossing import (
    BATCH,
    CHANNELS,
    AllGather,
    AllReduce,
    AllToAll,
    Copy,
    FromOwner,
    Send,
    Slice,
    Tied,
    ToOwner,
)

SIZE = 3
OWNER, TARGET = 1, 2

_drawn = torch.Generator().manual_seed(0)
X = torch.randn(6, 9, 2, 2, generator=_drawn, dtype=torch.float64)
"""The whole value."""
OTHERS = torch.randn(SIZE, *X.shape, generator=_drawn, dtype=torch.float64)
"""The gradients that each process sends back of a whole value, where they are different."""
SAME = OTHERS[0]
NOTHING = X.new_empty(0)


def share(x: Tensor, dim: int, rank: int) -> Tensor:
    return x.chunk(SIZE, dim)[rank]


def on(owner: int, rank: int, x: Tensor) -> Tensor:
    """What one process holds whole."""
    return x if rank == owner else NOTHING


@dataclass(frozen=True)
class Case:
    """By rank: what it holds, what arrives, the gradient that it sends back, and the one that must come out."""

    apply: Callable[[Tensor, Any], Tensor]
    held: Callable[[int], Tensor]
    arrives: Callable[[int], Tensor]
    sent: Callable[[int], Tensor]
    gradient: Callable[[int], Tensor]


CASES = {
    "gathered channels, each computes its own": Case(
        lambda x, g: AllGather.apply(x, CHANNELS, g, True),
        lambda r: share(X, 1, r), lambda r: X, lambda r: OTHERS[r], lambda r: share(OTHERS.sum(0), 1, r),
    ),
    "gathered channels, all compute the same": Case(
        lambda x, g: AllGather.apply(x, CHANNELS, g, False),
        lambda r: share(X, 1, r), lambda r: X, lambda r: SAME, lambda r: share(SAME, 1, r),
    ),
    "gathered batch": Case(
        lambda x, g: AllGather.apply(x, BATCH, g, True),
        lambda r: share(X, 0, r), lambda r: X, lambda r: OTHERS[r], lambda r: share(OTHERS.sum(0), 0, r),
    ),
    "sliced channels": Case(
        lambda x, g: Slice.apply(x, CHANNELS, g),
        lambda r: X, lambda r: share(X, 1, r), lambda r: share(SAME, 1, r), lambda r: SAME,
    ),
    "sliced batch": Case(
        lambda x, g: Slice.apply(x, BATCH, g),
        lambda r: X, lambda r: share(X, 0, r), lambda r: share(SAME, 0, r), lambda r: SAME,
    ),
    "spread": Case(
        lambda x, g: Copy.apply(x, g),
        lambda r: X, lambda r: X, lambda r: OTHERS[r], lambda r: OTHERS.sum(0),
    ),
    "summed": Case(
        lambda x, g: AllReduce.apply(x, g),
        lambda r: X * (r + 1), lambda r: X * 6, lambda r: OTHERS[r], lambda r: OTHERS.sum(0),
    ),
    "exchanged from batch to channels": Case(
        lambda x, g: AllToAll.apply(x, CHANNELS, BATCH, g),
        lambda r: share(X, 0, r), lambda r: share(X, 1, r), lambda r: share(SAME, 1, r), lambda r: share(SAME, 0, r),
    ),
    "exchanged from channels to batch": Case(
        lambda x, g: AllToAll.apply(x, BATCH, CHANNELS, g),
        lambda r: share(X, 1, r), lambda r: share(X, 0, r), lambda r: share(SAME, 0, r), lambda r: share(SAME, 1, r),
    ),
    "shares to their owner": Case(
        lambda x, g: ToOwner.apply(x, OWNER, g, True),
        lambda r: share(X, 1, r), lambda r: on(OWNER, r, X), lambda r: on(OWNER, r, SAME), lambda r: share(SAME, 1, r),
    ),
    "what all have to its owner": Case(
        lambda x, g: ToOwner.apply(x, OWNER, g, False),
        lambda r: X, lambda r: on(OWNER, r, X), lambda r: on(OWNER, r, SAME), lambda r: SAME,
    ),
    "an owner's, each computes its own": Case(
        lambda x, g: FromOwner.apply(x, torch.empty_like(X), OWNER, g, False, True),
        lambda r: on(OWNER, r, X), lambda r: X, lambda r: OTHERS[r], lambda r: on(OWNER, r, OTHERS.sum(0)),
    ),
    "an owner's, all compute the same": Case(
        lambda x, g: FromOwner.apply(x, torch.empty_like(X), OWNER, g, False, False),
        lambda r: on(OWNER, r, X), lambda r: X, lambda r: SAME, lambda r: on(OWNER, r, SAME),
    ),
    "an owner's in shares": Case(
        lambda x, g: FromOwner.apply(x, share(torch.empty_like(X), 1, 0), OWNER, g, True, False),
        lambda r: on(OWNER, r, X), lambda r: share(X, 1, r), lambda r: share(SAME, 1, r), lambda r: on(OWNER, r, SAME),
    ),
    "moved": Case(
        lambda x, g: Send.apply(x, torch.empty_like(X), OWNER, TARGET, g),
        lambda r: on(OWNER, r, X), lambda r: on(TARGET, r, X), lambda r: on(TARGET, r, SAME),
        lambda r: on(OWNER, r, SAME),
    ),
}  # fmt: skip


def crossed(last: bool) -> dict[str, list[Tensor]]:
    """In a process of three: what arrives and the gradient that comes back, of every case.

    With ``last``, images and gradients lie with their channels last in memory, as ``channels_last`` has them.
    """
    rank, group = dist.get_rank(), dist.group.WORLD
    found = {}
    for name, case in CASES.items():
        x = laid(case.held(rank), last).requires_grad_()
        y = case.apply(x, group)
        y.backward(laid(case.sent(rank), last))
        assert x.grad is not None
        found[name] = [y.detach(), x.grad]
    return found


def laid(x: Tensor, last: bool) -> Tensor:
    return x.clone().contiguous(memory_format=torch.channels_last) if last and x.dim() == 4 else x.clone()


@pytest.fixture(scope="module", params=[False, True], ids=["channels first", "channels last"])
def found(request: pytest.FixtureRequest) -> list[dict[str, list[Tensor]]]:
    return together(SIZE, crossed, request.param)


@pytest.mark.parametrize("name", CASES)
def test_what_arrives_and_what_comes_back(name: str, found: list[dict[str, list[Tensor]]]) -> None:
    for rank in range(SIZE):
        arrived, gradient = found[rank][name]
        torch.testing.assert_close(arrived, CASES[name].arrives(rank), rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(gradient, CASES[name].gradient(rank), rtol=1e-14, atol=1e-14)


def test_a_tied_value_is_itself_and_lets_gradients_pass_to_what_stands_behind_it() -> None:
    x, absent = X.clone().requires_grad_(), NOTHING.clone().requires_grad_()
    y = Tied.apply(x, absent)
    y.backward(SAME)
    assert torch.equal(y, X)
    assert torch.equal(x.grad, SAME)
    assert absent.grad is not None
    assert absent.grad.shape == (0,)
