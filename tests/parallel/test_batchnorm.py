"""Batch normalisation over images that are divided between two processes."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from ranks import call_on_ranks
from torch import Tensor
from torch.nn.functional import batch_norm

from netspec.ir.ops import BatchNorm
from netspec.parallel.batchnorm import SharedBatchNorm

IMAGES, CHANNELS = 7, 3
EPS, MOMENTUM = 1e-5, 0.1

Results = list[Tensor]
"""The output, the gradient of the input, and the running mean and variance."""


def random_inputs(bf16: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Images with a mean far from 0 and 400 numbers per channel, the gradient of the output, and a weight."""
    generator = torch.Generator().manual_seed(4)
    x, dy = (torch.randn(IMAGES, CHANNELS, 20, 20, generator=generator) for _ in range(2))
    x = 5 + x
    return (x.bfloat16() if bf16 else x), dy, torch.rand(CHANNELS, generator=generator)


def initial_statistics() -> list[Tensor]:
    return [torch.zeros(CHANNELS), torch.ones(CHANNELS)]


def results_of_a_share(bf16: bool) -> Results:
    """Normalise this process's images: the first 4 in one process, the other 3 in the other."""
    x, dy, weight = random_inputs(bf16)
    mine = [slice(0, 4), slice(4, 7)][dist.get_rank()]
    module = SharedBatchNorm(BatchNorm(EPS, MOMENTUM), dist.group.WORLD).train()
    statistics = initial_statistics()
    share = x[mine].clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        y = module(share, weight, torch.zeros(CHANNELS), *statistics, torch.tensor(0))
    y.backward(dy[mine].to(y.dtype))
    assert share.grad is not None and y.dtype == x.dtype
    return [y.detach(), share.grad, *statistics]


@pytest.mark.parametrize("bf16", [False, pytest.param(True, marks=pytest.mark.ci)], ids=["fp32", "bf16"])
def test_shares_are_normalised_like_the_whole_batch(bf16: bool) -> None:
    """In bfloat16, as in PyTorch, sums are float32."""
    x, dy, weight = random_inputs(bf16)
    mean, variance = initial_statistics()
    x.requires_grad_()
    y = batch_norm(x, mean, variance, weight, torch.zeros(CHANNELS), True, MOMENTUM, EPS)
    y.backward(dy.to(y.dtype))
    assert x.grad is not None
    tolerance = 1e-2 if bf16 else 1e-5
    shares: list[Results] = call_on_ranks(2, results_of_a_share, bf16)
    for number, expected in enumerate((y.detach(), x.grad)):
        joined = torch.cat([share[number] for share in shares])
        torch.testing.assert_close(joined, expected, rtol=tolerance, atol=tolerance)
    for share in shares:
        torch.testing.assert_close(share[2:], [mean, variance], rtol=1e-5, atol=1e-6)
