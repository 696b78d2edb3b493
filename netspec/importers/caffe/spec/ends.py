"""Which lines a network needs: those of its outputs and losses."""

from __future__ import annotations

from netspec.importers.caffe.net.layers import LOSSES, SINKS, Top
from netspec.importers.caffe.spec.lines import Draft, Line


def needed(draft: Draft) -> list[Line]:
    """Return the lines without those that only lead to layers ``Silence``, which drop what they read."""
    wanted = {value.line for top, value in draft.values.items() if value is not None and _is_output(draft, top)}
    wanted |= {place for place, line in enumerate(draft.lines) if line.layer is not None and line.layer.type in LOSSES}
    for place in range(len(draft.lines) - 1, -1, -1):
        if place in wanted:
            line = draft.lines[place]
            wanted |= {*line.inputs, *(() if line.weights_of is None else (line.weights_of,))}
    if not wanted - {0}:
        return draft.lines
    numbers = {place: number for number, place in enumerate(sorted({0, *wanted}))}
    lines = [draft.lines[place] for place in numbers]
    for line in lines:
        line.inputs = tuple(numbers[place] for place in line.inputs)
        line.weights_of = None if line.weights_of is None else numbers[line.weights_of]
    return lines


def _is_output(draft: Draft, top: Top) -> bool:
    """Whether no layer reads a value but those that report it, or none at all."""
    sinks = {layer.type for layer in draft.network.layers if layer.type in SINKS and top in layer.bottoms}
    return top not in draft.readers and sinks != {"Silence"}
