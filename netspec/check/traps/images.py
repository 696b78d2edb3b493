"""Traps in how windows and connection tables read an image, and in how the input says what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.diagnostics.fixes import insertion
from netspec.formatting import format_number, listed, plural
from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Input, window_of
from netspec.ir.shape import Shape

MAX_COLOURS = 4
"""The largest number of channels that an image is expected to have: three colours and a mask."""

MAX_LISTED = 8
"""How many unread channels a warning lists by their numbers."""


def channels_last(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about an input written height x width x channels: it has many channels and very narrow maps."""
    for node in graph.nodes.values():
        shape = node.output
        values = facts[node.layer].section.values if isinstance(node.op, Input) else ()
        if not shape.is_image or len(values) < 2:
            continue
        if shape.channels == shape.height > MAX_COLOURS >= shape.width:
            meant = Shape(shape.width, shape.channels, shape.height)
            message = f"{node.layer} has {shape.channels} channels of {shape.height} x {shape.width} pixels"
            note = f"a shape is channels x height x width: {meant} has {shape.channels} x {shape.height} pixels"
            fix = Fix(f"write {meant}", (Edit(values[1].span, str(meant)),))
            yield Diagnostic(
                "channels-last", message, (values[1].span,), (note,), (fix,), severity="warning", layer=node.layer
            )


def mean_out_of_range(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about numbers for ``mean`` that cannot be means of pixels of the input's range, or of almost black ones.

    Published means are given both for pixels of 0 to 255 (123.68, 116.779, 103.939) and of 0 to 1 (0.485, 0.456,
    0.406). A mean below 1 of a range of 255 is taken for one of the other range.
    """
    node = graph.input
    given, pair = graph.preprocessing, facts[node.layer].pairs.get("mean")
    if pair is None or isinstance(given.mean, str):
        return
    largest, other = max(given.mean), 255 if given.range == 1 else 1
    if not (largest > given.range or (given.range == 255 and 0 < largest < 1)):
        return
    written = facts[node.layer].pairs.get("range")
    message = f"{node.layer} subtracts a mean of {format_number(largest)} from pixels of 0 to {given.range}"
    notes = [f"mean= and std= are numbers of that range; with range={other} pixels are 0 to {other}"]
    edit = insertion(pair.span.source, pair.span.start, f"range={other} ")
    if written:
        edit = Edit(written.span, f"range={other}")
    fixes = [Fix(f"write range={other}", (edit,))] if largest <= other else []
    yield warning("mean-out-of-range", message, node, facts, ("mean",), notes, fixes)


def unread_pixels(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about windows that, rounded down, never read the last columns or rows of an image.

    If the stride is longer than the window, as in a 1x1 projection with stride 2 (He et al., 2015, section 3.3), pixels
    between windows stay unread by design. The warning is then given only if more than such a gap is unread at the end.
    """
    for node in graph.nodes.values():
        window = window_of(node.op)
        if window is None or window.rounding == "exact":
            continue
        (x,) = graph.shapes(node)
        rows, columns = window.fit(x.height, x.width)
        gap = [stride - extent for stride, extent in zip(window.stride, window.extent, strict=True)]
        if columns.unread > max(0, gap[1]):
            note = f"{window.arithmetic('width', x.width)}: {_never_read(columns.unread, x.width, 'column')}"
        elif rows.unread > max(0, gap[0]):
            note = f"{window.arithmetic('height', x.height)}: {_never_read(rows.unread, x.height, 'row')}"
        else:
            continue
        yield warning("unread-pixels", f"{node.layer} leaves pixels unread", node, facts, ("kernel",), [note])


def _never_read(unread: int, size: int, what: str) -> str:
    last = f"the last {what} of {size} is" if unread == 1 else f"the last {unread} of {size} {what}s are"
    return f"{last} never read"


def unread_channels(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about channels that no row of a connection table lists."""
    for node in graph.nodes.values():
        if not isinstance(node.op, Conv) or node.op.table is None:
            continue
        (x,) = graph.shapes(node)
        read = {channel for row in node.op.table.rows for channel in row}
        unread = [str(channel) for channel in range(x.channels) if channel not in read]
        if unread:
            which = plural(len(unread), "channel").split(" ", 1)[1]
            message = f"no filter of {node.layer} reads {which} {listed(unread, MAX_LISTED)}"
            notes = [f"its input has {plural(x.channels, 'channel')}, and a table counts them from 0"]
            yield warning("unread-channels", message, node, facts, ("table",), notes)
