"""RandomScale: a square out of an image whose size training draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, need_image
from netspec.ir.ops.spatial import Crop
from netspec.ir.shape import Shape


@dataclass(frozen=True, slots=True)
class RandomScale(Op):
    """A square of ``size`` x ``size`` pixels; outside training the middle one of the image.

    In training the image is scaled first, all images of a batch alike: by ``s`` pixels to size + s, for s from 0 to
    S - floor(S / max_scale), with a chance in proportion to (s + 1)^2, the number of squares that there are then. Its
    pixels lie apart by a step drawn evenly from max(1, S / (size + s + 1)) to S / (size + s), around the middle, as in
    ``Resize``; at S pixels it stays as it is. Which square is cut is drawn as well (cuda-convnet ``layer.cu``
    ``RandomScaleLayer`` of 2012 and of version 2).
    """

    size: int
    max_scale: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        need_image(x, "scales")
        if x.height != x.width:
            raise Fault("bad-value", "{layer} scales square images", ("inputs",), (f"the image is {x}",))
        least = self.least(x.height)
        if not least <= self.size <= x.height:
            raise Fault(
                "bad-value",
                "{layer} cuts out what its image has not in every size",
                ("size", "max_scale"),
                (
                    f"size is from {least}, to which {x.height} / {self.max_scale:g} is rounded down, to {x.height}; "
                    f"not {self.size}",
                ),
            )
        return Shape(x.channels, self.size, self.size)

    flops_rule: ClassVar[str] = "7 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 7 * output.units

    def least(self, side: int) -> int:
        """The smallest size that ``max_scale`` stands for, of an image of so many pixels."""
        return math.floor(side / self.max_scale)

    def middle(self, side: int) -> Crop:
        """What it does outside training."""
        start = (side - self.size) // 2
        return Crop(start, start, self.size, self.size)

    def drawn(self, side: int, chances: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Where on the axes of the image the rows and columns of the square lie in a step of training, by four numbers
        from 0 up to 1: of the size, the step, the square's first row and its first column."""
        scales = side - self.least(side) + 1
        wanted = chances[0] * (scales * (scales + 1) * (2 * scales + 1) // 6)
        more = next(s for s in range(scales) if wanted < (s + 1) * (s + 2) * (2 * s + 3) // 6)
        scaled = self.size + more
        top, left = (math.floor(chance * (more + 1)) for chance in chances[2:])
        if scaled == side:
            rows, columns = (tuple(float(start + t) for t in range(self.size)) for start in (top, left))
            return rows, columns
        closest = max(1.0, side / (scaled + 1))
        step = closest + chances[1] * (side / scaled - closest)
        begin, last = (side - scaled * step) / 2, max(side - 1.01, 0.0)
        rows, columns = (
            tuple(min(max((start + t) * step + begin, 0.0), last) for t in range(self.size)) for start in (top, left)
        )
        return rows, columns
