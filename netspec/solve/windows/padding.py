"""Other padding of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.check import Checked, LayerFacts
from netspec.diagnostics import Diagnostic, Edit
from netspec.ir.shape import Shape
from netspec.ir.window import Pad, TransposedWindow, Window
from netspec.keys.sizes import same_word
from netspec.keys.texts import pad as pad_text
from netspec.keys.texts import pair as size_text
from netspec.solve.edits import propose_keys
from netspec.solve.trial import Bench, Proposal
from netspec.solve.windows.sizes import (
    is_alexnet_puzzle,
    layer_window,
    output_text,
    rounded_down,
    size_of,
    target,
    unrounded_output,
)

FARTHEST_PAD = 1024
"""The most pixels of padding that are considered."""


def tiling(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
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


def keeping_size(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the padding with which a convolution of stride 1 keeps its input's size, as most of them do."""
    pad = same_size_pad(facts)
    if pad is not None:
        size = size_of(facts.reads[0])
        yield propose_keys(checked, facts, {"pad": pad_text(pad)}, f"keeps {size}, another function")


def swapped(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose the padding of the width for the height and the other way round, if the kernel is not square."""
    window = layer_window(facts)
    if window is None or window.extent[0] == window.extent[1]:
        return
    pad = Pad(*window.pad[2:], *window.pad[:2])
    size = output_text(replace(window, pad=pad), facts.reads[0])
    if pad != window.pad and size:
        gives = f"gives {size}, the padding of width and height swapped"
        yield propose_keys(checked, facts, {"pad": pad_text(pad)}, gives)


def inside_image(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose padding for a window that lies wholly in its padding: that of the other axis, or what keeps the size."""
    yield from swapped(checked, facts)
    window = layer_window(facts)
    pad = _keeping_pad(window) if window is not None else None
    if pad is not None:
        yield propose_keys(checked, facts, {"pad": pad_text(pad)}, f"keeps {size_of(facts.reads[0])}")
    elif window is not None:
        yield from none_around(checked, facts, window)


def none_around(checked: Checked, facts: LayerFacts, window: Window) -> Iterator[Proposal]:
    """Propose no padding for a window that lies wholly in it: a projection of one pixel that inherits the padding of
    other convolutions."""
    height, width = window.extent
    left, right, top, bottom = window.pad
    if max(left, right) < width and max(top, bottom) < height:
        return
    bare, x = replace(window, pad=Pad(0, 0, 0, 0)), facts.reads[0]
    if output_text(bare, x):
        yield propose_keys(checked, facts, {"pad": "0"}, f"gives {output_text(bare, x)}")
    elif down := output_text(bare.with_rounding("down"), x):
        yield propose_keys(checked, facts, {"pad": "0", "rounding": "down"}, f"gives {down} as PyTorch computes it")


def of_same(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Iterator[Proposal]:
    """Propose the number that ``pad=same`` of other tools (or ONNX's ``same-upper`` or ``same-lower``) stands for, at a
    stride of 1, or in a transposed convolution.

    To know the layer's other keys, including those of ``default`` lines, the file is checked with 0 in its place.
    """
    same = same_word(mistake.span.text)
    if same is None or (same != "same" and facts.type == "deconv"):
        return
    checked = bench.checked_with([Edit(mistake.span, "0")], claims=False)
    layer = checked.layer(facts.name) if checked is not None else None
    values = layer.values if layer is not None else {}
    kernel, stride, dilation = values.get("kernel"), values.get("stride"), values.get("dilation", (1, 1))
    if not isinstance(kernel, tuple) or not isinstance(stride, tuple) or not isinstance(dilation, tuple):
        return
    if facts.type == "deconv":
        cut = TransposedWindow(kernel, stride, dilation=dilation).with_same_pad().pad
        gives = "keeps the size of what it reads" if stride == (1, 1) else "multiplies the size by the stride"
        yield Proposal(f"write {pad_text(cut)}", (Edit(mistake.span, pad_text(cut)),), gives)
        return
    pad = _keeping_pad(Window(kernel, dilation=dilation)) if stride == (1, 1) else None
    if pad is not None:
        text = pad_text(pad)
        yield Proposal(f"write {text}", (Edit(mistake.span, text),), "keeps the size of what it reads")


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


def _rounded_pad(window: Window, x: Shape, rows: int, columns: int) -> int | None:
    """The smallest equal padding with which rounding down gives these rows and columns, unless the window has it or
    tiles with it."""
    for pad in range(min(max(window.extent), FARTHEST_PAD)):
        padded = Window(window.kernel, window.stride, Pad(pad, pad, pad, pad), window.dilation, "down", window.kind)
        if rounded_down(padded, x) == (rows, columns):
            unchanged = window.pad == (pad, pad, pad, pad)
            return None if unchanged or all(size.denominator == 1 for size in unrounded_output(padded, x)) else pad
    return None
