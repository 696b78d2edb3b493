"""The lines of a whole network, once all layers are translated: those that it needs, and their names."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.importers.caffe.net.layers import LOSSES, SINKS, Top
from netspec.importers.caffe.spec.lines import Draft, Line
from netspec.importers.identifiers import identifier, untaken


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


def names(lines: Sequence[Line], input_name: str) -> list[str]:
    """Return a name for each line, all different: that of its layer, or of its top, which may have characters that
    names in a spec do not have. ``input_name`` is that of the images."""
    result: list[str] = []
    taken: set[str] = set()
    for line in lines:
        own = "".join(line.hint) or (line.origin.name if line.origin is not None else "")
        base = identifier(input_name if line.type == "input" else own or line.type)
        name = untaken(f"{base}_{line.type}" if own and base in taken else base, taken, "_" if own else "")
        taken.add(name)
        result.append(name)
    return result
