"""Convolution, pooling and padding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from netspec.importers.operators.graph.model import Tensor
from netspec.importers.operators.spec.constants import zero_channels
from netspec.importers.operators.spec.lines import Padded, Read, Site, described
from netspec.importers.operators.spec.naming import of_parameter
from netspec.importers.operators.spec.views import Value, image
from netspec.importers.spec.keys import UnfitError, convolution_keys, crop_keys, pooling_keys, rounding_keys
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Rounding, Window
from netspec.keys.texts import pad as pad_text
from netspec.keys.texts import pair as pair_text

NO_PAD = Pad(0, 0, 0, 0)
_NEVER_CHOSEN = -1e30
"""Padding of maximum pooling by this or less is never the largest pixel; exporters write the least float32."""


def conv(site: Site) -> None:
    """Convolution. The weights are in netspec's layout already: filters x channels / groups x height x width."""
    weight, bias = site.needed_tensor(1), site.tensor(2)
    if len(weight.shape) == 3 and len(site.x.axes) == 3:
        _conv_of_rows(site, weight, bias)
        return
    x, padding = _read_padded(site)
    if len(weight.shape) != 4:
        raise Inexpressible(f"it has {len(weight.shape) - 2} spatial axes; convolutions of a spec have 2")
    groups = int(site.get("group", 1))
    if weight.shape[1] * groups != x.shape.channels:
        read = f"{weight.shape[1] * groups} channels, and its input has {x.shape.channels}"
        raise Inexpressible(f"its weights are for {read}")
    window = _window(site, x.shape, weight.shape[2:], padding)
    shape = image_shape(site)
    keys = convolution_keys(weight.shape[0], window, groups) | _rounding(window, x.shape, shape, ("down",))
    channels_alone = bias is None and groups == x.shape.channels == weight.shape[0]
    if channels_alone and window.dilation == (1, 1) and "outside" not in keys and bool((weight.values() == 1).all()):
        _sum_pool(site, x, window)
        return
    line = weighted_line(site, "conv", x, keys, shape, weight.read)
    site.result(x.of(line, shape))
    if bias is not None:
        give_bias(site, bias.read)


def _conv_of_rows(site: Site, weight: Tensor, bias: Tensor | None) -> None:
    """A convolution of N x channels x length: of an image of one row, as which a line ``reshape`` has it if needed."""
    x, groups = site.x, int(site.get("group", 1))
    row = Shape(x.sizes[1], 1, x.sizes[2])
    if x.axes != (("N",), x.single("C"), x.single("W")) or x.shape[1:2] != (1,):
        if tuple(axis for group in x.axes[1:] for axis in group) != x.own or x.axes[0] != ("N",):
            raise Inexpressible(f"it convolves {described(x)}; a spec convolves axes in the order of its layer")
        x = image(site.draft.with_shape(x.line, row), row, x.batch)
    if weight.shape[1] * groups != row.channels or site.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID"):
        raise Inexpressible("its weights are for other channels, or its padding is given by a word")
    before, after = (int(n) for n in site.get("pads", (0, 0)))
    stride, dilation = (int(site.get(word, (1,))[0]) for word in ("strides", "dilations"))
    window = Window((1, weight.shape[2]), (1, stride), Pad(before, after, 0, 0), (1, dilation))
    shape = Shape(weight.shape[0], 1, site.output_sizes()[2])
    keys = convolution_keys(weight.shape[0], window, groups) | _rounding(window, row, shape, ("down",))
    kernels = (*weight.shape[:2], 1, weight.shape[2])
    line = weighted_line(site, "conv", x, keys, shape, lambda: weight.read().reshape(kernels))
    value = image(line, shape, x.batch)
    site.result(replace(value, axes=(value.axes[0], value.axes[1], value.axes[3])))
    if bias is not None:
        give_bias(site, bias.read)


def _sum_pool(site: Site, x: Value, window: Window) -> None:
    """Add a sum pooling: a convolution of each channel by itself, all of whose weights are 1."""
    pool(site, "sumpool", x, replace(window, kind="pool"))


def weighted_line(site: Site, type_: str, x: Value, keys: dict[str, str], shape: Shape, read: Read) -> int:
    """Add a layer with weights and as yet without biases. A weight that an earlier layer has is that layer's."""
    weight = site.needed_tensor(1)
    hint = of_parameter(weight, site.tensor(2))
    without_bias = {**keys, "bias": "none"}
    number = site.line(
        type_, x, without_bias, shape, arrays={"weight": read}, hint=hint, claimed=type_ in ("conv", "deconv")
    )
    kernels = type_ in ("conv", "deconv")  # of one layout, whatever the window's stride and padding
    layout = site.get("transB", 0), site.get("alpha", 1.0)
    fully = f"{type_} {sorted(keys.items())} {site.node.op} {x.axes if type_ == 'fc' else ()}"
    site.draft.share(number, weight, f"{'kernels' if kernels else fully} {layout}")
    return number


def give_bias(site: Site, read: Read) -> None:
    """Give the layer that computes the node's value one bias for each filter or output."""
    value = site.draft.values[site.node.outputs[0]]
    assert value is not None
    line = site.draft.lines[value.line]
    line.keys.pop("bias", None)
    line.arrays["bias"] = read


def max_pool(site: Site) -> None:
    """Maximum pooling; neither ONNX nor netspec counts padding."""
    if site.is_read(1):
        raise Inexpressible("its second output, the places of the maxima, has no counterpart")
    x, padding = _read_padded(site)
    pool(site, "maxpool", x, _pool_window(site, x.shape, padding))


def average_pool(site: Site) -> None:
    """Average pooling. Padding that counts becomes a line ``zeropad``: netspec's own padding never counts."""
    x = site.image()
    window = _pool_window(site, x.shape, NO_PAD)
    if any(window.pad) and site.get("count_include_pad", 0):
        line = site.draft.zero_padded(x.line, window.pad)
        x, window = x.of(line, site.draft.lines[line].shape), replace(window, pad=NO_PAD)
    pool(site, "avgpool", x, window)


def _pool_window(site: Site, x: Shape, padding: Pad) -> Window:
    """Return the window of a pooling. Raises ``Inexpressible`` if it is dilated, or if runtimes read it differently."""
    window = _window(site, x, site.get("kernel_shape"), padding, kind="pool")
    if window.dilation != (1, 1):
        raise Inexpressible("its window is dilated; poolings of a spec are not")
    output = image_shape(site)[1:]
    before = window.pad.top, window.pad.left
    starts = [(output[i] - 1) * window.stride[i] - before[i] for i in (0, 1)]
    if site.get("ceil_mode", 0) and any(start >= side for start, side in zip(starts, x[1:], strict=True)):
        raise Inexpressible("its last window starts behind the image; runtimes leave it out, operator set 11 counts it")
    word = site.get("auto_pad", "NOTSET")
    if word.startswith("SAME") and any(k < s for k, s in zip(window.kernel, window.stride, strict=True)):
        raise Inexpressible(
            f"its padding is {word} with a stride larger than the window, which runtimes read differently"
        )
    return window


def pool(site: Site, type_: str, x: Value, window: Window) -> None:
    """Add the pooling of a window, rounded as the model's output is."""
    if window == Window((1, 1), kind="pool"):  # as adaptive pooling to the size of its input is exported
        site.result(x)
        return
    roundings: tuple[Rounding, ...] = ("up", "caffe", "down") if site.get("ceil_mode", 0) else ("down",)
    shape = image_shape(site)
    keys = pooling_keys(window) | _rounding(window, x.shape, shape, roundings)
    site.emit(type_, x, keys, shape, claimed=True)


def global_pool(type_: str) -> Callable[[Site], None]:
    """Return the translation of a pooling over the whole map."""

    def translate(site: Site) -> None:
        site.emit(type_, site.image(), {"kernel": "global"}, image_shape(site))

    return translate


def bin_pool(site: Site) -> None:
    """Means of bins, which may differ in size."""
    site.emit("binpool", site.image(), {"bins": pair_text(site.get("bins"))}, image_shape(site), claimed=True)


_BORDERS = {"reflect": "reflectpad", "edge": "edgepad", "replicate": "edgepad"}
"""The layers that pad otherwise than with a constant, by the words of ONNX and PyTorch for the mode."""


def pad(site: Site) -> None:
    """Zeros around an image, which convolutions that alone read it state themselves; else a line ``zeropad``.

    Copies of the outermost pixels are a line ``edgepad``, reflected pixels a line ``reflectpad``. Padding below 0 is a
    line ``crop``.
    """
    x, mode = site.image(), site.get("mode", "constant")
    pads, channels = _sides(site)
    if min(pads) < 0:
        x, pads = _cropped(site, x, pads)
        if not any((*pads, *channels)):
            site.result(x)
            return
    if mode in _BORDERS and not any(channels):
        site.emit(_BORDERS[mode], x, {"pad": pad_text(pads)}, image_shape(site), claimed=True)
        return
    if mode != "constant":
        raise Inexpressible(f"it pads by {mode}; a spec pads with zeros, by reflection, or with the outermost pixels")
    fill = _fill(site)
    if any(channels):
        _pad_channels(site, x, pads, channels, fill)
        return
    readers = site.model.readers.get(site.node.outputs[0], [])
    read_by = {node.op for node in readers}
    if site.node.outputs[0] in site.model.outputs:
        read_by.add("")
    fits = read_by == {"Conv"} if fill == 0 else read_by == {"MaxPool"} and fill <= _NEVER_CHOSEN
    if fits and all(node.attributes.get("auto_pad", "NOTSET") in ("NOTSET", "VALID") for node in readers):
        site.draft.padded[site.node.outputs[0]] = Padded(x, pads)
        site.stand_in(x)  # these readers look for the padding
        return
    if fill != 0:
        raise Inexpressible(f"it pads with {fill:g}; a spec pads with zeros")
    site.emit("zeropad", x, {"pad": pad_text(pads)}, image_shape(site), claimed=True)


def _cropped(site: Site, x: Value, pads: Pad) -> tuple[Value, Pad]:
    """Cut off an image what padding below 0 does, and return the image and the rest of the padding."""
    if site.get("mode", "constant") != "constant":
        raise Inexpressible("it cuts off pixels, and pads otherwise than with a constant")
    left, right, top, bottom = (max(0, -side) for side in pads)
    shape = Shape(x.shape.channels, x.shape.height - top - bottom, x.shape.width - left - right)
    if min(shape) < 1:
        raise Inexpressible(f"it cuts off all pixels of {x.shape}")
    line = site.line("crop", x, crop_keys(top, left, shape.height, shape.width), shape, claimed=True)
    return x.of(line, shape), Pad(*(max(0, side) for side in pads))


def _pad_channels(site: Site, x: Value, pads: Pad, channels: tuple[int, int], fill: float) -> None:
    """Channels of zeros before and after those of an image: a concatenation with its channels times 0."""
    if fill != 0:
        raise Inexpressible(f"it pads with {fill:g}; a spec pads with zeros")
    if any(pads):
        line = site.draft.zero_padded(x.line, pads)
        x = x.of(line, site.draft.lines[line].shape)
    zeros = site.draft.new_line("linear", [x.line], {"a": "0"}, x.shape)
    before = zero_channels(site.draft, x.shape, zeros, channels[0])
    after = before if channels[0] == channels[1] else zero_channels(site.draft, x.shape, zeros, channels[1])
    shape = Shape(x.shape.channels + sum(channels), *x.shape[1:])
    lines = [*before, x.line, *after]
    site.result(x.of(site.draft.new_line("concat", lines, {}, shape, origin=site.node, claimed=True), shape))


def _fill(site: Site) -> float:
    """Return the number that constant padding consists of."""
    if "pads" in site.node.attributes or "paddings" in site.node.attributes:
        return float(site.get("value", 0.0))
    tensor = site.tensor(2)
    return float(tensor.values().reshape(-1)[0]) if tensor is not None and tensor.size else 0.0


def _sides(site: Site) -> tuple[Pad, tuple[int, int]]:
    """Return the padding of height and width, and of the channels."""
    numbers = site.get("pads", site.get("paddings"))
    if numbers is None:
        numbers = [int(n) for n in site.needed_tensor(1).read()]
    axes = site.tensor(3) if len(site.node.inputs) > 3 else None
    places = [int(n) % 4 for n in axes.read()] if axes is not None else list(range(len(numbers) // 2))
    before, after = [0] * 4, [0] * 4
    if len(numbers) != 2 * len(places) or not {*places} <= {*range(4)}:
        raise Inexpressible(f"it has {len(numbers)} numbers for the sides of an image with 4 axes")
    for index, place in enumerate(places):
        before[place], after[place] = int(numbers[index]), int(numbers[len(places) + index])
    if before[0] or after[0] or min(before[1], after[1]) < 0:
        raise Inexpressible("it adds images, or cuts off images or channels")
    return Pad(before[3], after[3], before[2], after[2]), (before[1], after[1])


def _read_padded(site: Site) -> tuple[Value, Pad]:
    """Return the image that a window reads, without padding that is left to the window, and that padding."""
    padded = site.draft.padded.get(site.node.inputs[0])
    return (padded.value, padded.pad) if padded is not None else (site.image(), NO_PAD)


def _window(site: Site, x: Shape, kernel: Sequence[int], padding: Pad, kind: str = "conv") -> Window:
    sides = pair(kernel or ())
    dilation = pair(site.get("dilations", (1, 1)))
    own = _pads(site, x, sides, dilation, padding)
    total = Pad(*(a + b for a, b in zip(own, padding, strict=True)))
    if min(total) < 0:
        raise Inexpressible("its padding is below 0")
    stride = pair(site.get("strides", (1, 1)))
    return Window(sides, stride, total, dilation, kind="pool" if kind == "pool" else "conv")


def _pads(site: Site, x: Shape, kernel: Sequence[int], dilation: tuple[int, int], padding: Pad) -> Pad:
    """Return the padding that a window states: in numbers, or by a word, SAME_UPPER, SAME_LOWER or VALID."""
    word = site.get("auto_pad", "NOTSET")
    if word in ("NOTSET", ""):
        top, left, bottom, right = (int(n) for n in site.get("pads", (0, 0, 0, 0)))
        return Pad(left, right, top, bottom)
    if word == "VALID":
        return NO_PAD
    if word not in ("SAME_UPPER", "SAME_LOWER") or any(padding):
        raise Inexpressible(f"its padding is {word}")
    stride = pair(site.get("strides", (1, 1)))
    sides = []
    for size, side, step, apart in zip(x[1:], kernel, stride, dilation, strict=True):
        total = max(0, (math.ceil(size / step) - 1) * step + (side - 1) * apart + 1 - size)
        less, more = total // 2, total - total // 2
        sides.append((less, more) if word == "SAME_UPPER" else (more, less))
    (top, bottom), (left, right) = sides
    return Pad(left, right, top, bottom)


def _rounding(window: Window, x: Shape, output: Shape, roundings: Sequence[Rounding]) -> dict[str, str]:
    """Return the rounding, if the window does not tile its input, with which its output has ONNX's size."""
    try:
        return rounding_keys(window, x, output, ("exact", *roundings))
    except UnfitError as unfit:
        reason = str(unfit) or "the model gives its output another size"
        raise Inexpressible(f"a spec has no such window: {reason}") from None


def image_shape(site: Site) -> Shape:
    """Return the shape of the node's output, an image. Raises ``Inexpressible`` if it is none."""
    sizes = site.output_sizes()
    if len(sizes) != 4:
        raise Inexpressible(f"its output has {len(sizes)} axes; an image has 4: N, channels, height and width")
    if 0 in sizes[1:]:
        raise Inexpressible(f"its output has {' x '.join(map(str, sizes[1:]))} numbers: none")
    return Shape(*sizes[1:])


def pair(values: Sequence[int]) -> tuple[int, int]:
    """Return a window's numbers for height and width. Raises ``Inexpressible`` if it has another number of axes."""
    if len(values) != 2:
        raise Inexpressible(f"its window has {len(values)} axes; windows of a spec have 2")
    return int(values[0]), int(values[1])
