"""Layers that read other layers than the one before."""

from __future__ import annotations

from netspec.importers.darknet.site import Site
from netspec.importers.spec.keys import slice_keys
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.keys.texts import number


def route(site: Site) -> int:
    """One layer's output, or a concatenation, of which AlexeyAB's Darknet may take a part of each (``parse_route``)."""
    section = site.section
    inputs = [site.output(number) for number in site.others("layers")]
    groups, group = section.whole("groups", 1, 1), section.whole("group_id", 0, 0)
    if group >= groups:
        raise Rejected(f"group_id is {group}, and the groups are 0 to {groups - 1}", section.place("group_id"))
    if groups > 1:
        inputs = [_part(site, site.image(line), groups, group) for line in inputs]
    if len({site.draft.shape(line)[1:] for line in inputs}) > 1:
        inputs = [site.image(line) for line in inputs]
    shapes = [site.draft.shape(line) for line in inputs]
    if len({shape[1:] for shape in shapes}) > 1:
        note = "they are " + ", ".join(map(str, shapes))
        raise Rejected("its layers have different heights or widths", section.place("layers"), note)
    if len(inputs) > 1:
        shape = Shape(sum(shape.channels for shape in shapes), *shapes[0][1:])
        inputs = [site.line("concat", inputs, {}, shape)]
    return inputs[0]


def _part(site: Site, line: int, groups: int, group: int) -> int:
    shape = site.draft.shape(line)
    if shape.channels % groups:
        reason = f"its parts are no whole channels: {groups} groups of {shape.channels}"
        raise Inexpressible(reason, site.section.place("groups"))
    return _channels(site, line, shape.channels // groups * group, shape.channels // groups)


def _channels(site: Site, line: int, first: int, count: int) -> int:
    """Return these channels of a line."""
    shape = site.draft.shape(line)
    if count == shape.channels:
        return line
    return site.line("slice", [line], slice_keys(first, count), Shape(count, *shape[1:]), claimed=True)


def shortcut(site: Site) -> int:
    """The sum with earlier layers, in the channels that both have: ``shortcut_cpu`` of src/blas.c.

    Of maps that are s times as large, it adds every s-th pixel, from the first one on.
    """
    section, x = site.section, site.image(site.x)
    for name in ("weights_type", "weights_normalization"):
        section.need(name, "none", "its sum has weights; a spec's has none")
    factors = section.real("alpha", 1), section.real("beta", 1)
    numbers = site.others("from")
    for other in [site.image(site.output(layer)) for layer in numbers]:
        x = _sum(site, x, _sampled(site, other, site.draft.shape(x), single=len(numbers) == 1), factors)
    return site.activated(x, "linear")


def _sum(site: Site, x: int, other: int, factors: tuple[float, float]) -> int:
    own, others = site.draft.shape(x), site.draft.shape(other)
    common = min(own.channels, others.channels)
    terms = [_times(site, _channels(site, line, 0, common), f) for line, f in zip((x, other), factors, strict=True)]
    line = site.line("sum", terms, {})
    if common == own.channels:
        return line
    rest = _channels(site, x, common, own.channels - common)
    return site.line("concat", [line, rest], {}, own)


def _times(site: Site, line: int, factor: float) -> int:
    return line if factor == 1 else site.line("linear", [line], {"a": number(factor)})


def _sampled(site: Site, line: int, size: Shape, *, single: bool) -> int:
    """Return maps with the height and width of ``size``: every s-th pixel."""
    shape = site.draft.shape(line)
    if shape[1:] == size[1:]:
        return line
    stride = shape.width // size.width
    fits = -(-shape.height // max(stride, 1)) == size.height and -(-shape.width // max(stride, 1)) == size.width
    if not (single and stride > 1 and fits):
        reason = f"it adds maps of {shape.height}x{shape.width} to maps of {size.height}x{size.width}"
        raise Inexpressible(reason, site.section.place("from"))
    keys = {"kernel": "1", "stride": str(stride)}
    if (shape.height - 1) % stride or (shape.width - 1) % stride:
        keys["rounding"] = "down"
    return site.line("maxpool", [line], keys, Shape(shape.channels, *size[1:]), claimed=True)


def product(site: Site) -> int:
    """``[sam]``, the product with an earlier layer, or ``[scale_channels]``, the product of its maps with a number for
    each (``forward_sam_layer`` and ``forward_scale_channels_layer`` of AlexeyAB's Darknet)."""
    place, numbers = site.section.place("from"), site.others("from")
    if len(numbers) != 1:
        raise Rejected("from must name one layer", place)
    scales = site.section.word == "scale_channels"
    x, other = site.x if scales else site.image(site.x), site.image(site.output(numbers[0]))
    own, shape = site.draft.shape(x), site.draft.shape(other)
    if (own.channels, own.height, own.width) != ((shape.channels, 1, 1) if scales else tuple(shape)):
        raise Rejected(f"it multiplies {shape} by {own}", place)
    factors = [other, site.draft.flattened(x)] if scales else [x, other]
    return site.activated(site.line("product", factors, {}), "linear")
