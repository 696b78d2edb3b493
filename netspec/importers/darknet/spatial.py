"""Poolings, and layers that move or repeat pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from netspec.importers.darknet.site import Site
from netspec.importers.darknet.weighted import strides
from netspec.importers.spec.keys import pooling_keys
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.fault import Fault
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window
from netspec.keys.texts import number


def pooling(type_: str) -> Callable[[Site], int]:
    """Return the translation of a pooling: ``make_maxpool_layer`` and ``forward_maxpool_layer``.

    ``padding``, by default size - 1, is that of both sides together, of which half, rounded down, is on the left and
    above. Positions outside the image do not count.
    """

    def translate(site: Site) -> int:
        section, x = site.section, site.image(site.x)
        size = section.whole("size", section.whole("stride", 1, 1), 1)
        padding = section.whole("padding", size - 1, 0)
        before, after = padding // 2, padding - padding // 2
        shape = site.draft.shape(x)
        window = Window((size, size), strides(section), Pad(before, after, before, after), rounding="down", kind="pool")
        try:
            rows, columns = window.fit(shape.height, shape.width)
            window = replace(window, pad=window.effective_pad(shape.height, shape.width))
        except Fault as fault:
            message = fault.message.format(layer=f"[{section.word}]")
            raise Rejected(message, section.place("size", "padding"), *fault.notes) from None
        output = Shape(shape.channels, rows.output, columns.output)
        if window == Window((1, 1), rounding="down", kind="pool"):
            return x
        keys = pooling_keys(window) | ({"rounding": "down"} if rows.unread or columns.unread else {})
        return site.line(type_, [x], keys, output, claimed=True)

    return translate


def avgpool(site: Site) -> int:
    """The mean of each map (``forward_avgpool_layer``)."""
    x = site.image(site.x)
    shape = Shape(site.draft.shape(x).channels, 1, 1)
    return site.line("avgpool", [x], {"kernel": "global"}, shape)


def upsample(site: Site) -> int:
    """Each pixel repeated, times a number (``upsample_cpu`` of src/blas.c)."""
    section, x = site.section, site.image(site.x)
    if section.whole("stride", 2) < 0:
        raise Inexpressible("with a stride below 0, it adds up pixels", section.place("stride"))
    stride, scale = section.whole("stride", 2, 1), section.real("scale", 1)
    channels, height, width = site.draft.shape(x)
    shape = Shape(channels, height * stride, width * stride)
    line = site.line("upsample", [x], {"factor": str(stride)}, shape, claimed=True)
    if scale != 1:
        line = site.line("linear", [line], {"a": number(scale)})
    return line


def reorg(site: Site) -> int:
    """The pixels of squares as channels, or the reverse: ``reorg_cpu`` of src/blas.c.

    Darknet reads the numbers of c x h x w as if they were c / s^2 maps of s h x s w before it makes channels of
    squares. The channels of the same pixel of the squares stand together.
    """
    section, x = site.section, site.image(site.x)
    s, shape = section.whole("stride", 1, 1), site.draft.shape(x)
    channels, height, width = shape
    if channels % (s * s) or (not section.whole("reverse", 0) and (height % s or width % s)):
        raise Inexpressible(f"{s} x {s} does not divide its input, {shape}", section.place("stride"))
    maps = channels // (s * s)
    large = Shape(maps, height * s, width * s)
    if section.whole("reverse", 0):
        line = site.line("shuffle", [x], {"groups": str(s * s)})
        return site.line("pixelshuffle", [line], {"factor": str(s)}, large, claimed=True)
    line = site.line("reshape", [x], {"size": str(large)}, large)
    line = site.line("pixelunshuffle", [line], {"factor": str(s)}, shape)
    line = site.line("shuffle", [line], {"groups": str(maps)})
    small = Shape(channels * s * s, height // s, width // s)
    return site.line("reshape", [line], {"size": str(small)}, small)
