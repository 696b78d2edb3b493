"""Traps of transposed convolutions: pixels of the output that no input reaches, and input that never reaches it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic
from netspec.formatting import plural
from netspec.ir.graph import Graph
from netspec.ir.ops import Deconv
from netspec.ir.window import TransposedWindow


def output_holes(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about windows that are so far apart that some pixels between them are in none."""
    for node in graph.nodes.values():
        if not isinstance(node.op, Deconv):
            continue
        window, (x,) = node.op.window, graph.shapes(node)
        holes = [_holes(window, axis) if side > 1 else 0 for axis, side in enumerate(x[1:])]
        if not any(holes):
            continue
        what, axis = ("column", 1) if holes[1] else ("row", 0)
        every = (
            f"of every {window.stride[axis]} {what}s, {holes[axis]} {'is' if holes[axis] == 1 else 'are'} in no window"
        )
        notes = [f"kernel {window.kernel[axis]}, stride {window.stride[axis]}: {every}"]
        message = f"{node.layer} makes pixels that depend on nothing that it reads"
        yield warning("output-holes", message, node, facts, ("kernel", "stride"), notes)


def _holes(window: TransposedWindow, axis: int) -> int:
    """How many of the ``stride`` pixels from one window to the next are in no window."""
    stride, dilation = window.stride[axis], window.dilation[axis]
    return stride - len({element * dilation % stride for element in range(min(window.kernel[axis], stride))})


def unread_borders(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about pixels at the border of a map whose windows are cut off as a whole."""
    for node in graph.nodes.values():
        if not isinstance(node.op, Deconv):
            continue
        window, pad = node.op.window, node.op.window.pad
        (height, width), (down, right) = window.extent, window.stride
        for side, cut, extent, stride in (
            ("left", pad.left, width, right),
            ("right", pad.right, width, right),
            ("top", pad.top, height, down),
            ("bottom", pad.bottom, height, down),
        ):
            if cut < extent:
                continue
            lost = plural((cut - extent) // stride + 1, "row" if side in ("top", "bottom") else "column")
            notes = [f"{side}: a window has {extent} pixels, and {cut} are cut off: {lost} of its input are never read"]
            yield warning("unread-pixels", f"{node.layer} leaves pixels unread", node, facts, ("pad",), notes)
            break
