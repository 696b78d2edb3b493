"""How the axes of a value in the model correspond to those of a layer's output.

A layer's output is an image (channels C, height H, width W) or a vector (C alone). The model may hold the same numbers
as N,C,H,W, transposed to N,H,W,C, flattened to N,CHW, or without the axes of a single pixel. So Transpose, Reshape,
Flatten, Squeeze and Unsqueeze mostly need no layer: they change only the **view**, which lists for each axis of the
value the layer's axes that it consists of. Axes of length 1 are left out, except N.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from netspec.ir.shape import Shape

Axes = tuple[tuple[str, ...], ...]
N, C, H, W = "NCHW"


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the model: the number of the line that computes it, that line's shape, and the view.

    ``batch`` is the length of N.
    """

    line: int
    shape: Shape
    axes: Axes
    batch: int

    @property
    def lengths(self) -> dict[str, int]:
        """The lengths of the layer's axes."""
        return {N: self.batch, **dict(zip((C, H, W), self.shape, strict=False))}

    @property
    def own(self) -> tuple[str, ...]:
        """The layer's axes without those of length 1, in the layer's order."""
        lengths = self.lengths
        return tuple(axis for axis in (C, H, W)[: len(self.shape)] if lengths[axis] > 1)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape of the value in the model."""
        lengths = self.lengths
        return tuple(math.prod(lengths[axis] for axis in group) for group in self.axes)

    def single(self, axis: str) -> tuple[str, ...]:
        """What an axis of the value is that consists of this axis of the layer alone."""
        return (axis,) if self.lengths.get(axis, 1) > 1 else ()

    @property
    def image_axes(self) -> Axes:
        """The view N,C,H,W."""
        return ((N,), self.single(C), self.single(H), self.single(W))

    @property
    def is_image(self) -> bool:
        """Whether the value is N,C,H,W."""
        return self.axes == self.image_axes

    @property
    def is_vector(self) -> bool:
        """Whether the value is N,F with the features in the layer's order: channels, rows, columns."""
        return self.axes == ((N,), self.own)

    @property
    def channel_axis(self) -> int | None:
        """The axis of the value that is the layer's channels. ``None`` if there is no such axis."""
        found = [place for place, group in enumerate(self.axes) if group == (C,)]
        if not found and self.shape.channels == 1 and self.is_image:
            return 1
        return found[0] if found else None

    def of(self, line: int, shape: Shape) -> Value:
        """Return the value of another line, viewed in the same way. Another shape needs the view N,C,H,W."""
        new = replace(self, line=line, shape=shape)
        return replace(new, axes=new.image_axes) if self.is_image else new

    def with_channels_last(self, line: int, shape: Shape) -> Value:
        """Return the value of another line, which differs only in the number of channels, the last axis of the view."""
        new = replace(self, line=line, shape=shape)
        return replace(new, axes=(*self.axes[:-1], new.single(C)))

    def transposed(self, order: Sequence[int]) -> Value:
        """Return the value with its axes in another order."""
        return replace(self, axes=tuple(self.axes[place] for place in order))

    def reshaped(self, sizes: Sequence[int]) -> Value | None:
        """Return the value in another shape, ``None`` if the new axes do not consist of whole axes of the layer."""
        lengths, waiting = self.lengths, [axis for group in self.axes for axis in group]
        axes: list[tuple[str, ...]] = []
        for size in sizes:
            group: list[str] = []
            if size == 1 and waiting and lengths[waiting[0]] == 1:
                group.append(waiting.pop(0))
            while math.prod(lengths[axis] for axis in group) < size and waiting:
                group.append(waiting.pop(0))
            if math.prod(lengths[axis] for axis in group) != size:
                return None
            axes.append(tuple(group))
        return None if waiting else replace(self, axes=tuple(axes))


def image(line: int, shape: Shape, batch: int) -> Value:
    """Return the value of a line as N,C,H,W, or as N,F for a vector."""
    value = Value(line, shape, (), batch)
    return replace(value, axes=value.image_axes if shape.is_image else ((N,), value.single(C)))
