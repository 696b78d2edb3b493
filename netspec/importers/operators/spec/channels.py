"""Operators that take some of the channels, rearrange them, or turn them into pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from netspec.importers.operators.spec.lines import Site, described
from netspec.importers.operators.spec.views import Value
from netspec.importers.operators.spec.windows import image_shape
from netspec.importers.spec.keys import slice_keys
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape


def split(site: Site) -> None:
    """A slice for each output that is read."""
    sizes = _parts(site)
    axis = site.get("axis", 0) % len(site.x.axes)
    ends = np.cumsum(sizes)
    for place, (count, end) in enumerate(zip(sizes, ends, strict=True)):
        if site.is_read(place):
            site.stand_in(taken(site, site.x, axis, int(end) - count, count), place)


def _parts(site: Site) -> list[int]:
    """Return the lengths of the parts that a Split makes: given, or equal but for a shorter last one."""
    x, outputs = site.x, site.node.outputs
    tensor = site.tensor(1)
    given = site.get("split") if tensor is None else tensor.read().reshape(-1)
    whole = x.sizes[site.get("axis", 0) % len(x.axes)]
    each = -(-whole // len(outputs))
    parts = [each] * (len(outputs) - 1) if given is None else [int(part) for part in given]
    parts += [whole - sum(parts)] if given is None else []
    if min(parts) < 1:
        raise Inexpressible(f"it divides {whole} into {len(outputs)} parts, of which one is empty")
    return parts


def gather(site: Site) -> None:
    """A channel, neighbouring channels, or a shuffle of all; a single number takes away the axis of the channels."""
    x = site.x
    indices = site.needed_tensor(1)
    axis = site.get("axis", 0) % len(x.axes)
    numbers = np.where((own := indices.read()) < 0, own + x.sizes[axis], own).astype(int)
    if numbers.ndim > 1:
        raise Inexpressible("it takes channels by a table of numbers")
    value = chosen(site, x, axis, [int(number) for number in numbers.reshape(-1)])
    if numbers.ndim == 0:
        value = replace(value, axes=(*value.axes[:axis], *value.axes[axis + 1 :]))
    site.result(value)


def chosen(site: Site, x: Value, axis: int, numbers: Sequence[int]) -> Value:
    """Return these channels in this order: a slice, a shuffle, or a concatenation of slices."""
    first = [place for place, n in enumerate(numbers) if not place or n != numbers[place - 1] + 1]
    runs = [numbers[start:end] for start, end in pairwise([*first, len(numbers)])]
    if len(runs) == 1:
        return taken(site, x, axis, runs[0][0], len(runs[0]))
    x = _with_channels(site, x, axis)
    groups = next((g for g in range(2, len(numbers)) if _is_shuffle(numbers, g)), None)
    if groups is not None and len(numbers) == x.shape.channels:
        return x.of(site.line("shuffle", x, {"groups": str(groups)}, x.shape), x.shape)
    if not runs:
        raise Inexpressible("it takes no channels")
    if len(runs) > MAX_SLICES:
        raise Inexpressible(f"it takes channels in an order for which a spec needs {len(runs)} slices")
    parts = [taken(site, x, axis, run[0], len(run)) for run in runs]
    shape = Shape(len(numbers), *x.shape[1:])
    line = site.draft.new_line("concat", [p.line for p in parts], {}, shape, origin=site.node, claimed=True)
    return _of_channels(x, axis, line, shape)


MAX_SLICES = 64
"""The most slices that channels in another order are made of, so that a spec stays readable."""


def _is_shuffle(numbers: Sequence[int], groups: int) -> bool:
    count = len(numbers)
    return count % groups == 0 and np.array_equal(numbers, np.arange(count).reshape(groups, -1).T.reshape(-1))


def shuffle(site: Site) -> None:
    """A channel shuffle, recognised from its reshapes and transposition."""
    site.emit("shuffle", _with_channels(site, site.x, site.get("axis")), {"groups": str(site.get("groups"))})


def depth_to_space(site: Site) -> None:
    """Channels as the pixels of squares. By default, ONNX's channels are ordered by these pixels first."""
    x, factor = site.image(), int(site.get("blocksize"))
    if site.get("mode", "DCR") == "DCR":
        x = _turned(site, x, factor**2)
    site.emit("pixelshuffle", x, {"factor": str(factor)}, image_shape(site), claimed=True)


def space_to_depth(site: Site) -> None:
    """The pixels of squares as channels, ordered by these pixels first."""
    x, shape = site.image(), image_shape(site)
    line = site.line("pixelunshuffle", x, {"factor": str(int(site.get("blocksize")))}, shape, claimed=True)
    site.result(_turned(site, x.of(line, shape), x.shape.channels))


def pixel_unshuffle(site: Site) -> None:
    """The pixels of squares as channels, recognised from a rearrangement."""
    site.emit("pixelunshuffle", site.image(), {"factor": str(site.get("blocksize"))}, image_shape(site), claimed=True)


def _turned(site: Site, x: Value, groups: int) -> Value:
    """Return a value with the channels of so many groups in turn."""
    if groups in (1, x.shape.channels):
        return x
    return x.of(site.line("shuffle", x, {"groups": str(groups)}, x.shape), x.shape)


def taken(site: Site, x: Value, axis: int, first: int, count: int) -> Value:
    """Return some neighbours along an axis, of which ``first`` is the first: a slice, if these are the channels."""
    if (first, count) == (0, x.sizes[axis]):
        return x
    x = _with_channels(site, x, axis)
    shape = Shape(count, *x.shape[1:])
    line = site.line("slice", x, slice_keys(first, count), shape, claimed=True)
    return _of_channels(x, axis, line, shape)


def _of_channels(x: Value, axis: int, line: int, shape: Shape) -> Value:
    """Return the value of a line with other channels, of which this axis consists."""
    new = replace(x, line=line, shape=shape)
    return replace(new, axes=(*new.axes[:axis], new.single("C"), *new.axes[axis + 1 :]))


def _with_channels(site: Site, x: Value, axis: int) -> Value:
    """Return a value one of whose axes is that of its line's channels; a flattened image becomes a vector for it."""
    if x.shape.is_image and x.is_vector and axis == 1 and x.shape.units > x.shape.channels:
        x = site.draft.vector(x)
    if x.channel_axis != axis:
        what = "images" if x.axes[axis] == ("N",) else f"axis {axis} of {described(x)}"
        raise Inexpressible(f"it divides or rearranges {what}; a spec does so with channels")
    return x
