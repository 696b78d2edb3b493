"""Colours: an RGB image in other coordinates. The numbers are those of cuda-convnet (``conv_util.cu`` of version 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, need_image
from netspec.ir.shape import Shape
from netspec.units import plural

Matrix = tuple[tuple[float, float, float], ...]
"""Three rows: what each new coordinate takes of the three old ones."""

YUV: Matrix = ((0.2126, 0.7152, 0.0722), (-0.09991, -0.33609, 0.436), (0.615, -0.55861, -0.05639))
"""Luminance, blue and red difference, of RGB."""

XYZ: Matrix = ((0.49, 0.31, 0.2), (0.17697, 0.8124, 0.01063), (0.0, 0.01, 0.99))
"""CIE's primaries, of RGB from 0 to 1."""

LAB: Matrix = ((0.0, 116.0, 0.0), (500.0, -500.0, 0.0), (0.0, 200.0, -200.0))
"""L (plus an offset), a and b, of f(X), f(Y) and f(Z)."""

LEAST_CUBE, EXPONENT, SLOPE, INTERCEPT = 0.0088564517, 0.3333, 7.787037, 0.13793103
"""f(t) = t^exponent for t above the least, else slope t + intercept."""


@dataclass(frozen=True, slots=True)
class ColourSpace(Op):
    """RGB pixels as YUV, or, from values 0 to 1, as L*a*b*: L from 0 to 100, or from -50 to 50 if ``centred``."""

    to: Literal["yuv", "lab"]
    centred: bool = False

    @property
    def offset(self) -> float:
        """What is added to the first coordinate."""
        return 0.0 if self.to == "yuv" else -66.0 if self.centred else -16.0

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "changes the colours of")
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
