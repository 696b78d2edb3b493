"""Resize and Upsample of ONNX, as far as they enlarge maps by whole numbers of times."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from netspec.importers.operators.graph.model import Inexpressible
from netspec.importers.operators.spec.lines import Site
from netspec.importers.operators.spec.views import Value
from netspec.importers.operators.spec.windows import image_shape, pool
from netspec.ir.ops.scaling import MAX_FACTOR, METHODS, Upsample
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import pair

_COORDINATES: Mapping[str, Callable[[int, int, int], Fraction]] = {
    "half_pixel": lambda i, size, factor: Fraction(2 * i + 1, 2 * factor) - Fraction(1, 2),
    "half_pixel_symmetric": lambda i, size, factor: Fraction(2 * i + 1, 2 * factor) - Fraction(1, 2),
    "pytorch_half_pixel": lambda i, size, factor: (
        Fraction(2 * i + 1, 2 * factor) - Fraction(1, 2) if size * factor > 1 else Fraction(0)
    ),
    "align_corners": lambda i, size, factor: Fraction(i * (size - 1), max(1, size * factor - 1)),
    "asymmetric": lambda i, size, factor: Fraction(i, factor),
    "tf_half_pixel_for_nn": lambda i, size, factor: Fraction(2 * i + 1, 2 * factor),
}
"""The position of output i on an axis of ``size`` pixels, by ``coordinate_transformation_mode``."""

_ROUNDINGS: Mapping[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda position: math.ceil(position - Fraction(1, 2)),
    "round_prefer_ceil": lambda position: math.floor(position + Fraction(1, 2)),
    "floor": math.floor,
    "ceil": math.ceil,
}
"""The pixel at a position, by ``nearest_mode``."""


def resize(site: Site) -> None:
    """A map that is enlarged by repeating or interpolating pixels, if all samples are those of a line ``upsample``."""
    x, shape = site.image(), image_shape(site)
    if any(site.get(name) for name in ("antialias", "exclude_outside", "axes")):
        raise Inexpressible("it filters, or resizes only some axes")
    if shape.channels == x.shape.channels and shape.units < x.shape.units:
        _shrink(site, x, shape)
        return
    if shape.channels != x.shape.channels or shape.height % x.shape.height or shape.width % x.shape.width:
        raise Inexpressible(f"it resizes {x.shape} to {shape}; a spec's upsample multiplies sides by whole numbers")
    factor = shape.height // x.shape.height, shape.width // x.shape.width
    _need_scales(site, factor)
    if max(factor) > MAX_FACTOR:
        raise Inexpressible(f"it enlarges by more than {MAX_FACTOR} times")
    sizes = x.shape.height, x.shape.width
    positions = [_positions(site, size, times) for size, times in zip(sizes, factor, strict=True)]
    for method in METHODS:
        op = Upsample(factor, method)
        if [op.sampling_positions(axis, sizes[axis]) for axis in (0, 1)] == positions:
            break
    else:
        raise Inexpressible("it samples at other positions than a spec's upsample and resize")
    if factor == (1, 1):
        site.result(x)
        return
    keys = {"factor": pair(factor), **({} if method == "nearest" else {"method": method})}
    site.emit("upsample", x, keys, shape, claimed=True)


def _shrink(site: Site, x: Value, shape: Shape) -> None:
    """A map whose sides are divided by whole numbers: some of its pixels, or the means of squares of 2 x 2 pixels."""
    factor = x.shape.height // shape.height, x.shape.width // shape.width
    divides = all(small * times == large for small, times, large in zip(shape[1:], factor, x.shape[1:], strict=True))
    tensor = site.tensor(2 if len(site.node.inputs) > 2 else 1)
    scales = site.get("scales") if tensor is None else tensor.read().tolist()
    mode, coordinates, rounding = _sampling(site)
    if (
        site.node.op == "Upsample"
        or not divides
        or (scales and any(s * f != 1 for s, f in zip(scales[-2:], factor, strict=True)))
    ):
        raise Inexpressible(f"it resizes {x.shape} to {shape}; a spec's upsample multiplies sides by whole numbers")
    if coordinates == "asymmetric" and (mode == "linear" or (mode == "nearest" and rounding == "floor")):
        window, type_ = Window((1, 1), factor, kind="pool"), "maxpool"
    elif factor == (2, 2) and mode == "linear" and coordinates in ("half_pixel", "pytorch_half_pixel"):
        window, type_ = Window((2, 2), (2, 2), kind="pool"), "avgpool"
    else:
        raise Inexpressible(f"it shrinks {x.shape} to {shape}, and not by every n-th pixel or means of 2 x 2 pixels")
    pool(site, type_, x, window)


def _need_scales(site: Site, factor: tuple[int, int]) -> None:
    """Raise ``Inexpressible`` if the scales are not whole numbers, from which the sizes are rounded down: it samples at
    distances of 1 / scale then, unless it aligns the corners."""
    tensor = site.tensor(2 if len(site.node.inputs) > 2 else 1)
    scales = site.get("scales") if tensor is None else tensor.read().tolist()
    if scales and site.get("coordinate_transformation_mode") != "align_corners" and tuple(scales[-2:]) != factor:
        sides = " and ".join(f"{scale:g}" for scale in scales[-2:])
        raise Inexpressible(f"it scales by {sides}; a spec's upsample multiplies sides by whole numbers")


def _sampling(site: Site) -> tuple[str, str, str]:
    """Return the mode, the coordinates and the rounding of a nearest pixel. Before operator set 11 ONNX says nothing of
    the last two, and onnxruntime samples at i / factor, rounded down."""
    mode = str(site.get("mode", "nearest"))
    if site.node.op == "Upsample" or site.model.opset < 11:
        return mode, "asymmetric", "floor"
    coordinates = str(site.get("coordinate_transformation_mode", "half_pixel"))
    return mode, coordinates, str(site.get("nearest_mode", "round_prefer_floor"))


def _positions(site: Site, size: int, factor: int) -> tuple[Fraction, ...]:
    """Return the positions at which the outputs of an axis are sampled: whole numbers if pixels are repeated."""
    mode, word, nearest = _sampling(site)
    coordinate = _COORDINATES.get(word)
    if coordinate is None or mode not in ("nearest", "linear"):
        raise Inexpressible(f"it samples by {mode if coordinate else word}; a spec's upsample is nearest or bilinear")
    rounding = _ROUNDINGS[nearest]
    at = (coordinate(i, size, factor) for i in range(size * factor))
    if mode == "nearest":
        return tuple(Fraction(min(max(rounding(position), 0), size - 1)) for position in at)
    return tuple(min(max(position, Fraction(0)), Fraction(size - 1)) for position in at)
