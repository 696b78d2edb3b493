"""The window of a layer, and the sizes that it gives."""

from __future__ import annotations

import math
from fractions import Fraction

from netspec.check import LayerFacts
from netspec.ir.fault import Fault
from netspec.ir.ops import window_of
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import pair as size_text


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
        return rounded_down(window, x)
    height, width = unrounded_output(window, x)
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


def tiles(facts: LayerFacts) -> bool:
    """Whether a layer's window tiles its input along both axes."""
    window, x = layer_window(facts), facts.reads[0]
    assert window is not None
    return all(size.denominator == 1 for size in unrounded_output(window, x))


def is_alexnet_puzzle(window: Window, x: Shape) -> bool:
    """Whether this is AlexNet's first layer as printed: 224 pixels, kernel 11, stride 4."""
    return window.kernel == (11, 11) and window.stride == (4, 4) and x.height == x.width == 224


def output_size(window: Window, x: Shape) -> tuple[int, int] | None:
    """The height and width of a window's output, or ``None`` if the window does not fit."""
    try:
        rows, columns = window.fit(x.height, x.width)
    except Fault:
        return None
    return rows.output, columns.output


def output_text(window: Window, x: Shape) -> str:
    """The height and width of a window's output as text, empty if the window does not fit."""
    size = output_size(window, x)
    return size_text(size) if size else ""


def rounded_down(window: Window, x: Shape) -> tuple[int, int]:
    """The height and width of a window's output rounded down, whatever its own is."""
    height, width = unrounded_output(window, x)
    return math.floor(height), math.floor(width)


def unrounded_output(window: Window, x: Shape) -> tuple[Fraction, Fraction]:
    """The height and width of a window's output before rounding."""
    return window.unrounded_output("height", x.height), window.unrounded_output("width", x.width)


def size_of(x: Shape) -> str:
    """The height and width of a map as text."""
    return size_text((x.height, x.width))
