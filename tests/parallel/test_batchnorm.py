"""Batch normalisation of which each of two processes has a share of the images."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from crews import together
from torch import Tensor
from torch.nn.functional import batch_norm

from netspec.parallel.batchnorm import SharedBatchNorm

IMAGES, CHANNELS = 7, 3
EPS, MOMENTUM = 1e-5, 0.1

Found = list[Tensor]
"""What comes out, the input's gradient, and the running mean and variance."""


def given(low: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The images, far from 0 and 400 numbers a channel each; what their gradients are, and a weight."""
    drawn = torch.Generator().manual_seed(4)
    x, dy = (torch.randn(IMAGES, CHANNELS, 20, 20, generator=drawn) for _ in range(2))
    x = 5 + x
    return (x.bfloat16() if low else x), dy, torch.rand(CHANNELS, generator=drawn)


def running() -> list[Tensor]:
    return [torch.zeros(CHANNELS), torch.ones(CHANNELS)]


def of_a_share(low: bool) -> Found:
    """In one of two processes, of which the first has one image more."""
    x, dy, weight = given(low)
    mine = [slice(0, 4), slice(4, 7)][dist.get_rank()]
    module = SharedBatchNorm(EPS, MOMENTUM, True, dist.group.WORLD).train()
    statistics = running()
    share = x[mine].clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=low):
        y = module(share, weight, torch.zeros(CHANNELS), *statistics, torch.tensor(0))
    y.backward(dy[mine].to(y.dtype))
    assert share.grad is not None and y.dtype == x.dtype
    return [y.detach(), share.grad, *statistics]


@pytest.mark.parametrize("low", [False, True], ids=["fp32", "bf16"])
def test_as_of_the_whole_batch(low: bool) -> None:
    """In bfloat16 as torch has it: what is added up is float32."""
    x, dy, weight = given(low)
    mean, variance = running()
    x.requires_grad_()
    y = batch_norm(x, mean, variance, weight, torch.zeros(CHANNELS), True, MOMENTUM, EPS)
    y.backward(dy.to(y.dtype))
    assert x.grad is not None
    tolerance = 1e-2 if low else 1e-5
    shares: list[Found] = together(2, of_a_share, low)
    for number, wanted in enumerate((y.detach(), x.grad)):
        found = torch.cat([share[number] for share in shares])
        torch.testing.assert_close(found, wanted, rtol=tolerance, atol=tolerance)
    for share in shares:
        torch.testing.assert_close(share[2:], [mean, variance], rtol=1e-5, atol=1e-6)
