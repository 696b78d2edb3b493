"""Fixes for windows that do not fit: another input size, another rounding, other padding.

Each proposal solves the window's arithmetic for one of its terms. Trials decide which of them work for the network as a
whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Diagnostic, Edit
from netspec.ir.fault import Fault
from netspec.ir.ops import window_of
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, Rounding, TransposedWindow, Window
from netspec.keys.texts import pad as pad_text
from netspec.keys.texts import pair as size_text
from netspec.solve.edits import propose_keys, set_crop, set_input, set_setting
from netspec.solve.trial import Bench, Proposal

_COMPUTED_BY = {"up": "as cuda-convnet computed it", "down": "as PyTorch computes it", "caffe": "as Caffe computes it"}
FARTHEST_PAD = 1024
"""The most pixels of padding that are considered."""

FARTHEST_SIZE = 32
"""The largest difference, in pixels, between the input size and those that the search tries."""


def layer_window(facts: LayerFacts) -> Window | None:
    """Return the window of a layer that reads one image, or ``None`` if it has none."""
    if len(facts.reads) != 1 or not facts.reads[0].is_image:
        return None
    ops = (facts.failed, *(step.op for step in facts.steps))
    return next((w for op in ops if op is not None and (w := window_of(op))), None)


def target(facts: LayerFacts, window: Window) -> tuple[int, int]:
    """Return the rows and columns that a window should give.

    These are the claimed ones or, without a claim, those of rounding down if this leaves out nothing but padding, or
    else those of rounding up.
    """
    x = facts.reads[0]
    if facts.stated.shape is not None and facts.stated.shape.is_image:
        return facts.stated.shape.height, facts.stated.shape.width
    if leaves_out_padding_alone(facts, window):
        return _rounded_down(window, x)
    height, width = _unrounded_output(window, x)
    return math.ceil(height), math.ceil(width)


def leaves_out_padding_alone(facts: LayerFacts, window: Window) -> bool:
    """Whether rounding down leaves no pixel of the image unread.

    An example is a kernel of 3 with stride 2 and padding 1 on an even side, as in ResNet and MobileNet.
    """
    x = facts.reads[0]
    try:
        return all(axis.unread == 0 for axis in window.with_rounding("down").fit(x.height, x.width))
    except Fault:
        return False


def input_sizes(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose other sizes of the network's input: the one that the window needs if it reads the input directly, or else
    all sizes nearby, the nearest first."""
    source = checked.input
    if source is None or source.computed is None or not source.computed.is_image or len(source.section.values) < 2:
        return
    shape = source.computed
    if facts.inputs and checked.layers[facts.inputs[0]] is source:
        rows, columns = target(facts, window)
        height, width = window.needed_size("height", rows), window.needed_size("width", columns)
        if height is None or width is None:
            return
        needed = Shape(shape.channels, height, width)
        if needed != shape and min(needed) > 0:
            yield _input(checked, source, needed, f"gives {size_text((rows, columns))} exactly")
        return
    yield from _far_input_size(checked, source, facts, window)
    for distance in range(1, FARTHEST_SIZE + 1):
        for change in (distance, -distance):
            other = Shape(shape.channels, shape.height + change, shape.width + change)
            if min(other) > 0:
                yield replace(_input(checked, source, other), nearby_size=True)


def _far_input_size(checked: Checked, source: LayerFacts, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose the input size with which all windows above tile and this one gives what is claimed.

    Yields nothing if this size is within ``FARTHEST_SIZE`` of the stated one, because those are tried one by one.
    """
    assert source.computed is not None
    rows, columns = size = target(facts, window)
    upstream: LayerFacts = facts
    while facts.stated.shape is not None and upstream is not source:
        above = layer_window(upstream)
        if above is not None:
            height, width = above.needed_size("height", size[0]), above.needed_size("width", size[1])
            if height is None or width is None:
                return
            size = height, width
        elif upstream.computed is None or not upstream.inputs or upstream.computed[1:] != upstream.reads[0][1:]:
            return
        upstream = checked.layers[upstream.inputs[0]]
    needed = Shape(source.computed.channels, *size)
    if max(abs(a - b) for a, b in zip(needed, source.computed, strict=True)) > FARTHEST_SIZE and min(needed) > 0:
        yield _input(checked, source, needed, f"gives {size_text((rows, columns))} exactly")


def _input(checked: Checked, source: LayerFacts, shape: Shape, gives: str = "") -> Proposal:
    crop = f", crop={shape.height}" if checked.settings.augment.crop else ""
    edits = (*set_input(checked, source, shape), *set_crop(checked, shape.height))
    return Proposal(f"input {shape}{crop}", edits, gives)


def rounding(checked: Checked, facts: LayerFacts, window: Window, to: Rounding) -> Proposal:
    """Propose another rounding, for the layer if it has its own, or else for the whole network."""
    gives = _gives(facts, window, to)
    if "rounding" in facts.pairs:
        return propose_keys(checked, facts, {"rounding": to}, gives)
    return Proposal(f"net rounding={to}", (set_setting(checked, "net", "rounding", to),), gives)


def _gives(facts: LayerFacts, window: Window, to: Rounding) -> str:
    size = _output_text(window.with_rounding(to), facts.reads[0])
    return f"gives {size} {_COMPUTED_BY[to]}" if size else ""


def output_size(window: Window, x: Shape) -> tuple[int, int] | None:
    """The height and width of a window's output, or ``None`` if the window does not fit."""
    try:
        rows, columns = window.fit(x.height, x.width)
    except Fault:
        return None
    return rows.output, columns.output


def _output_text(window: Window, x: Shape) -> str:
    """The height and width of a window's output as text, empty if the window does not fit."""
    size = output_size(window, x)
    return size_text(size) if size else ""


def as_caffe(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose Caffe's rounding for the whole network, if it may differ from both up and down.

    It does if neither convolutions nor pooling tile, or if the input of a pooling layer is not known yet.
    """
    kinds = {w.kind for f in checked.layers if (w := layer_window(f)) is not None and not tiles(f)}
    unknown_kinds = {"pool" for f in checked.layers if f.type is not None and f.type.endswith("pool") and not f.reads}
    if len(kinds | unknown_kinds) > 1 and window.rounding != "caffe" and "rounding" not in facts.pairs:
        yield rounding(checked, facts, window, "caffe")


def own_rounding(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose another rounding for this layer alone, if it does not have its own yet."""
    if "rounding" in facts.pairs:
        return
    others: tuple[Rounding, ...] = ("up", "down")
    for other in others:
        if other != window.rounding:
            yield propose_keys(checked, facts, {"rounding": other}, _gives(facts, window, other))


def kernels(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose a square kernel of another size with which the window tiles."""
    x = facts.reads[0]
    rows, columns = target(facts, window)
    if window.dilation != (1, 1) or "kernel" not in facts.pairs:
        return
    height = window.stride[0] * (1 - rows) + x.height + window.pad.top + window.pad.bottom
    width = window.stride[1] * (1 - columns) + x.width + window.pad.left + window.pad.right
    if height == width and height > 0 and (height, width) != window.kernel:
        gives = f"gives {size_text((rows, columns))} exactly, another function"
        yield propose_keys(checked, facts, {"kernel": str(height)}, gives)


def unit_stride(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose a stride of 1 for a layer that gives none and whose type uses the kernel's size instead."""
    if "stride" not in facts.pairs and window.stride != (1, 1):
        size = _output_text(replace(window, stride=(1, 1)), facts.reads[0])
        if size:
            yield propose_keys(checked, facts, {"stride": "1"}, f"gives {size} exactly, another function")


def size_keeping_stride(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose a stride of 1 for a layer that is claimed to be as large as what it reads, if it then is."""
    x, claimed = facts.reads[0], facts.stated.shape
    if claimed is None or claimed[1:] != x[1:] or window.stride == (1, 1):
        return
    size = _size(x)
    if _output_text(replace(window, stride=(1, 1)), x) == size:
        yield propose_keys(checked, facts, {"stride": "1"}, f"keeps {size}, another function")


def pads(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose padding with which the window tiles, and equal padding with which it does when rounded down."""
    x = facts.reads[0]
    rows, columns = target(facts, window)
    height, width = window.needed_pad("height", x.height, rows), window.needed_pad("width", x.width, columns)
    exact = Pad(width // 2, width - width // 2, height // 2, height - height // 2)
    if min(height, width) >= 0 and exact != window.pad:
        gives = f"gives {size_text((rows, columns))} exactly, another function"
        yield propose_keys(checked, facts, {"pad": pad_text(exact)}, gives)
    equal = _rounded_pad(window, x, rows, columns)
    if equal is not None:
        who = "torchvision" if is_alexnet_puzzle(window, x) and (rows, columns) == (55, 55) else "PyTorch"
        gives = f"gives {size_text((rows, columns))} as {who} computes it, another function"
        yield propose_keys(checked, facts, {"pad": str(equal), "rounding": "down"}, gives)


def tiles(facts: LayerFacts) -> bool:
    """Whether a layer's window tiles its input along both axes."""
    window, x = layer_window(facts), facts.reads[0]
    assert window is not None
    return all(size.denominator == 1 for size in _unrounded_output(window, x))


def same_size_pad(facts: LayerFacts) -> Pad | None:
    """The padding with which a layer's window of stride 1 keeps its input's size, if it has less than that."""
    window = layer_window(facts)
    return same_size_pad_of(window) if window is not None else None


def same_size_pad_of(window: Window) -> Pad | None:
    """The same as ``same_size_pad``, for a window."""
    pad = _keeping_pad(window)
    has_less = pad is not None and pad != window.pad and all(a <= b for a, b in zip(window.pad, pad, strict=True))
    return pad if has_less else None


def _keeping_pad(window: Window) -> Pad | None:
    """The padding with which a window of stride 1 keeps its input's size, if it can be the same on opposite sides."""
    height, width = window.extent
    if window.stride != (1, 1) or height % 2 == 0 or width % 2 == 0:
        return None
    return Pad(width // 2, width // 2, height // 2, height // 2)


def same_size_padding(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the padding with which a convolution of stride 1 keeps its input's size, as most of them do."""
    pad = same_size_pad(facts)
    if pad is not None:
        size = _size(facts.reads[0])
        yield propose_keys(checked, facts, {"pad": pad_text(pad)}, f"keeps {size}, another function")


def swapped_pad(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the padding of the width for the height and the other way round, if the kernel is not square."""
    window = layer_window(facts)
    if window is None or window.extent[0] == window.extent[1]:
        return
    pad = Pad(*window.pad[2:], *window.pad[:2])
    size = _output_text(replace(window, pad=pad), facts.reads[0])
    if pad != window.pad and size:
        gives = f"gives {size}, the padding of width and height swapped"
        yield propose_keys(checked, facts, {"pad": pad_text(pad)}, gives)


def smaller_pads(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose padding for a window that lies wholly in its padding: that of the other axis, or what keeps the size."""
    yield from swapped_pad(checked, facts)
    window = layer_window(facts)
    pad = _keeping_pad(window) if window is not None else None
    if pad is not None:
        yield propose_keys(checked, facts, {"pad": pad_text(pad)}, f"keeps {_size(facts.reads[0])}")


def numeric_same_pad(facts: LayerFacts, mistake: Diagnostic, bench: Bench) -> Iterator[Proposal]:
    """Propose the number that ``pad=same`` of other tools stands for, at a stride of 1, or in a transposed convolution.

    To know the layer's other keys, including those of ``default`` lines, the file is checked with 0 in its place.
    """
    if mistake.span.text.lower() != "same":
        return
    checked = bench.checked_with([Edit(mistake.span, "0")], claims=False)
    layer = checked.layer(facts.name) if checked is not None else None
    values = layer.values if layer is not None else {}
    kernel, stride, dilation = values.get("kernel"), values.get("stride"), values.get("dilation", (1, 1))
    if not isinstance(kernel, tuple) or not isinstance(stride, tuple) or not isinstance(dilation, tuple):
        return
    if facts.type == "deconv":
        same = TransposedWindow(kernel, stride, dilation=dilation).with_same_pad().pad
        gives = "keeps the size of what it reads" if stride == (1, 1) else "multiplies the size by the stride"
        yield Proposal(f"write {pad_text(same)}", (Edit(mistake.span, pad_text(same)),), gives)
        return
    pad = _keeping_pad(Window(kernel, dilation=dilation)) if stride == (1, 1) else None
    if pad is not None:
        text = pad_text(pad)
        yield Proposal(f"write {text}", (Edit(mistake.span, text),), "keeps the size of what it reads")


def is_alexnet_puzzle(window: Window, x: Shape) -> bool:
    """Whether this is AlexNet's first layer as printed: 224 pixels, kernel 11, stride 4."""
    return window.kernel == (11, 11) and window.stride == (4, 4) and x.height == x.width == 224


def _rounded_pad(window: Window, x: Shape, rows: int, columns: int) -> int | None:
    """The smallest equal padding with which rounding down gives these rows and columns, unless the window has it or
    tiles with it."""
    for pad in range(min(max(window.extent), FARTHEST_PAD)):
        padded = Window(window.kernel, window.stride, Pad(pad, pad, pad, pad), window.dilation, "down", window.kind)
        if _rounded_down(padded, x) == (rows, columns):
            unchanged = window.pad == (pad, pad, pad, pad)
            return None if unchanged or all(size.denominator == 1 for size in _unrounded_output(padded, x)) else pad
    return None


def _rounded_down(window: Window, x: Shape) -> tuple[int, int]:
    height, width = _unrounded_output(window, x)
    return math.floor(height), math.floor(width)


def _unrounded_output(window: Window, x: Shape) -> tuple[Fraction, Fraction]:
    """The height and width of a window's output before rounding."""
    return window.unrounded_output("height", x.height), window.unrounded_output("width", x.width)


def _size(x: Shape) -> str:
    """The height and width of a map as text."""
    return size_text((x.height, x.width))
