"""Upsampling, resizing to a given size, and RandomScale: a square cut out of an image scaled at random."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Literal, get_args

from netspec.ir.fault import Fault
from netspec.ir.ops.base import Op, require_image
from netspec.ir.ops.spatial import Crop
from netspec.ir.shape import Shape

UpsamplingMethod = Literal["nearest", "bilinear", "corners"]
METHODS: tuple[UpsamplingMethod, ...] = get_args(UpsamplingMethod)
MAX_FACTOR = 32
"""PyTorch multiplies by 1 / factor in float32, which up to this factor always finds the nearest pixel."""


@dataclass(frozen=True, slots=True)
class Upsample(Op):
    """Each channel, ``factor`` (rows, columns) times as high and wide, as by PyTorch's ``interpolate``.

    On an axis of S pixels and S n outputs, output i of ``nearest`` is pixel floor(i / n). The others are interpolated
    between pixels at position (i + 1/2) / n - 1/2, limited to 0..S - 1 (``bilinear``), or at i (S - 1) / (S n - 1)
    (``corners``).
    """

    factor: tuple[int, int]
    method: UpsamplingMethod = "nearest"

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "enlarges")
        return Shape(x.channels, x.height * self.factor[0], x.width * self.factor[1])

    def sampling_positions(self, axis: int, size: int) -> tuple[Fraction, ...]:
        """Return the positions of the outputs on an axis (0: rows) of ``size`` pixels."""
        return _positions(self.method, size, size * self.factor[axis])

    flops_rule: ClassVar[str] = "7 a unit, 0 if it repeats pixels"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 0 if self.method == "nearest" else 7 * output.units


@dataclass(frozen=True, slots=True)
class Interpolate(Op):
    """Each channel at another ``size`` (height, width), larger or smaller, as by PyTorch's ``interpolate``.

    On an axis of S pixels and O outputs, output i of ``nearest`` is pixel floor(i S / O). The others are interpolated
    between pixels at position (i + 1/2) S / O - 1/2, limited to 0..S - 1 (``bilinear``), or at i (S - 1) / (O - 1)
    (``corners``). Where a map shrinks, pixels between the positions are not read.
    """

    size: tuple[int, int]
    method: UpsamplingMethod = "bilinear"

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "resizes")
        if self.method == "nearest":
            self._require_found(x)
        return Shape(x.channels, *self.size)

    def upsampling(self, x: Shape) -> Upsample | None:
        """Return the ``Upsample`` that does the same, if the sides of ``x`` grow by whole factors that it may have."""
        if not x.is_image or x[1:] == self.size or any(new % old for old, new in zip(x[1:], self.size, strict=True)):
            return None
        factor = self.size[0] // x.height, self.size[1] // x.width
        return Upsample(factor, self.method) if max(factor) <= MAX_FACTOR else None

    def _require_found(self, x: Shape) -> None:
        """Raise ``Fault`` if PyTorch or onnxruntime, whose positions are in float32, would take another pixel."""
        for axis, size, outputs in zip(("rows", "columns"), x[1:], self.size, strict=True):
            missed = [i for i in range(outputs) if not _is_found(i, size, outputs)]
            if missed:
                raise Fault(
                    "bad-value",
                    f"{{layer}}: {size} {axis} cannot be made {outputs} by taking the nearest pixel",
                    ("size", "method"),
                    (f"output {missed[0]} is pixel {missed[0] * size // outputs}, but not in float32 arithmetic",),
                )

    def sampling_positions(self, axis: int, size: int) -> tuple[Fraction, ...]:
        """Return the positions of the outputs on an axis (0: rows) of ``size`` pixels."""
        return _positions(self.method, size, self.size[axis])

    flops_rule: ClassVar[str] = "7 a unit, 0 if it copies pixels"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 0 if self.method == "nearest" else 7 * output.units


def _positions(method: UpsamplingMethod, size: int, outputs: int) -> tuple[Fraction, ...]:
    """Return the positions, on an axis of ``size`` pixels, of this number of outputs."""
    if method == "nearest":
        return tuple(Fraction(i * size // outputs) for i in range(outputs))
    if method == "corners":
        return tuple(Fraction(i * (size - 1), max(1, outputs - 1)) for i in range(outputs))
    middles = (Fraction((2 * i + 1) * size, 2 * outputs) - Fraction(1, 2) for i in range(outputs))
    return tuple(min(max(middle, Fraction(0)), Fraction(size - 1)) for middle in middles)


def _is_found(i: int, size: int, outputs: int) -> bool:
    """Whether float32 finds floor(i size / outputs), by a product with size / outputs and by a division too."""
    multiplied, divided = _float32(i * _float32(size / outputs)), _float32(i / _float32(outputs / size))
    return i * size // outputs == math.floor(multiplied) == math.floor(divided)


def _float32(number: float) -> float:
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


@dataclass(frozen=True, slots=True)
class RandomScale(Op):
    """A square of ``size`` x ``size`` pixels. Outside training it is the middle of the image.

    In training the image, of side S, is first scaled to side size + s, the same for all images of a batch. s is drawn
    from 0 to S - floor(S / max_scale), with probability proportional to (s + 1)^2, the number of squares that can then
    be cut out. Pixels are sampled around the middle as in ``Resize``, with a step drawn uniformly from
    max(1, S / (size + s + 1)) to S / (size + s); if size + s is S, the image is not scaled. The position of the square
    is drawn too (cuda-convnet ``layer.cu`` ``RandomScaleLayer`` of 2012 and of version 2).
    """

    size: int
    max_scale: float

    def shape(self, inputs: tuple[Shape, ...]) -> Shape:
        (x,) = inputs
        require_image(x, "scales")
        if x.height != x.width:
            raise Fault("bad-value", "{layer} scales square images", ("inputs",), (f"the image is {x}",))
        min_size = self.min_size(x.height)
        if not min_size <= self.size <= x.height:
            raise Fault(
                "bad-value",
                "{layer}'s size and max_scale do not fit its image",
                ("size", "max_scale"),
                (
                    f"size must be at least {x.height} / {self.max_scale:g} rounded down, {min_size}, and at most "
                    f"{x.height}, not {self.size}",
                ),
            )
        return Shape(x.channels, self.size, self.size)

    flops_rule: ClassVar[str] = "7 a unit"

    def flops(self, inputs: tuple[Shape, ...], output: Shape) -> int:
        return 7 * output.units

    def min_size(self, side: int) -> int:
        """Return the smallest ``size`` that ``max_scale`` allows for an image of this side."""
        return math.floor(side / self.max_scale)

    def centre_crop(self, side: int) -> Crop:
        """Return the crop that replaces the operation outside training."""
        start = (side - self.size) // 2
        return Crop(start, start, self.size, self.size)

    def sampling_positions(self, side: int, uniforms: Sequence[float]) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the positions, on an image of this side, of the rows and of the columns of a training step's square.

        ``uniforms`` are four random numbers in [0, 1): for the scaled size, the step between pixels, the square's first
        row and its first column.
        """
        scales = side - self.min_size(side) + 1
        # Scales 0 to s have 1^2 + 2^2 + ... + (s + 1)^2 = (s + 1) (s + 2) (2 s + 3) / 6 squares.
        target = uniforms[0] * (scales * (scales + 1) * (2 * scales + 1) // 6)
        extra = next(s for s in range(scales) if target < (s + 1) * (s + 2) * (2 * s + 3) // 6)
        scaled_side = self.size + extra
        top, left = (math.floor(u * (extra + 1)) for u in uniforms[2:])
        if scaled_side == side:
            return self._unscaled(top), self._unscaled(left)
        smallest_step = max(1.0, side / (scaled_side + 1))
        step = smallest_step + uniforms[1] * (side / scaled_side - smallest_step)
        offset, last = (side - scaled_side * step) / 2, max(side - 1.01, 0.0)

        def positions(start: int) -> tuple[float, ...]:
            return tuple(min(max((start + t) * step + offset, 0.0), last) for t in range(self.size))

        return positions(top), positions(left)

    def _unscaled(self, start: int) -> tuple[float, ...]:
        return tuple(float(start + t) for t in range(self.size))
