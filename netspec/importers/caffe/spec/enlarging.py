"""Transposed convolution, and cropping to the size of another value."""

from __future__ import annotations

from netspec.importers.caffe.spec.learnt import weighted
from netspec.importers.caffe.spec.lines import Site, axis_of
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
