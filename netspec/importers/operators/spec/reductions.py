"""Means, maxima and sums over some axes."""

from __future__ import annotations

from dataclasses import replace

from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.views import Value
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape
from netspec.keys.texts import pair

_POOLS = {"ReduceMean": "avgpool", "ReduceMax": "maxpool", "ReduceSum": "sumpool"}


def reduce(site: Site) -> None:
    """A pooling over height, width or both, and a reduction of the channels."""
    x = site.x
    axes = _reduced_axes(site, len(x.axes))
    reduced = {axis for place in axes for axis in x.axes[place]}
    if "N" in reduced:
        raise Inexpressible("it reduces all images of a batch to one")
    if reduced & {"H", "W"}:
        x = _over_pixels(site, x, reduced)
    if "C" in reduced:
        x = _over_channels(site, x)
    groups = [() if place in axes else group for place, group in enumerate(x.axes)]
    if not site.get("keepdims", 1):
        groups = [group for place, group in enumerate(groups) if place not in axes]
    site.result(replace(x, axes=tuple(groups)))


def _over_pixels(site: Site, x: Value, reduced: set[str]) -> Value:
    height, width = x.shape[1:]
    kernel = (height if "H" in reduced else 1), (width if "W" in reduced else 1)
    text = "global" if kernel == (height, width) else pair(kernel)
    shape = Shape(x.shape.channels, height // kernel[0], width // kernel[1])
    return replace(x, line=site.line(_POOLS[site.node.op], x, {"kernel": text}, shape), shape=shape)


def _over_channels(site: Site, x: Value) -> Value:
    shape = Shape(1, *x.shape[1:])
    line = site.line("channelmax" if site.node.op == "ReduceMax" else "channelmean", x, {}, shape)
    if site.node.op == "ReduceSum":
        line = site.draft.new_line("linear", [line], {"a": site.literal(x.shape.channels)}, shape, origin=site.node)
    return replace(x, line=line, shape=shape)


def reduce_groups(site: Site) -> None:
    """A reduction of each of several groups of channels. If these alternate, a shuffle puts each together."""
    x, (first, second), axis = site.value(0), site.get("parts"), site.get("axis")
    if x.channel_axis != 1 or not (x.is_image or x.is_vector):
        raise Inexpressible("it reduces parts of other axes than the channels")
    if axis == 1 and first > 1 and second > 1:
        x = x.of(site.line("shuffle", x, {"groups": str(first)}, x.shape), x.shape)
    groups = first if axis == 2 else second
    keys = {"groups": str(groups)} if groups > 1 else {}
    shape = Shape(groups, *x.shape[1:])
    line = site.line("channelmax" if site.node.op.endswith("Max") else "channelmean", x, keys, shape)
    if site.node.op.endswith("Sum"):
        each = {"a": site.literal(x.shape.channels // groups)}
        line = site.draft.new_line("linear", [line], each, shape, origin=site.node)
    value = replace(x, line=line, shape=shape)
    site.result(replace(value, axes=(value.axes[0], value.single("C"), *value.axes[2:])))


def _reduced_axes(site: Site, rank: int) -> tuple[int, ...]:
    axes = site.model.axes_of(site.node)
    if axes is None:
        site.tensor(1)  # raises Inexpressible if they are computed
    if not axes:
        return () if site.get("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(axis % rank for axis in axes)
