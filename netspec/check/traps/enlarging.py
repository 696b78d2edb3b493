"""Traps of layers that enlarge maps: pixels of the output that no input reaches, input that never reaches it, and maps
that are added up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.diagnostics.fixes import insertion
from netspec.formatting import plural
from netspec.ir.distribution import Bilinear
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Conv, Deconv
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


def sums_of_maps(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about kernels of a bilinear interpolation that read several maps each: every output is the sum of all."""
    for node in graph.nodes.values():
        if not isinstance(node.op, Conv | Deconv) or (isinstance(node.op, Conv) and node.op.table is not None):
            continue
        (x,), weight = graph.shapes(node), graph.parameters[node.params[0]]
        maps = x.channels // node.op.groups
        if maps == 1 or weight.layer != node.layer or not isinstance(weight.distribution, Bilinear):
            continue
        message = f"{node.layer} starts with maps that are all the same"
        notes = [f"all its kernels are the same interpolation, and each output is the sum of {maps} interpolated maps"]
        fixes = _separate_maps(node, x.channels, node.op.groups, facts[node.layer])
        yield warning("maps-summed", message, node, facts, ("init",), notes, fixes)


def _separate_maps(node: Node, channels: int, groups: int, facts: LayerFacts) -> Iterator[Fix]:
    """Yield the fix that makes a group of each map, if the layer has one input and as many filters or a multiple."""
    own = facts.values["groups"]
    if node.output.channels % channels or len(facts.inputs) > 1 or groups % own:
        return
    text, pair, init = f"groups={channels * own // groups}", facts.pairs.get("groups"), facts.pairs.get("init")
    if pair is not None:
        yield Fix(f"write {text}", (Edit(pair.span, text),))
    elif init is not None:
        yield Fix(f"write {text}", (insertion(init.span.source, init.span.start, f"{text} "),))


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
