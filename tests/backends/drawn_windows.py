"""Pooling windows drawn at random, and networks of a pooling alone."""

from __future__ import annotations

from building import Builder
from hypothesis import assume
from hypothesis import strategies as st

from netspec.ir.fault import Fault
from netspec.ir.graph import Graph
from netspec.ir.ops import Op
from netspec.ir.window import ROUNDINGS, Pad, Window


def network(op: Op, channels: int, height: int, width: int) -> Graph:
    """A network whose first layer is the pooling."""
    builder = Builder()
    builder.add("pool", op, builder.input(channels, height, width))
    return builder.graph()


@st.composite
def windows(draw: st.DrawFn) -> tuple[Window, int, int]:
    """A window of two pixels at least, and the height and width of maps that it fits, padded on any side."""
    side, step, gap = st.integers(1, 4), st.integers(1, 3), st.integers(1, 2)
    kernel, dilation = (draw(side), draw(side)), (draw(gap), draw(gap))
    assume(kernel != (1, 1))
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    before = draw(st.integers(0, spans[1] - 1)), draw(st.integers(0, spans[0] - 1))
    after = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    pad = Pad(before[0], after[0], before[1], after[1])
    window = Window(kernel, (draw(step), draw(step)), pad, dilation, draw(st.sampled_from(ROUNDINGS)), "pool")
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    try:
        window.fit(height, width)
    except Fault:
        assume(False)
    return window, height, width
