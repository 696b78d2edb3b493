"""Operators that move numbers without computing anything."""

from __future__ import annotations

from dataclasses import replace

from netspec.importers.operators.graph.model import REAL_TYPES
from netspec.importers.operators.spec.broadcasting import repeated
from netspec.importers.operators.spec.channels import chosen
from netspec.importers.operators.spec.constants import constant_channels
from netspec.importers.operators.spec.lines import Site, as_image, described
from netspec.importers.operators.spec.views import C, H, N, Value, W, image
from netspec.importers.operators.spec.windows import pool
from netspec.importers.spec.keys import crop_keys
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape
from netspec.ir.window import Window


def same(site: Site) -> None:
    """The value itself."""
    site.result(site.x)


def cast(site: Site) -> None:
    """Another type of numbers; only types of real numbers."""
    if site.get("to") not in REAL_TYPES:
        raise Inexpressible("it rounds to whole numbers or truth values")
    site.result(site.x)


def reshape(site: Site) -> None:
    """Another shape: of the view if possible, else a line ``reshape``."""
    sizes, x = site.output_sizes(), site.x
    viewed = _with_new_axes(site, x, len(sizes)) if site.node.op == "Unsqueeze" else x.reshaped(sizes)
    if viewed is not None:
        site.result(viewed)
        return
    if not (x.is_image or x.is_vector) or sizes[0] != x.batch or len(sizes) not in (2, 4):
        after = " x ".join(["N" if sizes[:1] == (x.batch,) else str(sizes[0]), *map(str, sizes[1:])])
        raise Inexpressible(f"it divides the axes of {described(x)} otherwise: to {after}")
    shape = Shape(*sizes[1:])
    line = site.line("reshape", x, {"size": str(shape)}, shape)
    site.result(image(line, shape, x.batch))


def _with_new_axes(site: Site, x: Value, rank: int) -> Value:
    """Return a value with the axes of length 1 that an Unsqueeze adds, which that of a single image might be."""
    axes = list(x.axes)
    for place in sorted(axis % rank for axis in site.model.axes_of(site.node) or ()):
        axes.insert(place, ())
    return replace(x, axes=tuple(axes))


def expand(site: Site) -> None:
    """A value repeated along axes. A product repeats its factors itself."""
    (x, sizes), output = (site.x, site.output_sizes()), site.node.outputs[0]
    readers = site.model.readers.get(output, [])
    others = [name for node in readers for name in node.inputs if name != output]
    made = [site.model.producers.get(name) for name in others]
    multiplied = output not in site.model.outputs and all(node.op == "Mul" for node in readers)
    whole = all(site.model.shapes.get(name) == sizes for name in others)
    if sizes == x.sizes or (multiplied and whole and not any(node and node.op == "Expand" for node in made)):
        site.stand_in(x)
        return
    x = replace(x, axes=(*((),) * (len(sizes) - len(x.axes)), *x.axes))
    names = zip((N, C, H, W), x.axes, sizes, strict=False)
    axes = tuple(own or ((name,) if size > 1 else ()) for name, own, size in names)
    shape = Shape(*sizes[1:]) if len(sizes) in (2, 4) and sizes[:1] == (x.batch,) else None
    found = repeated(site, x, axes, shape) if shape is not None else None
    if found is None or found.sizes != sizes:
        raise Inexpressible("it repeats a value along other axes than the channels, rows and columns of an image")
    site.result(found)


def transpose(site: Site) -> None:
    """Another order of the axes, which only changes the view."""
    x = site.x
    order = site.get("perm", tuple(reversed(range(len(x.axes)))))
    if len(order) != len(x.axes):
        raise Inexpressible(f"it gives an order of {len(order)} axes, and its input has {len(x.axes)}")
    site.result(x.transposed(order))


def concat(site: Site) -> None:
    """Concatenation of channels or features, some of which may be constant."""
    computed = next((place for place, name in enumerate(site.node.inputs) if name not in site.model.tensors), 0)
    x = site.value(computed)
    constant = [site.model.tensors.get(name) for name in site.node.inputs]
    values = [
        site.value(place) if tensor is None else constant_channels(site, x, tensor)
        for place, tensor in enumerate(constant)
    ]
    if len(values) == 1:
        site.result(values[0])
        return
    axis = site.get("axis") % len(values[0].axes)
    if not all(_has_channels(value, axis) for value in values):
        if axis != 1 or not all(value.is_vector for value in values):
            raise Inexpressible(f"it joins {described(values[0])} along axis {axis}; a spec joins channels")
        values = [site.draft.vector(value) for value in values]
    others = {(*value.axes[:axis], *value.axes[axis + 1 :]) for value in values}
    if len(others) > 1:
        raise Inexpressible(f"it joins {' and '.join(described(value) for value in values)}")
    if len({value.shape[1:] for value in values}) > 1:
        values = [site.draft.vector(value) for value in values]
    first = values[0]
    channels = sum(value.shape.channels for value in values)
    shape = Shape(channels, *first.shape[1:])
    line = site.draft.new_line("concat", [v.line for v in values], {}, shape, origin=site.node, claimed=True)
    site.result(replace(first, line=line, shape=shape, axes=(*first.axes[:axis], ("C",), *first.axes[axis + 1 :])))


def _has_channels(value: Value, axis: int) -> bool:
    """Whether this axis of a value is that of the channels."""
    others = (*value.axes[:axis], *value.axes[axis + 1 :])
    return value.axes[axis] == value.single("C") and not any("C" in group for group in others)


def slice_(site: Site) -> None:
    """Some of the channels, a rectangle of an image, or its mirror image."""
    x, sizes = site.x, site.output_sizes()
    starts, steps = _slice_numbers(site, len(x.axes))
    changed = [place for place, size in enumerate(sizes) if size != x.sizes[place] or steps.get(place, 1) != 1]
    for place in changed:
        if x.axes[place] == ("N",):
            raise Inexpressible("it takes some of the images")
        if place == x.channel_axis or not (x.shape.is_image and x.is_image):
            first = starts.get(place, 0)
            first = first + x.sizes[place] if first < 0 else first
            step = steps.get(place, 1)
            first = min(max(first, 0), x.sizes[place] - (step < 0))
            x = chosen(site, x, place, range(first, first + step * sizes[place], step))
            changed = [other for other in changed if other != place]
    if not changed:
        site.result(x)
        return
    x = as_image(site.draft, x)
    if steps.get(3) == -1 and changed == [3] and sizes[3] == x.sizes[3]:
        site.emit("mirror", x)
        return
    if any(step < 1 for step in steps.values()):
        raise Inexpressible("it takes pixels in reverse order")
    top, left = (_first(starts.get(place, 0), x.sizes[place]) for place in (2, 3))
    if any(step != 1 for step in steps.values()):
        _take_every(site, x, (top, left), (steps.get(2, 1), steps.get(3, 1)))
        return
    site.emit("crop", x, crop_keys(top, left, *sizes[2:]), Shape(*sizes[1:]), claimed=True)


def _take_every(site: Site, x: Value, first: tuple[int, int], stride: tuple[int, int]) -> None:
    """Every second pixel, or third, ...: a pooling of single pixels, of a crop if it does not begin at the first."""
    after = Shape(*site.output_sizes()[1:])
    window = Window((1, 1), stride, kind="pool")
    if (
        first != (0, 0)
        or (x.shape[1] - 1) // stride[0] + 1 != after[1]
        or (x.shape[2] - 1) // stride[1] + 1 != after[2]
    ):
        read = Shape(x.shape.channels, *((n - 1) * step + 1 for n, step in zip(after[1:], stride, strict=True)))
        x = x.of(site.line("crop", x, crop_keys(*first, *read[1:]), read, claimed=True), read)
    pool(site, "maxpool", x, window)


def _first(start: int, size: int) -> int:
    return min(max(start + size if start < 0 else start, 0), size)


def _slice_numbers(site: Site, rank: int) -> tuple[dict[int, int], dict[int, int]]:
    """Return where the slice of each axis starts, and its step. They are inputs since operator set 10."""

    def read(index: int, attribute: str) -> list[int] | None:
        tensor = site.tensor(index)
        numbers = site.get(attribute) if tensor is None else tensor.read().reshape(-1)
        return None if numbers is None else [int(number) for number in numbers]

    starts = read(1, "starts") or []
    axes = [axis % rank for axis in read(3, "axes") or range(len(starts))]
    steps = read(4, "steps") or [1] * len(axes)
    return dict(zip(axes, starts, strict=True)), dict(zip(axes, steps, strict=True))
