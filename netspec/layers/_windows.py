"""Layer types with a window: their keys, the window of each input, and the copies and groups of channels it reads."""

from __future__ import annotations

import functools

from netspec.ir.ops import Concat
from netspec.ir.window import ROUNDINGS, Pad, Rounding, Window
from netspec.keys import Choice, Key, Padding, Size2, Whole
from netspec.keys.sizes import MAX_SIDE
from netspec.lowering import Lowering

KERNEL = Key("kernel", Size2(), "the side of the window, or its height x width", unit="pixels", per_input=True)
STRIDE = Key(
    "stride",
    Size2(),
    "the step between neighbouring windows",
    default=(1, 1),
    default_text="1",
    unit="pixels",
    per_input=True,
)
PAD = Key(
    "pad",
    Padding(),
    "zeros added around the image: one number for all sides, or left,right,top,bottom. If the layer has exactly four "
    "inputs, four numbers are one for each input",
    default=Pad(0, 0, 0, 0),
    default_text="0",
    unit="pixels",
    per_input=True,
)
DILATION = Key(
    "dilation",
    Size2(),
    "the step between neighbouring pixels of the window",
    default=(1, 1),
    default_text="1",
    unit="pixels",
    per_input=True,
)
ROUNDING = Key(
    "rounding",
    Choice(ROUNDINGS),
    "the rule for a last window that does not fit. exact: an error. down: the window is dropped. up: it overhangs at "
    "the right and bottom. caffe: convolutions round down, poolings round up but drop windows that start outside",
    default="exact",
    default_text="that of the net line, or exact",
)
OUTSIDE = Key(
    "outside",
    Choice(("error", "bias"), {"error": False, "bias": True}),
    "the output of a window that is entirely outside the image. error: not allowed. bias: the bias, because the window "
    "reads only zeros",
    default=False,
    default_text="error",
)

WINDOWED = (KERNEL, STRIDE, PAD, DILATION, ROUNDING, OUTSIDE)

GROUPS = Key(
    "groups",
    Whole(),
    "number of groups into which the input channels are divided; each group has its own filters",
    default=1,
    per_input=True,
)
SPREAD = Key(
    "spread",
    Whole(high=MAX_SIDE),
    "number of copies of the input channels that are concatenated before they are divided into groups",
    default=1,
    per_input=True,
)
PLACES = (
    "Height and width: (size + padding before + padding after - extent) / stride + 1, where extent is (kernel - 1) * "
    "dilation + 1; if this is not a whole number, `rounding` decides. Channels:"
)
"""The shape rule of layers with a window, for ``LayerType.rule``."""


def lay_out(low: Lowering) -> None:
    """Replace each input by ``spread`` copies of its channels, one after the other.

    If each GPU group reads only its own share, the copies are made within each share.
    """
    copies = [low.value_for("spread", i) for i in range(len(low.operands))]
    low.operands = tuple(
        low.emit(Concat(low.shares(operand)), *(operand,) * times) if times > 1 else operand
        for operand, times in zip(low.operands, copies, strict=True)
    )


def window(low: Lowering, index: int) -> Window:
    """Return the window for one of the layer's inputs."""
    kernel, stride, pad, dilation = (low.value_for(key, index) for key in ("kernel", "stride", "pad", "dilation"))
    return _window(kernel, stride, pad, dilation, low["rounding"], low["outside"])


@functools.lru_cache(maxsize=1024)
def _window(
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pad: Pad,
    dilation: tuple[int, int],
    rounding: Rounding,
    outside: bool,
) -> Window:
    """Return the window with these properties. Layers share equal ones."""
    return Window(kernel, stride, pad, dilation, rounding, outside=outside)
