"""Comparing a module with the network that netspec makes of it."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

import netspec
from netspec.net import Net

Forward = Callable[..., Tensor]


class Calling(nn.Module):
    """A module whose forward is a function of images and of its layers."""

    def __init__(self, forward: Forward, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            self.add_module(name, layer)
        self.function = forward

    def forward(self, image: Tensor) -> Tensor:
        return self.function(image, **self._modules)


def assert_same(
    module: nn.Module, shape: tuple[int, ...], dtype: torch.dtype = torch.float64, *, unused: int = 0
) -> Net:
    """Assert that the network has the parameters of a module, without those that it does not use, and the same outputs
    in evaluation mode. Return it."""
    module = module.to(dtype)
    net = netspec.from_torch(module, shape)
    ours = netspec.torch_module(net, weights=module).eval()
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in module.parameters()) - unused
    images = torch.randn(3, *shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a kernel of even size with padding "same" makes PyTorch warn
        expected, actual = module.eval()(images), ours(images)
    assert actual.dtype == dtype
    tolerance = 1e-10 if dtype == torch.float64 else 1e-5
    assert torch.allclose(actual.reshape(expected.shape), expected, rtol=tolerance, atol=tolerance)
    return net
