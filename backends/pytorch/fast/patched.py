"""Convolution over one channel whose weight gradient is a matrix product with patches (``passes.fast.im2col``)."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.grad import conv2d_input

from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.passes.fast.im2col import MIN_ELEMENTS

from ..ops.weighted import Convolution

AT_A_TIME = 2**18
"""Elements of patches that are written at a time, so that they stay in the CPU's caches (1 MiB of float32)."""

Pair = tuple[int, int]


class PatchedConvolution(Convolution):
    """Convolution of N,1,H,W with a weight of F,1,h,w to N,F,H',W'.

    torch computes the gradient as usual under autocast, on other devices than the CPU, for few patches, and if the
    weight requires none.
    """

    def __init__(self, op: Conv, x: Shape) -> None:
        super().__init__(op, x)
        rows, columns = op.window.fit(x.height, x.width)
        self.patches = rows.output * columns.output * op.window.area

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        needs_grad = torch.is_grad_enabled() and weight.requires_grad and len(x) * self.patches >= MIN_ELEMENTS
        if not needs_grad or x.device.type != "cpu" or torch.is_autocast_enabled("cpu"):
            return super().forward(x, weight, bias)
        x = x if self.image_pad is None else F.pad(x, self.image_pad)
        y: Tensor = PatchedFunction.apply(x, weight, bias, self.stride, self.padding, self.dilation)  # type: ignore[no-untyped-call]
        return y


class PatchedFunction(torch.autograd.Function):
    """torch's convolution and gradient by the image, with a faster gradient by the weight.

    It saves the image and the weight.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair, dilation: Pair
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding, dilation
        return F.conv2d(x, weight, bias, stride, padding, dilation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        stride, padding, dilation = ctx.geometry
        needs_dx, needs_dw, needs_db = ctx.needs_input_grad[:3]
        dx = None
        if needs_dx:
            dx = conv2d_input(x.shape, weight, dy, stride, padding, dilation)  # type: ignore[no-untyped-call]
        dw = weight_gradient(x, dy, weight.shape, *ctx.geometry) if needs_dw else None
        return dx, dw, dy.sum((0, 2, 3)) if needs_db else None, None, None, None


def weight_gradient(x: Tensor, dy: Tensor, shape: torch.Size, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    """Return the gradient by the weight, F,1,h,w: the sum over images of dy times the transposed patches (im2col)."""
    x = F.pad(x, (padding[1], padding[1], padding[0], padding[0]))
    filters, _, *kernel = shape
    rows, columns = dy.shape[2:]
    n, _, row_step, column_step = x.stride()
    patches = x.as_strided(
        (len(x), kernel[0], kernel[1], rows, columns),
        (n, row_step * dilation[0], column_step * dilation[1], row_step * stride[0], column_step * stride[1]),
        x.storage_offset(),
    )
    dw = x.new_zeros(filters, kernel[0] * kernel[1])
    parts = max(1, min(len(x), patches.numel() // AT_A_TIME))
    for patches_part, dy_part in zip(patches.tensor_split(parts), dy.flatten(2).tensor_split(parts), strict=True):
        unrolled = patches_part.reshape(len(patches_part), kernel[0] * kernel[1], rows * columns)
        dw += torch.bmm(dy_part, unrolled.transpose(1, 2)).sum(0)
    return dw.view(shape)
