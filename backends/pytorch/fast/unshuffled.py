"""Strided convolution as an unstrided one over blocks of pixels, space to depth (``passes.fast.space_to_depth``)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from netspec.ir.ops import Conv
from netspec.ir.shape import Shape
from netspec.passes.fast import Unshuffle


class UnshuffledConvolution(nn.Module):
    """Convolution of N,C,H,W with a weight of F,C/G,h,w to N,F,H',W'.

    The weight keeps its published layout; rearranging it in each step is cheap because it is small. An input with more
    than C channels is taken to be the image's ``blocks`` already.
    """

    def __init__(self, op: Conv, x: Shape, how: Unshuffle) -> None:
        super().__init__()
        self.how = how
        self.channels = x.channels
        self.groups = op.groups

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        how = self.how
        rows, columns = (padded - side for padded, side in zip(how.kernel, weight.shape[2:], strict=True))
        # For one map and blocks of one row, this would be a view of the weight, for which PyTorch takes no gradient.
        kernel = unshuffled(F.pad(weight, (0, columns, 0, rows)), how.stride).contiguous()
        x = blocks(x, how) if x.shape[1] == self.channels else x
        return F.conv2d(x, kernel, bias, groups=self.groups)

    def extra_repr(self) -> str:
        return f"blocks={self.how.stride}, size={self.how.size}, kernel={self.how.kernel}, groups={self.groups}"


def unshuffled(x: Tensor, stride: tuple[int, int]) -> Tensor:
    """Rearrange N,C,H,W to N,C s t,H/s,W/t: pixel (i, j) of a block becomes channel (c s + i) t + j.

    The strides s and t must divide H and W.
    """
    n, c, h, w = x.shape
    s, t = stride
    parts = x.reshape(n, c, h // s, s, w // t, t).permute(0, 1, 3, 5, 2, 4)
    return parts.reshape(n, c * s * t, h // s, w // t)


def blocks(x: Tensor, how: Unshuffle) -> Tensor:
    """Return the image as blocks, padded with zeros as far as the kernel reaches.

    If the image requires no gradient, a single copy rearranges it, keeps a channels-last format, and converts it to
    autocast's type.
    """
    n, c, h, w = x.shape
    s, t = how.stride
    rows, columns = how.size[0] - h - how.top, how.size[1] - w - how.left
    whole = how.top % s == how.left % t == h % s == w % t == 0 and min(rows, columns) >= 0
    if not whole or x.requires_grad:
        return unshuffled(F.pad(x, (how.left, columns, how.top, rows)), how.stride)
    autocast = torch.is_autocast_enabled(x.device.type) and x.dtype == torch.float32
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    result = torch.empty(
        (n, c * s * t, how.size[0] // s, how.size[1] // t),
        dtype=torch.get_autocast_dtype(x.device.type) if autocast else x.dtype,
        device=x.device,
        memory_format=torch.channels_last if channels_last else torch.contiguous_format,
    ).zero_()
    inside = torch.unflatten(result, 1, (c, s, t))[..., how.top // s :, how.left // t :][..., : h // s, : w // t]
    inside.copy_(x.reshape(n, c, h // s, s, w // t, t).permute(0, 1, 3, 5, 2, 4))
    return result
