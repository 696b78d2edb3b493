"""Values that are repeated along axes of length 1: by the broadcasting of sums and products, and by Expand.

Pixels are repeated by a line ``resize method=nearest``, channels by a concatenation of copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.upsampling import resize_keys
from netspec.importers.operators.spec.views import Axes, C, H, N, Value, W
from netspec.ir.ops.scaling import Interpolate
from netspec.ir.shape import Shape


def of_one_rank(values: Sequence[Value]) -> list[Value]:
    """Give values the same number of axes, as broadcasting does: axes of length 1 in front."""
    rank = max(len(value.axes) for value in values)
    return [replace(value, axes=(*((),) * (rank - len(value.axes)), *value.axes)) for value in values]


def broadcast(site: Site, values: Sequence[Value]) -> list[Value]:
    """Return values with the same axes, those that lack some repeated along them; as they are if they differ
    otherwise."""
    values = of_one_rank(values)
    axes = tuple(next(filter(None, groups), ()) for groups in zip(*(value.axes for value in values), strict=True))
    lengths = {axis: max(value.lengths.get(axis, 1) for value in values) for axis in (C, H, W)}
    if all(value.axes == axes for value in values):
        return values
    shape = Shape(*lengths.values()) if {H, W} & {axis for group in axes for axis in group} else Shape(lengths[C])
    spread = [repeated(site, value, axes, shape) for value in values]
    return values if None in spread else [value for value in spread if value is not None]


def repeated(site: Site, value: Value, axes: Axes, shape: Shape) -> Value | None:
    """Return a value repeated along the axes that it lacks, of an image or a vector of this shape; ``None`` if other
    axes are elsewhere."""
    if value.axes == axes:
        return value
    lacks = [own for own, group in zip(value.axes, axes, strict=True) if own != group]
    known = axes[0] == (N,) and all(len(group) < 2 for group in axes)
    if not known or value.axes[0] != (N,) or any(lacks) or {*value.own} != {a for g in value.axes[1:] for a in g}:
        return None
    number, lengths, draft = value.line, value.lengths, site.draft
    have = tuple(lengths.get(axis, 1) for axis in (C, H, W)[: len(shape)])
    number = draft.with_shape(number, Shape(*have))
    if have[0] != shape.channels:
        have = (shape.channels, *have[1:])
        number = draft.new_line("concat", [number] * shape.channels, {}, Shape(*have), claimed=True)
    if have != tuple(shape):
        keys = resize_keys(Shape(*have), Interpolate((shape.height, shape.width), "nearest"))
        number = draft.new_line("resize", [number], keys, shape, claimed=True)
    return replace(value, line=number, shape=shape, axes=axes)
