"""Transposed convolution, interpolation, and cropping to the size of another value."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.learnt import weighted
from netspec.importers.caffe.spec.lines import MOST_OUTPUTS, Site, axis_of
from netspec.importers.caffe.spec.windows import convolution_window, filters_and_groups
from netspec.importers.spec.keys import convolution_keys, crop_keys, slice_keys
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.ir.window import TransposedWindow

CHANNELS, HEIGHT = 1, 2
"""The axes of an image's channels and height; that of the images is 0."""


def deconvolution(site: Site) -> None:
    """Transposed convolution: (size - 1) * stride + extent - 2 * pad (src/caffe/layers/deconv_layer.cpp)."""
    parameter, x = site.parameter("convolution_param"), site.image()
    filters, groups = filters_and_groups(site, parameter, x)
    plain = convolution_window(parameter)
    window = TransposedWindow(plain.kernel, plain.stride, plain.pad, plain.dilation)
    try:
        rows, columns = window.fit(x.shape.height, x.shape.width)
    except Fault as fault:
        raise Rejected("its padding cuts off all of its top", parameter.place("pad", "pad_h"), *fault.notes) from None
    shape = Shape(filters, rows.output, columns.output)
    keys = convolution_keys(filters, window, groups)
    weighted(site, "deconv", x, keys, shape, (x.shape.channels, filters // groups, *window.kernel), groups)


def interp(site: Site) -> None:
    """Bilinear interpolation in which the outermost pixels keep their values, a layer of DeepLab's Caffe.

    Pixels are cut off where the padding is below 0. The size is ``height`` and ``width``, or follows from the factors
    (src/caffe/layers/interp_layer.cpp).
    """
    parameter, x = site.parameter("interp_param"), site.image()
    begin, end = -parameter.integer("pad_beg"), -parameter.integer("pad_end")
    kept = [size - begin - end for size in x.shape[1:]]
    if min(begin, end) < 0 or min(kept) < 1:
        raise Rejected("its padding is above 0, or cuts off all of its maps", parameter.place("pad_beg", "pad_end"))
    if begin or end:
        keys, shape = crop_keys(begin, begin, *kept), Shape(x.shape.channels, *kept)
        x = x.of(site.draft.new_line("crop", [x.line], keys, shape, hint=(f"{site.layer.name}_crop",)), shape)
    height, width = _interpolated(parameter, kept)
    if (height, width) == tuple(x.shape[1:]):
        site.result(x)
        return
    size = str(height) if height == width else f"{height}x{width}"
    shape = Shape(x.shape.channels, height, width)
    site.emit("resize", x, {"size": size, "method": "corners"}, shape, claimed=True)


def _interpolated(parameter: Record, sizes: Sequence[int]) -> tuple[int, ...]:
    """Return the height and width of a layer Interp. A size shrinks before it grows."""
    zoom, shrink = parameter.has("zoom_factor"), parameter.has("shrink_factor")
    given = [parameter.integer(name) for name in ("height", "width") if parameter.has(name)]
    if zoom == shrink and len(given) == 2:
        result = tuple(given)
    elif zoom or shrink:
        factor, divisor = parameter.integer("zoom_factor"), parameter.integer("shrink_factor")
        if min(factor, divisor) < 1:
            raise Rejected("its factor is below 1", parameter.place("zoom_factor", "shrink_factor"))
        shrunk = [(size - 1) // divisor + 1 for size in sizes]
        result = tuple(size + (size - 1) * (factor - 1) for size in shrunk)
    else:
        raise Rejected("it has no height and width, and no factor", parameter.place("height", "width"))
    if not 0 < min(result) <= max(result) <= MOST_OUTPUTS:
        raise Rejected(f"its size is {result[0]}x{result[1]}", parameter.place("height", "width", "zoom_factor"))
    return result


def crop(site: Site) -> None:
    """The part of a value with the size of another one: of the axes from ``axis`` on, behind ``offset`` numbers."""
    parameter, x, size = site.parameter("crop_param"), site.image(), site.image(1)
    axis, offsets = axis_of(parameter, x), parameter.integers("offset")
    cropped = range(axis, 4)
    if len(offsets) > 1 and len(offsets) != len(cropped):
        raise Rejected(f"it has {len(offsets)} offset, and crops {len(cropped)} axes", parameter.place("offset"))
    offset = dict(zip(cropped, offsets if len(offsets) > 1 else (offsets or [0]) * len(cropped), strict=True))
    sizes, wanted = (0, *x.shape), (0, *size.shape)
    for place in cropped:
        if offset[place] + wanted[place] > sizes[place] and place > 0:
            note = f"axis {place}: {offset[place]} + {wanted[place]} of {sizes[place]}"
            raise Rejected("it crops more than there is", parameter.place("offset", "axis"), note)
    if 0 in cropped and offset[0]:
        raise Inexpressible("it takes some of the images", parameter.place("axis", "offset"))
    if CHANNELS in cropped and wanted[CHANNELS] != sizes[CHANNELS]:
        keys, shape = slice_keys(offset[CHANNELS], wanted[CHANNELS]), Shape(wanted[CHANNELS], *x.shape[1:])
        x = x.of(
            site.draft.new_line("slice", [x.line], keys, shape, hint=(f"{site.layer.name}_slice",), claimed=True), shape
        )
    top, left = offset.get(HEIGHT, 0), offset[HEIGHT + 1]
    height = wanted[HEIGHT] if HEIGHT in cropped else sizes[HEIGHT]
    width = wanted[HEIGHT + 1]
    if (top, left, height, width) == (0, 0, *x.shape[1:]):
        site.result(x)
        return
    site.emit("crop", x, crop_keys(top, left, height, width), Shape(x.shape.channels, height, width), claimed=True)
