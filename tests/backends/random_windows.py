"""Random pooling windows, and networks of a single pooling layer."""

from __future__ import annotations

from building import Builder
from hypothesis import assume
from hypothesis import strategies as st

from netspec.ir.fault import Fault
from netspec.ir.graph import Graph
from netspec.ir.ops import Op
from netspec.ir.window import ROUNDINGS, Pad, Window


def network(op: Op, channels: int, height: int, width: int) -> Graph:
    """Return a network whose only layer is the operation, with the name ``pool``."""
    builder = Builder()
    builder.add("pool", op, builder.input(channels, height, width))
    return builder.graph()


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int, int]:
    """A random window of at least two pixels, with any padding, and the height and width of maps that it fits."""
    sizes, strides, dilations = st.integers(1, 4), st.integers(1, 3), st.integers(1, 2)
    kernel, dilation = (draw(sizes), draw(sizes)), (draw(dilations), draw(dilations))
    assume(kernel != (1, 1))
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    before = draw(st.integers(0, spans[1] - 1)), draw(st.integers(0, spans[0] - 1))
    after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    pad = Pad(before[0], after[0], before[1], after[1])
    window = Window(kernel, (draw(strides), draw(strides)), pad, dilation, draw(st.sampled_from(ROUNDINGS)), "pool")
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    try:
        window.fit(height, width)
    except Fault:
        assume(False)
    return window, height, width
