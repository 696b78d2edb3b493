"""Each transfer between three processes, forward and backward, against the whole value in one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.distributed as dist
from ranks import call_on_ranks
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

_generator = torch.Generator().manual_seed(0)
X = torch.randn(6, 9, 2, 2, generator=_generator, dtype=torch.float64)
"""The whole value."""
GRADIENTS = torch.randn(SIZE, *X.shape, generator=_generator, dtype=torch.float64)
"""The gradients of the whole value that the processes send back, if they differ, by rank."""
SAME = GRADIENTS[0]
"""The gradient that all processes send back, if it is the same."""
EMPTY = X.new_empty(0)


def share(x: Tensor, dim: int, rank: int) -> Tensor:
    return x.chunk(SIZE, dim)[rank]


def at(owner: int, rank: int, x: Tensor) -> Tensor:
    """Return ``x`` in the owner's process, and an empty tensor in the others."""
    return x if rank == owner else EMPTY


@dataclass(frozen=True)
class Case:
    """A transfer, and by rank its input and output, the gradient sent back, and that of the input."""

    apply: Callable[[Tensor, Any], Tensor]
    source: Callable[[int], Tensor]
    target: Callable[[int], Tensor]
    sent_back: Callable[[int], Tensor]
    gradient: Callable[[int], Tensor]


CASES = {
    "gathered channels, different gradients": Case(
        lambda x, g: AllGather.apply(x, CHANNELS, g, True),
        lambda r: share(X, 1, r), lambda r: X, lambda r: GRADIENTS[r], lambda r: share(GRADIENTS.sum(0), 1, r),
    ),
    "gathered channels, same gradient": Case(
        lambda x, g: AllGather.apply(x, CHANNELS, g, False),
        lambda r: share(X, 1, r), lambda r: X, lambda r: SAME, lambda r: share(SAME, 1, r),
    ),
    "gathered batch": Case(
        lambda x, g: AllGather.apply(x, BATCH, g, True),
        lambda r: share(X, 0, r), lambda r: X, lambda r: GRADIENTS[r], lambda r: share(GRADIENTS.sum(0), 0, r),
    ),
    "sliced channels": Case(
        lambda x, g: Slice.apply(x, CHANNELS, g),
        lambda r: X, lambda r: share(X, 1, r), lambda r: share(SAME, 1, r), lambda r: SAME,
    ),
    "sliced batch": Case(
        lambda x, g: Slice.apply(x, BATCH, g),
        lambda r: X, lambda r: share(X, 0, r), lambda r: share(SAME, 0, r), lambda r: SAME,
    ),
    "copied": Case(
        lambda x, g: Copy.apply(x, g),
        lambda r: X, lambda r: X, lambda r: GRADIENTS[r], lambda r: GRADIENTS.sum(0),
    ),
    "summed": Case(
        lambda x, g: AllReduce.apply(x, g),
        lambda r: X * (r + 1), lambda r: X * 6, lambda r: GRADIENTS[r], lambda r: GRADIENTS.sum(0),
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
        lambda r: share(X, 1, r), lambda r: at(OWNER, r, X), lambda r: at(OWNER, r, SAME), lambda r: share(SAME, 1, r),
    ),
    "whole value to its owner": Case(
        lambda x, g: ToOwner.apply(x, OWNER, g, False),
        lambda r: X, lambda r: at(OWNER, r, X), lambda r: at(OWNER, r, SAME), lambda r: SAME,
    ),
    "from an owner, different gradients": Case(
        lambda x, g: FromOwner.apply(x, torch.empty_like(X), OWNER, g, False, True),
        lambda r: at(OWNER, r, X), lambda r: X, lambda r: GRADIENTS[r], lambda r: at(OWNER, r, GRADIENTS.sum(0)),
    ),
    "from an owner, same gradient": Case(
        lambda x, g: FromOwner.apply(x, torch.empty_like(X), OWNER, g, False, False),
        lambda r: at(OWNER, r, X), lambda r: X, lambda r: SAME, lambda r: at(OWNER, r, SAME),
    ),
    "from an owner in shares": Case(
        lambda x, g: FromOwner.apply(x, share(torch.empty_like(X), 1, 0), OWNER, g, True, False),
        lambda r: at(OWNER, r, X), lambda r: share(X, 1, r), lambda r: share(SAME, 1, r), lambda r: at(OWNER, r, SAME),
    ),
    "sent to another owner": Case(
        lambda x, g: Send.apply(x, torch.empty_like(X), OWNER, TARGET, g),
        lambda r: at(OWNER, r, X), lambda r: at(TARGET, r, X), lambda r: at(TARGET, r, SAME),
        lambda r: at(OWNER, r, SAME),
    ),
}  # fmt: skip


def outputs_and_gradients(channels_last: bool) -> dict[str, list[Tensor]]:
    """Run every case, and return its output and the gradient of its input; called in each of three processes.

    With ``channels_last``, images and gradients have that memory format.
    """
    rank, group = dist.get_rank(), dist.group.WORLD
    results = {}
    for name, case in CASES.items():
        x = with_format(case.source(rank), channels_last).requires_grad_()
        y = case.apply(x, group)
        y.backward(with_format(case.sent_back(rank), channels_last))
        assert x.grad is not None
        results[name] = [y.detach(), x.grad]
    return results


def with_format(x: Tensor, channels_last: bool) -> Tensor:
    return x.clone().contiguous(memory_format=torch.channels_last) if channels_last and x.dim() == 4 else x.clone()


@pytest.fixture(scope="module", params=[False, True], ids=["channels first", "channels last"])
def results(request: pytest.FixtureRequest) -> list[dict[str, list[Tensor]]]:
    return call_on_ranks(SIZE, outputs_and_gradients, request.param)


@pytest.mark.parametrize("name", CASES)
def test_transfer_gives_output_and_gradient(name: str, results: list[dict[str, list[Tensor]]]) -> None:
    for rank in range(SIZE):
        output, gradient = results[rank][name]
        torch.testing.assert_close(output, CASES[name].target(rank), rtol=1e-14, atol=1e-14)
        torch.testing.assert_close(gradient, CASES[name].gradient(rank), rtol=1e-14, atol=1e-14)


def test_tied_value_is_unchanged_and_passes_gradients_on() -> None:
    x, absent = X.clone().requires_grad_(), EMPTY.clone().requires_grad_()
    y = Tied.apply(x, absent)
    y.backward(SAME)
    assert torch.equal(y, X)
    assert torch.equal(x.grad, SAME)
    assert absent.grad is not None
    assert absent.grad.shape == (0,)
