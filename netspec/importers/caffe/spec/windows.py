"""Convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.importers.caffe.net.types import DEPTHWISE
from netspec.importers.caffe.schema.record import Record
from netspec.importers.caffe.spec.learnt import weighted
from netspec.importers.caffe.spec.lines import Site, Value, axis_of, outputs_of
from netspec.importers.spec.keys import UnfitError, convolution_keys, pooling_keys, rounding_keys
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Window

Sides = tuple[int, int]
"""Numbers for height and width."""


def convolution(site: Site) -> None:
    """Convolution: its size is rounded down, and a window may lie in the padding alone."""
    parameter, x = site.parameter("convolution_param"), site.image()
    filters, groups = filters_and_groups(site, parameter, x)
    window = convolution_window(parameter)
    shape = Shape(filters, *(_down(window, parameter, axis, size) for axis, size in _axes(x)))
    keys = convolution_keys(filters, window, groups) | _rounding(window, x, shape)
    weighted(site, "conv", x, keys, shape, (filters, x.shape.channels // groups, *window.kernel), groups)


def filters_and_groups(site: Site, parameter: Record, x: Value) -> tuple[int, int]:
    """Return the numbers of filters and groups of a convolution of ``x``. Raises ``Inexpressible`` and ``Rejected``."""
    if axis_of(parameter, x) != 1:
        raise Inexpressible("its channels are another axis than the second", parameter.place("axis"))
    if len(site.layer.bottoms) != 1:
        raise Inexpressible("it convolves several bottoms with the same weights; the layers of a spec have one input")
    filters, groups = outputs_of(site, parameter), parameter.integer("group")
    if site.layer.type in DEPTHWISE:
        groups = x.shape.channels
        if filters != groups:
            raise Inexpressible(f"it has {groups} channels and {filters} filters", parameter.place("num_output"))
    if groups == 0 or filters % groups or x.shape.channels % groups:
        note = f"{x.shape.channels} channels, {filters} filters, {groups} groups"
        raise Rejected("group must divide its channels and num_output", parameter.place("group", "num_output"), note)
    return filters, groups


def convolution_window(parameter: Record) -> Window:
    """Return the kernel, stride, padding and dilation of a convolution."""
    dilation = _repeated(parameter, "dilation")
    if 0 in dilation:
        raise Inexpressible("its dilation is 0", parameter.place("dilation"))
    return Window(_kernel(parameter), _strides(parameter), _padding(parameter), dilation)


def pooling(site: Site) -> None:
    """Pooling: its size is rounded up, but a last window that begins in the padding is left out."""
    parameter, x = site.parameter("pooling_param"), site.image()
    method = parameter.text("pool")
    if method == "STOCHASTIC":
        raise Inexpressible("its pooling is stochastic", parameter.place("pool"))
    if len(site.layer.tops) > 1 and site.draft.readers.get(site.top(1)):
        raise Inexpressible("its second top, the places of the maxima, is read")
    type_ = {"MAX": "maxpool", "AVE": "avgpool"}[method]
    if parameter.flag("global_pooling"):
        _check_global(parameter)
        site.emit(type_, x, {"kernel": "global"}, Shape(x.shape.channels, 1, 1), claimed=False)
        return
    window = Window(_kernel(parameter), _strides(parameter), _padding(parameter), kind="pool")
    if window.kernel[0] <= window.pad.top or window.kernel[1] <= window.pad.left:
        raise Rejected("its padding is not smaller than its window", parameter.place("pad", "pad_h", "pad_w"))
    shape = Shape(x.shape.channels, *(_up(window, parameter, axis, size) for axis, size in _axes(x)))
    height, width = (min(_span(window, axis, size), window.kernel[axis]) for axis, size in _axes(x))
    window = replace(window, kernel=(height, width))
    if type_ == "avgpool" and any(window.pad):
        x, window = _with_zeros(site, x, window)
    if window == Window((1, 1), kind="pool"):
        site.result(x)
        return
    keys = pooling_keys(window) | _rounding(window, x, shape)
    site.emit(type_, x, keys, shape, claimed=True)


def _with_zeros(site: Site, x: Value, window: Window) -> tuple[Value, Window]:
    """Add the padding of an average as zeros. Caffe divides by the size of the window in the padded image."""
    line = site.draft.zero_padded(x.line, window.pad)
    return x.of(line, site.draft.lines[line].shape), Window(window.kernel, window.stride, kind="pool")


def _axes(x: Value) -> list[tuple[int, int]]:
    return [(0, x.shape.height), (1, x.shape.width)]


def _down(window: Window, parameter: Record, axis: int, size: int) -> int:
    """Return the number of windows along an axis, rounded down."""
    spare = _span(window, axis, size) - window.extent[axis]
    if spare < 0:
        raise _too_large(window, parameter, axis, size)
    return spare // window.stride[axis] + 1


def _up(window: Window, parameter: Record, axis: int, size: int) -> int:
    """Return the number of windows along an axis, as src/caffe/layers/pooling_layer.cpp does.

    One window may reach past the bottom, of which it reads all then.
    """
    spare, stride = _span(window, axis, size) - window.extent[axis], window.stride[axis]
    before = window.pad.top if axis == 0 else window.pad.left
    down = parameter.text("round_mode") == "FLOOR"
    windows = (spare // stride if down else -(-spare // stride)) + 1
    if windows < 1:
        raise _too_large(window, parameter, axis, size)
    if any(window.pad) and (windows - 1) * stride >= size + before:
        windows -= 1
    if (windows - 1) * stride - before >= size:
        start = (windows - 1) * stride - before
        reason = f"its last window begins at pixel {start}, behind the last one, {size - 1}: it reads nothing"
        raise Inexpressible(reason, parameter.place("stride", "stride_h", "stride_w"))
    return windows


def _span(window: Window, axis: int, size: int) -> int:
    """Return the pixels along an axis, with those of the padding."""
    before, after = window.pad[2:] if axis == 0 else window.pad[:2]
    return size + before + after


def _too_large(window: Window, parameter: Record, axis: int, size: int) -> Rejected | Inexpressible:
    """Return the mistake of a window that is larger than its bottom.

    Caffe has one window if less than a stride is missing, since C++ rounds a quotient towards 0.
    """
    before, after = window.pad[2:] if axis == 0 else window.pad[:2]
    extent, side = window.extent[axis], ("height", "width")[axis]
    place = parameter.place("kernel_size", "kernel_h", "kernel_w")
    note = f"{side}: the window spans {extent}, the bottom has {size} + {before} + {after}"
    if window.kind == "conv" and extent - _span(window, axis, size) < window.stride[axis]:
        return Inexpressible(f"its window reaches past its bottom ({note})", place)
    return Rejected("its window is larger than its bottom", place, note)


def _rounding(window: Window, x: Value, shape: Shape) -> dict[str, str]:
    """Return the rounding with which a spec has the same number of windows: Caffe's own, if that is right."""
    try:
        return rounding_keys(window, x.shape, shape, ("caffe", "up", "down"))
    except UnfitError:
        raise Inexpressible("its windows are rounded up in one direction and down in the other") from None


def _kernel(parameter: Record) -> Sides:
    sides = _both(parameter, "kernel_size", "kernel_h", "kernel_w")
    if 0 in sides:
        raise Rejected("it has no kernel_size", parameter.place("kernel_size", "kernel_h", "kernel_w"))
    return sides


def _strides(parameter: Record) -> Sides:
    sides = _both(parameter, "stride", "stride_h", "stride_w")
    if 0 in sides:
        raise Rejected("its stride is 0", parameter.place("stride", "stride_h", "stride_w"))
    return sides


def _padding(parameter: Record) -> Pad:
    height, width = _both(parameter, "pad", "pad_h", "pad_w")
    return Pad(width, width, height, height)


def _both(parameter: Record, name: str, height: str, width: str) -> Sides:
    """Return height and width: of one field, given once or twice, or of two. Caffe takes one of these ways."""
    apart = [part for part in (height, width) if parameter.has(part)]
    if apart and parameter.has(name):
        raise Rejected(f"{name} and {apart[0]} are both given; Caffe takes one of them", parameter.place(apart[0]))
    if len(apart) == 1 and not (name == "pad" and parameter.kind.name == "ConvolutionParameter"):
        raise Rejected(f"{apart[0]} is given alone", parameter.place(apart[0]))
    return (parameter.integer(height), parameter.integer(width)) if apart else _repeated(parameter, name)


def _repeated(parameter: Record, name: str) -> Sides:
    """Return the numbers of a field that is given once for both sides, or for each of two."""
    numbers: Sequence[int] = parameter.integers(name) or [parameter.integer(name)]
    if len(numbers) > 2:
        raise Rejected(f"{name} is given {len(numbers)} times; an image has 2 sides", parameter.place(name))
    return numbers[0], numbers[-1]


def _check_global(parameter: Record) -> None:
    """Raise ``Rejected`` for what Caffe does not take beside global_pooling."""
    for name in ("kernel_size", "kernel_h", "kernel_w"):
        if parameter.has(name):
            raise Rejected("global_pooling takes the whole map, and has no kernel_size", parameter.place(name))
    if any(_padding(parameter)) or _strides(parameter) != (1, 1):
        places = ("pad", "pad_h", "pad_w", "stride", "stride_h", "stride_w")
        raise Rejected("global_pooling has padding 0 and stride 1", parameter.place(*places))
