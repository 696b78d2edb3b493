"""Bias and ReLU after a convolution, in one operation (``passes.fast.bias_relu``)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from netspec.ir.shape import Shape


class Rectified(nn.Module):
    """Base class of modules that end with a bias and a ReLU.

    ``shape`` is that of one image's value. A Triton kernel adds the bias and rectifies maps of the types in ``kernels``
    (see ``check.use_kernels``).
    """

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.kernels: frozenset[torch.dtype] = frozenset()


class RectifiedConvolution(Rectified):
    """A convolution in any form, followed by its bias and a ReLU. Without a kernel, the convolution adds the bias."""

    def __init__(self, convolution: nn.Module, shape: Shape) -> None:
        super().__init__(shape)
        self.convolution = convolution

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if _convolution_dtype(x) in self.kernels:
            y: Tensor = BiasReluFunction.apply(self.convolution(x, weight), bias)  # type: ignore[no-untyped-call]
            return y
        sums: Tensor = self.convolution(x, weight, bias)
        return sums.relu_()  # in place is safe: a convolution saves its input, not its output


class RectifiedBias(Rectified):
    """max(0, x + b) of N,C,H,W and a bias (C,). It may overwrite x, which must have no other reader."""

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        if x.dtype in self.kernels:
            y: Tensor = BiasReluFunction.apply(x, bias)  # type: ignore[no-untyped-call]
            return y
        return (x + bias[:, None, None]).relu_()


class BiasReluFunction(torch.autograd.Function):
    """max(0, x + b) of N,C,H,W and a bias (C,) by Triton kernels, in place if possible.

    It saves its value. ``backward`` masks the gradient and sums it for the bias in one pass.
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


def _convolution_dtype(x: Tensor) -> torch.dtype:
    """Return the type of a convolution's output: that of autocast if it is on."""
    if torch.is_autocast_enabled(x.device.type) and x.dtype != torch.float64:
        return torch.get_autocast_dtype(x.device.type)
    return x.dtype
