"""Draw a network as a figure: a title, rows of boxes from left to right with GPU groups as towers, and a legend."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from netspec.draw.blocks import Block, blocks_of
from netspec.draw.columns import wire
from netspec.draw.fonts import text_width
from netspec.draw.labels import SHAPE, SMALL, label_of
from netspec.draw.marks import Figure, Mark, Stroke, Words
from netspec.draw.paint import paint_row
from netspec.draw.rows import Parts
from netspec.draw.scale import scale_for
from netspec.draw.sheet import MARGIN, placed_rows
from netspec.draw.towers import drawn_towers
from netspec.formatting import listed, plural
from netspec.net import Net

_TITLE = 16.0
_HEAD = 50.0
_ROW_GAP = 26.0
_SCALE_NOTE = "edges of boxes: square roots of the sizes"
_COST_NOTE = "w: weights, c: connections"
_CROSSING_NOTE = "read across GPU groups"
_SAMPLE, _NOTE_GAP = 26.0, 24.0


def figure_of(net: Net, *, costs: bool = False) -> Figure:
    """Draw a network; with ``costs``, the labels show weights and connections."""
    blocks = blocks_of(net, costs=costs)
    groups = net.graph.groups
    towers = drawn_towers(groups, blocks)
    wiring = wire(blocks, towers)
    labels = [
        label_of(block, (*_placement_lines(block, groups, towers), *input_lines))
        for block, input_lines in zip(blocks, wiring.input_lines, strict=True)
    ]
    shapes = [b.shape.share(towers) if b.placement.split and towers > 1 else b.shape for b in blocks]
    stacked = max(Counter((c, b.placement.gpu) for c, b in zip(wiring.column, blocks, strict=True)).values())
    parts = Parts(blocks, labels, wiring, scale_for(shapes, stacked), towers)
    crossing = any(link.crossing for links in wiring.links for link in links)
    facts = _facts(net)
    marks: list[Mark] = [
        Words(MARGIN, MARGIN + _TITLE * 0.8, net.name, _TITLE, bold=True),
        Words(MARGIN, MARGIN + _TITLE * 0.8 + 17, facts, SHAPE, "muted"),
    ]
    y = MARGIN + _HEAD
    rows = placed_rows(parts)
    for placed in rows:
        row, height = paint_row(parts, placed, MARGIN, y)
        marks += row
        y += height + _ROW_GAP
    legend, legend_end = _legend(y, (_COST_NOTE, _SCALE_NOTE) if costs else (_SCALE_NOTE,), crossing=crossing)
    titles = max(text_width(net.name, _TITLE, bold=True), text_width(facts, SHAPE))
    width = max(titles, legend_end - MARGIN, *(placed.width for placed in rows))
    marks += legend
    return Figure(
        round(width + 2 * MARGIN),
        round(y + MARGIN * 0.6),
        net.name,
        _description(net, blocks, towers),
        tuple(marks),
    )


def _placement_lines(block: Block, groups: int, towers: int) -> tuple[str, ...]:
    """Return label lines for a block's placement if there are too many GPU groups to draw as towers."""
    if towers == groups:
        return ()
    if block.placement.split:
        return (f"split over {groups} GPUs",)
    return () if block.placement.gpu is None else (f"on GPU {block.placement.gpu}",)


def _facts(net: Net) -> str:
    groups = f" · {net.graph.groups} GPU groups" if net.graph.groups > 1 else ""
    return f"{plural(net.total.parameters, 'parameter')} · {plural(net.total.connections, 'connection')}{groups}"


def _legend(y: float, notes: Sequence[str], *, crossing: bool) -> tuple[list[Mark], float]:
    """Return the legend, a single line of text, and its right end."""
    marks: list[Mark] = []
    x = MARGIN
    if crossing:
        marks.append(Stroke(((x, y - 3.5), (x + _SAMPLE, y - 3.5)), "cross", 1.6))
        x += _SAMPLE + 8
        notes = (_CROSSING_NOTE, *notes)
    for note in notes:
        marks.append(Words(x, y, note, SMALL, "muted"))
        x += text_width(note, SMALL) + _NOTE_GAP
    return marks, x - _NOTE_GAP


def _description(net: Net, blocks: Sequence[Block], towers: int) -> str:
    """Return a text alternative of the figure, in one sentence."""
    shown = listed([f"{b.name} {b.shape}" for b in blocks], 40)
    parallel = f", {towers} GPU groups as parallel towers" if towers > 1 else ""
    return f"The network {net.name} from left to right{parallel}: {shown}."
