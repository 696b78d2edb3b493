"""Which lines a network needs: those of its outputs and losses."""

from __future__ import annotations

from netspec.importers.caffe.net.layers import LOSSES, SINKS, Top
from netspec.importers.caffe.spec.lines import Draft, Line


def needed(draft: Draft) -> list[Line]:
    """Return the lines without those that only lead to layers ``Silence``, which drop what they read."""
    sinks: dict[Top, set[str]] = {}
    for layer in draft.network.layers:
        for bottom in layer.bottoms if layer.type in SINKS else ():
            sinks.setdefault(bottom, set()).add(layer.type)
    ends = (top for top in draft.values if top not in draft.readers and sinks.get(top) != {"Silence"})
    wanted = {value.line for top in ends if (value := draft.values[top]) is not None}
    wanted |= {
        place for place, line in enumerate(draft.lines) if line.origin is not None and line.origin.type in LOSSES
    }
    for place in range(len(draft.lines) - 1, -1, -1):
        if place in wanted:
            wanted.update(draft.lines[place].needs)
    if not wanted - {0}:
        return draft.lines
    numbers = {place: number for number, place in enumerate(sorted({0, *wanted}))}
    lines = [draft.lines[place] for place in numbers]
    for line in lines:
        line.renumber(numbers.__getitem__)
    return lines
