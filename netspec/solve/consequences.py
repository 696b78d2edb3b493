"""Describe the consequences of a change for layers below."""

from __future__ import annotations

from netspec.check import Checked, LayerFacts
from netspec.ir.ops import Linear
from netspec.ir.shape import Shape
from netspec.units import count


def consequence(believed: Checked, other: Checked) -> str:
    """Describe the first fully connected layer whose input changes, and the last map above it that does.

    ``believed`` is the file as written, with its claims taken as true; ``other`` is the changed file without claims.
    The result is empty if nothing differs.
    """
    maps: tuple[str, Shape] | None = None
    for facts in other.layers:
        before = believed.layer(facts.section.name.text)
        if before is None or facts.computed is None:
            continue
        mine, its = _linear(facts), _linear(before)
        if mine and its and mine[0] != its[0]:
            lead = f"{maps[0]} would be {maps[1]} and " if maps else ""
            return f"{lead}{facts.section.name.text} would read {count(mine[0])} instead of {count(its[0])}" + _lost(
                mine[1] - its[1]
            )
        shape = _believed(before)
        if shape is not None and facts.computed.is_image and facts.computed != shape:
            maps = facts.section.name.text, facts.computed
    return f"{maps[0]} would be {maps[1]}" if maps else ""


def _linear(facts: LayerFacts) -> tuple[int, int] | None:
    """The numbers of inputs and of weights of a fully connected layer that reads one value."""
    if len(facts.steps) == 0 or not isinstance(facts.steps[0].op, Linear) or len(facts.reads) != 1:
        return None
    step = facts.steps[0]
    rows, columns = step.op.params(step.reads, step.output)[0].shape
    return step.reads[0].units, rows * columns


def _lost(difference: int) -> str:
    if not difference:
        return ""
    return f", {'gaining' if difference > 0 else 'losing'} {count(abs(difference))} weights"


def _believed(facts: LayerFacts) -> Shape | None:
    return facts.stated.shape or facts.computed
