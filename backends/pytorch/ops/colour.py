"""Colour spaces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netspec.ir.ops import ColourSpace
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix

from .emission import Table
from .precision import widened


class Yuv(nn.Module):
    """Converts RGB to YUV."""

    def forward(self, x: Tensor) -> Tensor:
        return mix_channels(widened(x), YUV)


class Lab(nn.Module):
    """Converts RGB from 0 to 1 to L*a*b*."""

    def __init__(self, offset: float) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: Tensor) -> Tensor:
        t = mix_channels(widened(x), XYZ)
        roots = torch.where(t > CUBE_ROOT_FROM, t.clamp(min=CUBE_ROOT_FROM) ** EXPONENT, SLOPE * t + INTERCEPT)
        light, a, b = mix_channels(roots, LAB).unbind(1)
        return torch.stack([light + self.offset, a, b], 1)

    def extra_repr(self) -> str:
        return f"offset={self.offset}"


def mix_channels(x: Tensor, matrix: Matrix) -> Tensor:
    """Multiply the channels of each pixel by a matrix: N,3,H,W to N,3,H,W."""
    red, green, blue = x.unbind(1)
    return torch.stack([red * r + green * g + blue * b for r, g, b in matrix], 1)


TABLE: Table = {ColourSpace: lambda op, inputs: Yuv() if op.to == "yuv" else Lab(op.offset)}
