"""Layers that move numbers without computing anything."""

from __future__ import annotations

import math
from dataclasses import replace

from netspec.importers.caffe.spec.lines import Site, axis_of, described
from netspec.importers.spec.keys import slice_keys
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape


def split(site: Site) -> None:
    """Copies of a value."""
    for place in range(len(site.layer.tops)):
        site.result(site.x, place)


def flatten(site: Site) -> None:
    """All axes after the first as one, which needs no line: what reads it knows the order of an image."""
    parameter, x = site.parameter("flatten_param"), site.x
    first, last = axis_of(parameter, x), axis_of(parameter, x, "end_axis")
    if first > last:
        raise Rejected("its end_axis is before its axis", parameter.place("end_axis", "axis"))
    if first == 0 and last > 0:
        raise Inexpressible("it joins the images with other axes", parameter.place("axis"))
    sizes = (1, *x.sizes)
    joined = (*sizes[:first], math.prod(sizes[first : last + 1]), *sizes[last + 1 :])
    site.result(replace(x, sizes=joined[1:]))


def reshape(site: Site) -> None:
    """Other axes of the same numbers: 0 keeps an axis, -1 is what remains."""
    parameter, x = site.parameter("reshape_param"), site.x
    rank = len(x.sizes) + 1
    axis, count = parameter.integer("axis"), parameter.integer("num_axes")
    start = axis if axis >= 0 else rank + axis + 1
    end = rank if count == -1 else start + count
    if not 0 <= start <= end <= rank:
        raise Rejected(f"its bottom has {rank} axes", parameter.place("axis", "num_axes"))
    wanted = parameter.message("shape").integers("dim")
    sizes = _sizes(site, [None, *x.sizes], start, end, wanted)
    if sizes is None:
        raise Inexpressible(f"it divides the axes of {described(x)} otherwise, the images among them")
    site.result(replace(x, sizes=sizes))


def _sizes(site: Site, before: list[int | None], start: int, end: int, wanted: list[int]) -> tuple[int, ...] | None:
    """Return the new sizes without that of the images, which is ``None`` in ``before``.

    ``None`` if the images may be an axis of another size then.
    """
    place = site.parameter("reshape_param").place("shape")
    numbers: list[int | None] = []
    for index, dim in enumerate(wanted):
        if dim == 0 and start + index >= len(before):
            raise Rejected(f"dim 0 keeps axis {start + index}, which its bottom does not have", place)
        numbers.append(before[start + index] if dim == 0 else dim)
    result = [*before[:start], *numbers, *before[end:]]
    own = math.prod(size for size in before if size is not None)
    if not result or None in result[1:]:
        return None
    if result[0] is not None:  # a number in place of the images' axis: -1, or the size of the batch
        if result[0] != -1 or -1 in result[1:] or _product(result[1:]) != own:
            return None
        return tuple(size for size in result[1:] if size is not None)
    sizes = [size for size in result[1:] if size is not None]
    known = math.prod(size for size in sizes if size != -1)
    if sizes.count(-1) == 1 and known and own % known == 0:
        sizes[sizes.index(-1)] = own // known
    if math.prod(sizes) != own or min(sizes, default=1) < 1:
        raise Rejected(f"its bottom has {own} numbers, its top {' x '.join(map(str, sizes))}", place)
    return tuple(sizes)


def _product(sizes: list[int | None]) -> int:
    return math.prod(size for size in sizes if size is not None)


def concat(site: Site) -> None:
    """Concatenation of channels or features."""
    parameter, values = site.parameter("concat_param"), site.values
    name = "concat_dim" if parameter.has("concat_dim") else "axis"
    if parameter.has("axis") and parameter.has("concat_dim"):
        raise Rejected("axis and concat_dim are both given", parameter.place("concat_dim"))
    if axis_of(parameter, values[0], name) != 1:
        raise Inexpressible("it joins along another axis than the channels", parameter.place(name))
    if len({(len(value.sizes), *value.sizes[1:]) for value in values}) > 1:
        note = " and ".join(map(described, values))
        raise Rejected("its bottoms differ in other axes than the channels", site.layer.record.place("bottom"), note)
    if len(values) == 1:
        site.result(values[0])
        return
    values = [site.features(place) for place in range(len(values))]
    channels = sum(value.shape.channels for value in values)
    shape = Shape(channels, *values[0].shape[1:])
    lines = [value.line for value in values]
    line = site.draft.new_line("concat", lines, {}, shape, origin=site.layer, claimed=True)
    site.result(values[0].of(line, shape))


def slice_(site: Site) -> None:
    """A line for each top: some of the channels or features (src/caffe/layers/slice_layer.cpp)."""
    parameter, x = site.parameter("slice_param"), site.value(0)
    name = "slice_dim" if parameter.has("slice_dim") else "axis"
    if parameter.has("axis") and parameter.has("slice_dim"):
        raise Rejected("axis and slice_dim are both given", parameter.place("slice_dim"))
    if axis_of(parameter, x, name) != 1:
        raise Inexpressible("it divides another axis than the channels", parameter.place(name))
    x, ends = site.features(), _ends(site, x.sizes[0])
    if len(ends) == 1:
        site.result(x)
        return
    for place, (first, end) in enumerate(zip((0, *ends), ends, strict=False)):
        keys = slice_keys(first, end - first)
        shape = Shape(end - first, *x.shape[1:])
        hint = (site.layer.tops[place],)
        line = site.draft.new_line("slice", [x.line], keys, shape, origin=site.layer, hint=hint, claimed=True)
        site.result(x.of(line, shape), place)


def _ends(site: Site, channels: int) -> tuple[int, ...]:
    """Return the number after the last channel of each top."""
    parameter, tops = site.parameter("slice_param"), len(site.layer.tops)
    points = parameter.integers("slice_point")
    if not points:
        if channels % tops:
            raise Rejected(f"its {tops} tops do not divide its {channels} channels", site.layer.record.place("top"))
        return tuple(range(channels // tops, channels + 1, channels // tops))
    if len(points) != tops - 1:
        raise Rejected(f"it has {tops} tops and {len(points)} slice_point", parameter.place("slice_point"))
    ends = (*points, channels)
    if any(end <= before for before, end in zip((0, *ends), ends, strict=False)):
        reason = f"its slice_point do not increase from 1 to {channels - 1}, its number of channels less 1"
        raise Rejected(reason, parameter.place("slice_point"))
    return ends


def shuffle(site: Site) -> None:
    """A channel shuffle, a layer of other versions of Caffe."""
    parameter, x = site.parameter("shuffle_channel_param"), site.features()
    groups = parameter.integer("group")
    if groups < 1 or x.shape.channels % groups:
        raise Rejected(f"its group does not divide its {x.shape.channels} channels", parameter.place("group"))
    if groups == 1:
        site.result(x)
        return
    site.emit("shuffle", x, {"groups": str(groups)})
