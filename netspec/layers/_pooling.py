"""What the pooling layer types share."""

from __future__ import annotations

from netspec.ir.fault import Fault
from netspec.ir.window import Pad, Window
from netspec.keys import Key, Size2
from netspec.layers._keys import USUAL
from netspec.layers._windows import PAD, ROUNDING
from netspec.lowering import Lowering

KEYS = (
    Key(
        "kernel",
        Size2(whole_map=True),
        "the side of the window, or its height x width. global: the whole map",
        unit="pixels",
    ),
    Key(
        "stride",
        Size2(),
        "the step between neighbouring windows",
        default=None,
        default_text="that of the kernel",
        unit="pixels",
    ),
    PAD,
    ROUNDING,
    *USUAL,
)


def pooling_window(low: Lowering) -> Window:
    """Return the window of a pooling layer. A global one covers the whole map. Raises ``Fault`` if that has padding."""
    shape = low.operands[0].shape
    if low["kernel"] is None:
        if any(low["pad"]):
            raise Fault("bad-value", "{layer}: a global window has no padding", ("pad", "kernel"))
        return Window((shape.height, shape.width), (1, 1), Pad(0, 0, 0, 0), kind="pool")
    return Window(low["kernel"], low["stride"] or low["kernel"], low["pad"], rounding=low["rounding"], kind="pool")
