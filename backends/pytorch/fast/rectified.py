"""Convolutions with their bias and a ReLU (``passes.fast.bias_relu``)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.shape import Shape


class Rectified(nn.Module):
    """What ends with a bias and a ReLU. ``shape`` is that of one image's value; ``kernels`` are the types of maps for
    which the bias is added by the kernel that rectifies (see ``check.use_kernels``)."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.kernels: frozenset[torch.dtype] = frozenset()


class RectifiedConvolution(Rectified):
    """What a convolution in any form makes of N,C,H,W, with its bias, and 0 where that is less.

    Without a kernel the bias is added by the library's convolution.
    """

    def __init__(self, convolution: nn.Module, shape: Shape) -> None:
        super().__init__(shape)
        self.convolution = convolution

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if _made_in(x) in self.kernels:
            rectified: Tensor = BiasReluFunction.apply(self.convolution(x, weight), bias)  # type: ignore[no-untyped-call]
            return rectified
        made: Tensor = self.convolution(x, weight, bias)
        return made.relu_()  # a convolution keeps what it reads, not what it makes


class RectifiedBias(Rectified):
    """N,C,H,W, which nothing else reads, plus a number for each channel, and 0 where that is less."""

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        if x.dtype in self.kernels:
            rectified: Tensor = BiasReluFunction.apply(x, bias)  # type: ignore[no-untyped-call]
            return rectified
        return (x + bias[:, None, None]).relu_()


class BiasReluFunction(torch.autograd.Function):
    """max(0, x + b) of N,C,H,W and C numbers, in the memory of x where that is possible, as Triton kernels.

    Kept is the value. The way back is one pass, which masks the gradient and adds it up for the bias.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        from .kernels import launch_bias

        y = launch_bias.forward(x, bias)
        if y is x:
            ctx.mark_dirty(x)
        ctx.save_for_backward(y)
        ctx.bias = bias.dtype
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        from .kernels import launch_bias

        (y,) = ctx.saved_tensors
        dx, db = launch_bias.backward(y, dy, sums=ctx.needs_input_grad[1])
        return dx, db.to(ctx.bias) if db is not None else None


def _made_in(x: Tensor) -> torch.dtype:
    """The type in which a convolution of a value is computed: autocast's, where it is on."""
    if torch.is_autocast_enabled(x.device.type) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype
