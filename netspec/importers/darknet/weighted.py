"""Layers with weights. A ``.weights`` file has their numbers in this order (``load_weights_upto`` of src/parser.c)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from netspec.importers.darknet.sections import Section
from netspec.importers.darknet.site import Site
from netspec.importers.spec.keys import UnfitError, convolution_keys, rounding_keys
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, TransposedWindow, Window
from netspec.keys.texts import call, number

_NORM = {"average": "0.01"}
"""The share of a batch in the running averages (``forward_batchnorm_layer``). The eps of a spec, 1e-5, is that of
AlexeyAB's ``normalize_cpu``, and of the ``normalize_kernel`` with which pjreddie's Darknet trains on a GPU; on a CPU,
it adds 1e-6 to the root instead."""

_BEHIND_BIASES = ("weight", "running_mean", "running_var")
"""The numbers of a batch normalisation that follow its biases."""


def convolutional(site: Site) -> int:
    """A convolution: ``make_convolutional_layer``. With ``pad``, the padding is half of the kernel, rounded down."""
    section, x = site.section, site.image(site.x)
    if "share_index" in section.options:
        raise Inexpressible("it shares the weights of another layer", section.place("share_index"))
    filters, size = section.whole("filters", 1, 1), section.whole("size", 1, 1)
    groups = section.whole("groups", 1, 1)
    shape = site.draft.shape(x)
    for channels, what in ((shape.channels, "reads"), (filters, "has")):
        if channels % groups:
            message = f"it {what} {channels} channels, which {groups} groups do not divide"
            raise Rejected(message, section.place("groups"))
    pad = size // 2 if section.whole("pad", 0) else section.whole("padding", 0, 0)
    dilation = section.whole("dilation", 1, 1) if size > 1 else 1
    if size == 1 and pad:
        raise Inexpressible("it pads a kernel of 1, which Darknet does only with cuDNN", section.place("padding"))
    window = Window((size, size), strides(section), _all_round(pad * dilation), (dilation, dilation), "down")
    output, keys = _fitted(section, window, shape, size - 2 * pad, filters)
    norm = _normalised(site, site.piece(filters), filters)
    weight = site.piece(filters, shape.channels // groups, size, size)
    return _learnt(site, x, "conv", convolution_keys(filters, window, groups) | keys, output, weight, norm)


def deconvolutional(site: Site) -> int:
    """A transposed convolution: ``make_deconvolutional_layer``, whose ``pad`` cuts off what that of a convolution adds,
    and whose weights are drawn with a deviation of 0.02."""
    section, x = site.section, site.image(site.x)
    filters, size = section.whole("filters", 1, 1), section.whole("size", 1, 1)
    pad = size // 2 if section.whole("pad", 0) else section.whole("padding", 0, 0)
    window, shape = TransposedWindow((size, size), strides(section), _all_round(pad)), site.draft.shape(x)
    height = int(window.unrounded_output("height", shape.height))
    width = int(window.unrounded_output("width", shape.width))
    if min(height, width) < 1:
        message = f"its output has {height}x{width} pixels: the padding cuts off all of it"
        raise Rejected(message, section.place("padding", "pad", "size"))
    norm = _normalised(site, site.piece(filters), filters)
    weight = site.piece(shape.channels, filters, size, size)
    keys = convolution_keys(filters, window, 1) | {"init": call("gaussian", "0.02")}
    return _learnt(site, x, "deconv", keys, Shape(filters, height, width), weight, norm)


def connected(site: Site) -> int:
    """A fully connected layer: ``make_connected_layer``, which draws weights from -sqrt(2 / inputs) to its opposite."""
    outputs, inputs = site.section.whole("output", 1, 1), site.draft.shape(site.x).units
    keys = {"outputs": str(outputs), "init": call("uniform", number(math.sqrt(2 / inputs)))}
    bias, weight = site.piece(outputs), site.piece(outputs, inputs, layout="matrix")
    return _learnt(site, site.x, "fc", keys, Shape(outputs), weight, _normalised(site, bias, outputs))


def local(site: Site) -> int:
    """A convolution with weights for each position: ``make_local_layer``, whose ``pad`` is a number of pixels."""
    section, x = site.section, site.image(site.x)
    filters, size = section.whole("filters", 1, 1), section.whole("size", 1, 1)
    pad, shape = section.whole("pad", 0, 0), site.draft.shape(x)
    window = Window((size, size), strides(section), _all_round(pad), rounding="down")
    output, keys = _fitted(section, window, shape, 1 if pad else size, filters)
    keys["init"] = call("uniform", number(math.sqrt(2 / (shape.channels * size * size))))
    bias = site.piece(*output)
    weight = site.piece(*output, shape.channels, size, size, layout="places")
    return _learnt(site, x, "local", convolution_keys(filters, window, 1) | keys, output, weight, {"bias": bias})


def batchnorm(site: Site) -> int:
    """Batch normalisation: ``make_batchnorm_layer``. Files of pjreddie's Darknet have no biases of it."""
    x = site.x
    channels = site.draft.shape(x).channels
    arrays = {"bias": site.piece(channels, optional=True)} | {name: site.piece(channels) for name in _BEHIND_BIASES}
    return site.line("batchnorm", [x], _NORM, arrays=arrays)


def strides(section: Section) -> tuple[int, int]:
    """Return the strides of rows and columns; AlexeyAB's Darknet has one for each."""
    both = section.whole("stride", 1, 1)
    return section.whole("stride_y", both, 1), section.whole("stride_x", both, 1)


def _normalised(site: Site, bias: int, channels: int) -> dict[str, int]:
    """Return the numbers of biases, and of the batch normalisation that they belong to if the section has one."""
    stated = site.section.whole("batch_normalize", 0)
    if stated > 1:
        raise Inexpressible("it normalises over several batches", site.section.place("batch_normalize"))
    return {"bias": bias} | {name: site.piece(channels) for name in _BEHIND_BIASES if stated}


def _learnt(
    site: Site, x: int, type_: str, keys: Mapping[str, str], output: Shape, weight: int, norm: Mapping[str, int]
) -> int:
    """Add a layer with weights, the batch normalisation if ``norm`` has more than biases, and the activation."""
    alone = len(norm) == 1
    own = {"weight": weight, **(norm if alone else {})}
    stated = {**keys, **({} if alone else {"bias": "none"})}
    line = site.line(type_, [x], stated, output, own, claimed=output.is_image)
    if not alone:
        line = site.line("batchnorm", [line], _NORM, arrays=norm)
    return site.activated(line, "logistic")


def _all_round(pad: int) -> Pad:
    return Pad(pad, pad, pad, pad)


def _fitted(section: Section, window: Window, shape: Shape, missing: int, filters: int) -> tuple[Shape, dict[str, str]]:
    """Return the shape of an output as Darknet computes it, (side - missing) / stride + 1, rounded down, and the keys
    that say so."""
    if min(shape.height, shape.width) < missing:
        note = f"it reads {shape.height}x{shape.width}, and needs {missing}x{missing}"
        raise Rejected("its kernel is larger than its padded input", section.place("size"), note)
    sides = [(side - missing) // stride + 1 for side, stride in zip(shape[1:], window.stride, strict=True)]
    output = Shape(filters, *sides)
    try:
        return output, rounding_keys(window, shape, output, ("exact", "down"))
    except UnfitError as reason:
        message = f"Darknet's sizes disagree: its output is {output.height}x{output.width}, its windows are others"
        raise Rejected(message, section.place("dilation", "pad", "size"), *filter(None, [str(reason)])) from None
