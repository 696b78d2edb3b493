"""Operations with weights: convolution, plain, transposed and unshared; linear, channel scale, PReLU and bias."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import Bias, ChannelScale, Conv, Deconv, Linear, Local, PRelu
from netspec.ir.shape import Shape
from netspec.passes.padding import conv_padding, deconv_trimming

from .emission import Table
from .fixed import Fixed


class Convolution(nn.Module):
    """Convolution of N,C,H,W with a weight of F,C/G,h,w to N,F,H',W'.

    ``image_pad`` is zero padding applied first, or ``None``. ``mask``, F,C, is 0 where a filter does not read a
    channel; these weights have no effect and a gradient of 0.
    """

    def __init__(self, op: Conv, x: Shape) -> None:
        super().__init__()
        padding = conv_padding(op.window, x)
        self.stride = op.window.stride
        self.padding = padding.op_pad
        self.image_pad = padding.image_pad
        self.dilation = op.window.dilation
        self.groups = op.groups
        self.mask = None if op.table is None else Fixed(op.table.mask(x.channels))

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if self.image_pad is not None:
            x = F.pad(x, self.image_pad)
        if self.mask is not None:
            weight = weight * self.mask(weight)[:, :, None, None]
        return F.conv2d(x, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        pad = f", pad={tuple(self.image_pad)}" if self.image_pad is not None else ""
        return f"stride={self.stride}, padding={self.padding}{pad}, dilation={self.dilation}, groups={self.groups}" + (
            f", kernels={int(sum(map(sum, self.mask.numbers)))}" if self.mask is not None else ""
        )


class TransposedConvolution(nn.Module):
    """Transposed convolution of N,C,H,W with a weight of C,F/G,h,w to N,F,H',W'.

    ``trim`` is what is then added to the output's sides (negative to cut it), or ``None``. If it adds any pixels, the
    bias comes last, since these get it too.
    """

    def __init__(self, op: Deconv) -> None:
        super().__init__()
        trimming = deconv_trimming(op.window)
        self.stride = op.window.stride
        self.padding = trimming.op_pad
        self.output_padding = trimming.output_pad
        self.dilation = op.window.dilation
        self.groups = op.groups
        self.trim = None if trimming.rest is None else tuple(-side for side in trimming.rest)
        self.bias_last = op.bias and trimming.adds

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        first = None if self.bias_last else bias
        y = F.conv_transpose2d(
            x, weight, first, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )
        if self.trim is not None:
            y = F.pad(y, self.trim)
        return y + bias[:, None, None].to(y.dtype) if self.bias_last and bias is not None else y

    def extra_repr(self) -> str:
        trim = f", trim={self.trim}" if self.trim is not None else ""
        return (
            f"stride={self.stride}, padding={self.padding}, output_padding={self.output_padding}{trim}, "
            f"dilation={self.dilation}, groups={self.groups}"
        )


class LocalConvolution(nn.Module):
    """Unshared convolution of N,C,H,W to N,F,H',W'. The weight, F,H',W',C/G,h,w, has a kernel per output pixel."""

    def __init__(self, op: Local, x: Shape) -> None:
        super().__init__()
        self.image_pad = op.window.effective_pad(x.height, x.width)
        self.kernel = op.window.kernel
        self.stride = op.window.stride
        self.dilation = op.window.dilation
        self.groups = op.groups

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        filters, rows, columns = weight.shape[:3]
        patches = F.unfold(F.pad(x, self.image_pad), self.kernel, self.dilation, stride=self.stride)
        patches = torch.unflatten(patches, 1, (self.groups, -1))
        kernels = weight.reshape(self.groups, filters // self.groups, rows * columns, -1)
        y = torch.einsum("ngkp,gfpk->ngfp", patches, kernels).reshape(-1, filters, rows, columns)
        return y if bias is None else y + bias

    def extra_repr(self) -> str:
        return (
            f"kernel={self.kernel}, stride={self.stride}, pad={tuple(self.image_pad)}, dilation={self.dilation}, "
            f"groups={self.groups}"
        )


class Product(nn.Module):
    """Linear map of images or vectors of I units, N,I, with a weight of O,I to N,O."""

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        return F.linear(x.flatten(1), weight, bias)


class GroupedProduct(nn.Module):
    """Linear map of N,I with a weight of O,I/G to N,O, in which output group g reads input group g."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        shares = torch.unflatten(x.flatten(1), 1, (self.groups, -1)).transpose(0, 1)
        y = torch.bmm(shares, torch.unflatten(weight, 0, (self.groups, -1)).transpose(1, 2))
        y = y.transpose(0, 1).flatten(1)
        return y if bias is None else y + bias

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class ScaleChannels(nn.Module):
    """Multiplies each channel of N,C,H,W or N,C by its weight, (C,)."""

    def __init__(self, *, of_maps: bool) -> None:
        super().__init__()
        self.of_maps = of_maps

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        return x * (weight[:, None, None] if self.of_maps else weight)


class ParametricReLU(nn.Module):
    """max(0, x) + a min(0, x) for N,C,H,W or N,C, with a slope a for each channel, (C,), or one for all, (1,).

    Under autocast, torch computes it in lower precision, as it does products.
    """

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.prelu(x, weight)


class AddBias(nn.Module):
    """Adds a bias per channel of maps, (C,), or per unit or feature, shaped like an image's value."""

    def __init__(self, *, of_maps: bool) -> None:
        super().__init__()
        self.of_maps = of_maps

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        return x + (bias[:, None, None] if self.of_maps else bias)


TABLE: Table = {
    Conv: lambda op, inputs: Convolution(op, inputs[0]),
    Deconv: lambda op, inputs: TransposedConvolution(op),
    Local: lambda op, inputs: LocalConvolution(op, inputs[0]),
    Linear: lambda op, inputs: Product() if op.groups == 1 else GroupedProduct(op.groups),
    ChannelScale: lambda op, inputs: ScaleChannels(of_maps=inputs[0].is_image),
    PRelu: lambda op, inputs: ParametricReLU(),
    Bias: lambda op, inputs: AddBias(of_maps=inputs[0].is_image and cast(Bias, op).per == "channel"),
}
