"""Resize and Upsample of ONNX: maps that are enlarged, shrunk, or brought to a given size."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.views import Value
from netspec.importers.operators.spec.windows import image_shape, pool
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.fault import Fault
from netspec.ir.ops.scaling import METHODS, Interpolate
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import pair

_COORDINATES: Mapping[str, Callable[[int, int, int], Fraction]] = {
    **dict.fromkeys(
        ("half_pixel", "half_pixel_symmetric"),
        lambda i, size, outputs: Fraction((2 * i + 1) * size, 2 * outputs) - Fraction(1, 2),
    ),
    "pytorch_half_pixel": lambda i, size, outputs: (
        Fraction((2 * i + 1) * size, 2 * outputs) - Fraction(1, 2) if outputs > 1 else Fraction(0)
    ),
    "align_corners": lambda i, size, outputs: Fraction(i * (size - 1), max(1, outputs - 1)),
    "asymmetric": lambda i, size, outputs: Fraction(i * size, outputs),
    "tf_half_pixel_for_nn": lambda i, size, outputs: Fraction((2 * i + 1) * size, 2 * outputs),
}
"""The position of output i of so many on an axis of ``size`` pixels, by ``coordinate_transformation_mode``."""

_ROUNDINGS: Mapping[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda position: math.ceil(position - Fraction(1, 2)),
    "round_prefer_ceil": lambda position: math.floor(position + Fraction(1, 2)),
    "floor": math.floor,
    "ceil": math.ceil,
}
"""The pixel at a position, by ``nearest_mode``."""

_OTHER = "it samples at other positions than a spec's upsample and resize"


def resize(site: Site) -> None:
    """A map of another size, if all samples are those of a line ``upsample`` or ``resize``, or of a pooling."""
    x, shape = site.image(), image_shape(site)
    axes = [axis % 4 for axis in site.get("axes", ())]
    if any(site.get(name) for name in ("antialias", "exclude_outside")) or axes not in ([], [2, 3]):
        raise Inexpressible("it filters, or resizes only some axes")
    if site.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Inexpressible("it keeps the ratio of the sides; a spec scales each side by the ratio of its sizes")
    if shape.channels != x.shape.channels:
        raise Inexpressible(f"it resizes {x.shape} to {shape}; a spec keeps the channels")
    _need_scales(site, x.shape, shape)
    if _shrinks_to_pool(site, x, shape):
        return
    sizes, outputs = (x.shape.height, x.shape.width), (shape.height, shape.width)
    positions = [_positions(site, size, count) for size, count in zip(sizes, outputs, strict=True)]
    for method in METHODS:
        op = Interpolate(outputs, method)
        if [op.sampling_positions(axis, sizes[axis]) for axis in (0, 1)] == positions:
            break
    else:
        raise Inexpressible(_OTHER)
    if sizes == outputs:
        site.result(x)
        return
    if (same := op.upsampling(x.shape)) is not None:
        keys = {"factor": pair(same.factor), **({} if method == "nearest" else {"method": method})}
        site.emit("upsample", x, keys, shape, claimed=True)
        return
    resize_to(site, x, shape, op)


def resize_to(site: Site, x: Value, shape: Shape, op: Interpolate) -> Value:
    """Add a line ``resize`` and make it the node's output."""
    return site.emit("resize", x, resize_keys(x.shape, op), shape, claimed=True)


def resize_keys(x: Shape, op: Interpolate) -> dict[str, str]:
    """Return the keys of a line ``resize``. Raises ``Inexpressible`` if it would take other pixels in float32."""
    try:
        op.shape((x,))
    except Fault as fault:
        raise Inexpressible(f"{fault.message.replace('{layer}: ', '')}: {fault.notes[0]}") from None
    return {"size": pair(op.size), **({} if op.method == "bilinear" else {"method": op.method})}


def _shrinks_to_pool(site: Site, x: Value, shape: Shape) -> bool:
    """Add a pooling for a map whose sides are divided by whole numbers, if it has some of its pixels, or the means of
    squares of 2 x 2 pixels."""
    if shape.units >= x.shape.units:
        return False
    if site.node.op == "Upsample":
        raise Inexpressible(f"it resizes {x.shape} to {shape}; Upsample enlarges maps")
    factor = x.shape.height // shape.height, x.shape.width // shape.width
    if any(small * times != large for small, times, large in zip(shape[1:], factor, x.shape[1:], strict=True)):
        return False
    mode, coordinates, rounding = _sampling(site)
    if coordinates == "asymmetric" and (mode == "linear" or (mode == "nearest" and rounding == "floor")):
        pool(site, "maxpool", x, Window((1, 1), factor, kind="pool"))
    elif factor == (2, 2) and mode == "linear" and coordinates in ("half_pixel", "pytorch_half_pixel"):
        pool(site, "avgpool", x, Window((2, 2), (2, 2), kind="pool"))
    else:
        return False
    return True


def _need_scales(site: Site, x: Shape, shape: Shape) -> None:
    """Raise ``Inexpressible`` if the scales are not the ratios of the sizes, which are rounded down: it samples at
    distances of 1 / scale then, unless it aligns the corners."""
    tensor = site.tensor(2 if len(site.node.inputs) > 2 else 1)
    scales = site.get("scales") if tensor is None else tensor.read().reshape(-1).tolist()
    if not scales or site.get("coordinate_transformation_mode") == "align_corners":
        return
    ratios = [after / before for before, after in zip(x[1:], shape[1:], strict=True)]
    if not all(math.isclose(scale, ratio, rel_tol=1e-6) for scale, ratio in zip(scales[-2:], ratios, strict=True)):
        sides = " and ".join(f"{scale:g}" for scale in scales[-2:])
        raise Inexpressible(f"it scales by {sides}, and makes {x} {shape}; a spec scales by the ratio of the sizes")


def _sampling(site: Site) -> tuple[str, str, str]:
    """Return the mode, the coordinates and the rounding of a nearest pixel. Before operator set 11 ONNX says nothing of
    the last two, and onnxruntime samples at i / factor, rounded down."""
    mode = str(site.get("mode", "nearest"))
    if site.node.op == "Upsample" or site.model.opset < 11:
        return mode, "asymmetric", "floor"
    coordinates = str(site.get("coordinate_transformation_mode", "half_pixel"))
    return mode, coordinates, str(site.get("nearest_mode", "round_prefer_floor"))


def _positions(site: Site, size: int, outputs: int) -> tuple[Fraction, ...]:
    """Return the positions at which the outputs of an axis are sampled: whole numbers if pixels are repeated."""
    mode, word, nearest = _sampling(site)
    coordinate = _COORDINATES.get(word)
    rounding = _ROUNDINGS.get(nearest)
    if coordinate is None or rounding is None or mode not in ("nearest", "linear"):
        unknown = word if coordinate is None else nearest if rounding is None else mode
        raise Inexpressible(f"it samples by {unknown}; a spec's upsample is nearest or bilinear")
    at = (coordinate(i, size, outputs) for i in range(outputs))
    if mode == "nearest":
        return tuple(Fraction(min(max(rounding(position), 0), size - 1)) for position in at)
    return tuple(min(max(position, Fraction(0)), Fraction(size - 1)) for position in at)
