"""Colour spaces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from netspec.ir.ops import ColourSpace
from netspec.ir.ops.colour import CUBE_ROOT_FROM, EXPONENT, INTERCEPT, LAB, SLOPE, XYZ, YUV, Matrix

from .emission import OperationModule, Table
from .precision import widened


class Yuv(nn.Module):
    """Converts RGB to YUV."""

    def forward(self, x: Tensor) -> Tensor:
        return mix_channels(widened(x), YUV)


class Lab(OperationModule):
    """Converts RGB from 0 to 1 to L*a*b*."""

    op: ColourSpace

    def forward(self, x: Tensor) -> Tensor:
        t = mix_channels(widened(x), XYZ)
        roots = torch.where(t > CUBE_ROOT_FROM, t.clamp(min=CUBE_ROOT_FROM) ** EXPONENT, SLOPE * t + INTERCEPT)
        light, a, b = mix_channels(roots, LAB).unbind(1)
        return torch.stack([light + self.op.offset, a, b], 1)


def mix_channels(x: Tensor, matrix: Matrix) -> Tensor:
    """Multiply the channels of each pixel by a matrix: N,3,H,W to N,3,H,W."""
    red, green, blue = x.unbind(1)
    return torch.stack([red * r + green * g + blue * b for r, g, b in matrix], 1)


TABLE: Table = {ColourSpace: lambda op, inputs: Yuv() if op.to == "yuv" else Lab(op)}
