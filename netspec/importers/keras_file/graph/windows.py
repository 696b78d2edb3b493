"""Convolution, pooling, and what else changes the size of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from netspec.importers.keras_file.graph.building import Convert, Step, Val
from netspec.importers.keras_file.graph.functions import activated
from netspec.importers.keras_file.graph.learning import keys_of
from netspec.importers.keras_file.model.fields import Broken
from netspec.importers.operators.graph.model import Sizes
from netspec.importers.spec.problem import Inexpressible


def conv(step: Step) -> Val:
    """A convolution, whose weights Keras has as height x width x channels / groups x filters."""
    name, sizes = step.image()
    filters, groups = step.config.whole("filters"), step.config.whole("groups", 1)
    kernel, channels = step.config.pair("kernel_size"), sizes[1]
    if channels % groups or filters % groups:
        raise Broken(f"{step.layer.name}: its {groups} groups do not divide {channels} channels and {filters} filters")
    shape = (*kernel, channels // groups, filters)
    weight = step.weight(0, "kernel", shape, (filters, channels // groups, *kernel), _kernels)
    learning = keys_of(step, "kernel", shape, usual_fans=groups == 1)
    name, _ = _windowed(step, name, sizes, weight, filters, kernel, groups, learning, _bias(step, 1, filters))
    return activated(step, step.of_image(name))


def depthwise(step: Step) -> Val:
    """A convolution of each channel with kernels of its own: height x width x channels x multiplier."""
    name, sizes = step.image()
    weight, filters, kernel = _depthwise_weight(step, sizes[1])
    learning = keys_of(step, "depthwise", _depthwise_shape(step, sizes[1]), usual_fans=False)
    name, _ = _windowed(step, name, sizes, weight, filters, kernel, sizes[1], learning, _bias(step, 1, filters))
    return activated(step, step.of_image(name))


def separable(step: Step) -> Val:
    """A depthwise convolution without biases, and one of single pixels."""
    name, sizes = step.image()
    weight, between, kernel = _depthwise_weight(step, sizes[1])
    learning = {**keys_of(step, "depthwise", _depthwise_shape(step, sizes[1]), usual_fans=False)}
    for word in ("bias", "bias_decay", "bias_lr_mult"):
        learning.pop(word, None)
    name, sizes = _windowed(step, name, sizes, weight, between, kernel, sizes[1], learning)
    filters = step.config.whole("filters")
    shape = (1, 1, between, filters)
    points = step.weight(1, "pointwise_kernel", shape, (filters, between, 1, 1), _kernels)
    inputs, after = [name, points, *_bias(step, 2, filters)], (sizes[0], filters, *sizes[2:])
    name = step.add("Conv", inputs, after, learning=keys_of(step, "pointwise", shape))
    return activated(step, step.of_image(name))


def _depthwise_shape(step: Step, channels: int) -> Sizes:
    return (*step.config.pair("kernel_size"), channels, step.config.whole("depth_multiplier", 1))


def _depthwise_weight(step: Step, channels: int) -> tuple[str, int, tuple[int, int]]:
    """Return the weight of a depthwise convolution, the number of its filters, and its kernel."""
    times, kernel = step.config.whole("depth_multiplier", 1), step.config.pair("kernel_size")
    filters, word = channels * times, "kernel" if step.layer.kind == "DepthwiseConv2D" else "depthwise_kernel"

    def turned(array: np.ndarray) -> np.ndarray:
        return array.reshape(*kernel, 1, filters).transpose(3, 2, 0, 1)

    if word == "kernel" and step.building.old:
        word = "depthwise_kernel"
    return step.weight(0, word, (*kernel, channels, times), (filters, 1, *kernel), turned), filters, kernel


def _kernels(array: np.ndarray) -> np.ndarray:
    return array.transpose(3, 2, 0, 1)


def _windowed(
    step: Step,
    name: str,
    sizes: Sizes,
    weight: str,
    filters: int,
    kernel: tuple[int, int],
    groups: int,
    learning: Mapping[str, str],
    bias: Sequence[str] = (),
) -> tuple[str, Sizes]:
    """Add a Conv. With ``same``, an odd pixel of padding is at the right and at the bottom, as of SAME_UPPER."""
    strides, dilations = step.config.pair("strides", 1), step.config.pair("dilation_rate", 1)
    padding = _padding(step)
    after = (sizes[0], filters, *_outputs(sizes[2:], kernel, strides, dilations, padding))
    attributes = {"strides": strides, "dilations": dilations, "group": groups, "auto_pad": padding}
    return step.add("Conv", [name, weight, *bias], after, learning=learning, **attributes), after


def _padding(step: Step) -> str:
    word = step.config.text("padding", "valid").lower()
    if word not in ("valid", "same"):
        raise Broken(f"{step.layer.name}: padding is '{word}', neither valid nor same")
    return "SAME_UPPER" if word == "same" else "VALID"


def _outputs(
    sides: Sequence[int], kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int], padding: str
) -> list[int]:
    """Return the height and width of an output; a last window that does not fit is left out."""
    found = []
    for size, side, stride, apart in zip(sides, kernel, strides, dilations, strict=True):
        room = size if padding == "SAME_UPPER" else size - (side - 1) * apart
        found.append(-(-room // stride))
    return found


def _bias(step: Step, place: int, filters: int) -> list[str]:
    return [step.weight(place, "bias", (filters,))] if step.config.flag("use_bias", True) else []


def transposed(step: Step) -> Val:
    """A transposed convolution, whose weights Keras has as height x width x filters x channels."""
    name, sizes = step.image()
    filters, kernel = step.config.whole("filters"), step.config.pair("kernel_size")
    if (groups := step.config.whole("groups", 1)) != 1:
        raise Inexpressible(f"it has {groups} groups, whose weights Keras orders otherwise")
    strides, dilations = step.config.pair("strides", 1), step.config.pair("dilation_rate", 1)
    added = step.config.get("output_padding")
    given = (None, None) if added is None else step.config.pair("output_padding", low=0)
    extents = [(side - 1) * apart + 1 for side, apart in zip(kernel, dilations, strict=True)]
    cuts = [_cut(*axis, _padding(step)) for axis in zip(extents, strides, given, strict=True)]
    after = [(n - 1) * s + k - a - b for n, s, k, (a, b) in zip(sizes[2:], strides, extents, cuts, strict=True)]
    weight = step.weight(0, "kernel", (*kernel, filters, sizes[1]), (sizes[1], filters, *kernel), _kernels)
    learning = keys_of(step, "kernel", (*kernel, filters, sizes[1]), usual_fans=False)
    pads = (cuts[0][0], cuts[1][0], cuts[0][1], cuts[1][1])
    name = step.add(
        "ConvTranspose",
        [name, weight, *_bias(step, 1, filters)],
        (sizes[0], filters, *after),
        strides=strides,
        dilations=dilations,
        pads=pads,
        learning=learning,
    )
    return activated(step, step.of_image(name))


def _cut(extent: int, stride: int, added: int | None, padding: str) -> tuple[int, int]:
    """Return the pixels that are cut off before and after one axis; fewer than 0 are added.

    (keras/src/backend/common/backend_utils.py, where JAX's padding is what is not cut off.)
    """
    if padding == "VALID":
        more = max(extent, stride) - extent if added is None else added
        return 0, -more
    total = stride + extent - 2 if added is None else extent + extent % 2 - 2 + added
    before = min(total // 2 + total % 2, extent - 1)
    return extent - 1 - before, extent - 1 - (total - before)


def pool(op: str) -> Convert:
    """Return the conversion of a pooling; padding counts for neither kind."""

    def convert(step: Step) -> Val:
        name, sizes = step.image()
        kernel = step.config.pair("pool_size", 2)
        strides, padding = step.config.pair("strides", kernel), _padding(step)
        after = (*sizes[:2], *_outputs(sizes[2:], kernel, strides, (1, 1), padding))
        given = {"kernel_shape": kernel, "strides": strides, "auto_pad": padding}
        if padding == "SAME_UPPER" and any(k < s for k, s in zip(kernel, strides, strict=True)):
            raise Inexpressible("its padding is same with strides larger than the window")
        return step.of_image(step.add(op, [name], after, **given))

    return convert


def global_pool(op: str) -> Convert:
    """Return the conversion of a pooling over the whole map, of which axes of one pixel remain with ``keepdims``."""

    def convert(step: Step) -> Val:
        name, sizes = step.image()
        if step.config.flag("keepdims", False):
            return step.of_image(step.add(op, [name], (*sizes[:2], 1, 1), axes=(2, 3), keepdims=1))
        return step.of_plain(step.add(op, [name], sizes[:2], axes=(2, 3), keepdims=0))

    return convert


def adaptive(op: str) -> Convert:
    """Return the conversion of a pooling to a given size: of windows that are alike, or of bins."""

    def convert(step: Step) -> Val:
        name, sizes = step.image()
        after = step.config.pair("output_size")
        strides = [size // count for size, count in zip(sizes[2:], after, strict=True)]
        if all(size == step_ * count for size, step_, count in zip(sizes[2:], strides, after, strict=True)):
            given = {"kernel_shape": strides, "strides": strides}
            return step.of_image(step.add(op, [name], (*sizes[:2], *after), **given))
        if op == "MaxPool":
            raise Inexpressible("its windows are not all alike; binpool takes means")
        return step.of_image(step.add("BinPool", [name], (*sizes[:2], *after), bins=after))

    return convert


def zero_padding(step: Step) -> Val:
    """Zeros around an image."""
    name, sizes = step.image()
    (top, bottom), (left, right) = sides = _sides(step, "padding", 1)
    if not any((top, bottom, left, right)):
        return step.x
    after = (*sizes[:2], *(size + before + behind for size, (before, behind) in zip(sizes[2:], sides, strict=True)))
    return step.of_image(step.add("Pad", [name], after, pads=(0, 0, top, left, 0, 0, bottom, right)))


def cropping(step: Step) -> Val:
    """A part of an image."""
    name, sizes = step.image()
    sides = _sides(step, "cropping", 0)
    starts = [before for before, _ in sides]
    after = [size - before - behind for size, (before, behind) in zip(sizes[2:], sides, strict=True)]
    ends = [start + size for start, size in zip(starts, after, strict=True)]
    given = [step.constant(np.array(numbers, np.int64)) for numbers in (starts, ends, (2, 3))]
    return step.of_image(step.add("Slice", [name, *given], (*sizes[:2], *after)))


def _sides(step: Step, word: str, default: int) -> list[tuple[int, int]]:
    """Return the pixels at the top and bottom, and at the left and right: one number, one for each axis, or for each
    side."""
    value = step.config.get(word, default)
    axes = [value, value] if isinstance(value, int) else value
    if not isinstance(axes, (list, tuple)) or len(axes) != 2:
        raise step.config.wrong(word, value, "a number, two, or two pairs of them")
    pairs = [[axis, axis] if isinstance(axis, int) else axis for axis in axes]
    if any(not isinstance(axis, (list, tuple)) or len(axis) != 2 for axis in pairs):
        raise step.config.wrong(word, value, "a number, two, or two pairs of them")
    return [(step.config.count(a, word, 0), step.config.count(b, word, 0)) for a, b in pairs]


def enlarged(step: Step) -> Val:
    """Pixels that are repeated, or interpolated linearly between the middles of pixels."""
    name, sizes = step.image()
    factors, way = step.config.pair("size", 2), step.config.text("interpolation", "nearest")
    if way not in ("nearest", "bilinear"):
        raise Inexpressible(f"its interpolation is {way}; a spec's upsample is nearest or bilinear")
    after = (*sizes[:2], *(size * factor for size, factor in zip(sizes[2:], factors, strict=True)))
    if way == "nearest":
        given = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    else:
        given = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
    return step.of_image(step.add("Resize", [name], after, **given))
