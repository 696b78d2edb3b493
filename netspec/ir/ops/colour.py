"""Conversion of RGB images to other colour spaces, with the constants of cuda-convnet (``conv_util.cu``, version 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.formatting import plural
from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_image
from netspec.ir.shape import Shape

Matrix = tuple[tuple[float, float, float], ...]
"""Row i has the coefficients of the three old coordinates in the new coordinate i."""

YUV: Matrix = ((0.2126, 0.7152, 0.0722), (-0.09991, -0.33609, 0.436), (0.615, -0.55861, -0.05639))
"""From RGB to luminance, blue difference and red difference."""

XYZ: Matrix = ((0.49, 0.31, 0.2), (0.17697, 0.8124, 0.01063), (0.0, 0.01, 0.99))
"""From RGB in 0..1 to the CIE's X, Y, Z."""

LAB: Matrix = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
"""From f(X), f(Y), f(Z) to L (without its offset), a and b."""

CUBE_ROOT_FROM, EXPONENT, SLOPE, INTERCEPT = 0.0088564517, 0.3333, 7.787037, 0.13793103
"""f(t) = t^EXPONENT for t above CUBE_ROOT_FROM, else SLOPE t + INTERCEPT."""


@dataclass(frozen=True, slots=True)
class ColourSpace(Op):
    """RGB to YUV, or RGB in 0..1 to L*a*b*, with L in 0..100, or in -50..50 if ``centred``."""

    to: Literal["yuv", "lab"]
    centred: bool = False

    @property
    def offset(self) -> float:
        """The constant added to L."""
        return -66.0 if self.centred else -16.0

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "changes the colours of")
        if x.channels != 3:
            raise Fault(
                "needs-colour",
                f"{{layer}} changes colours, and reads an image of {plural(x.channels, 'channel')}",
                ("inputs",),
                ("colours are 3 channels: red, green, blue",),
            )
        return x

    flops_rule: ClassVar[str] = "5 a unit to YUV, 13 to Lab"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return (5 if self.to == "yuv" else 13) * output.units
