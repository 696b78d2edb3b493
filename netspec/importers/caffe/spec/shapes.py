"""Layers that move numbers without computing anything."""

from __future__ import annotations

import math
from dataclasses import replace

from netspec.importers.caffe.net.problem import Inexpressible, Rejected
from netspec.importers.caffe.spec.lines import Site, axis_of, described
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
    line = site.draft.new_line("concat", lines, {}, shape, layer=site.layer, claimed=True)
    site.result(values[0].of(line, shape))
