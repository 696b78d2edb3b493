"""Describe the consequences of a change for layers below."""

from __future__ import annotations

from netspec.check import Checked, LayerFacts
from netspec.formatting import format_count
from netspec.ir.ops import Linear
from netspec.ir.shape import Shape


def consequence(believed: Checked, other: Checked) -> str:
    """Describe the first fully connected layer whose input changes, and the last map above it that does.

    ``believed`` is the file as written, with its claims taken as true; ``other`` is the changed file without claims.
    The result is empty if nothing differs.
    """
    last_map: tuple[str, Shape] | None = None
    for facts in other.layers:
        before = believed.layer(facts.name)
        if before is None or facts.computed is None:
            continue
        new, old = _linear(facts), _linear(before)
        if new and old and new[0] != old[0]:
            lead = f"{last_map[0]} would be {last_map[1]} and " if last_map else ""
            read = f"{facts.name} would read {format_count(new[0])} instead of {format_count(old[0])}"
            return lead + read + _weights_change(new[1] - old[1])
        shape = _believed(before)
        if shape is not None and facts.computed.is_image and facts.computed != shape:
            last_map = facts.name, facts.computed
    return f"{last_map[0]} would be {last_map[1]}" if last_map else ""


def _linear(facts: LayerFacts) -> tuple[int, int] | None:
    """The numbers of inputs and of weights of a fully connected layer that reads one value."""
    if len(facts.steps) == 0 or not isinstance(facts.steps[0].op, Linear) or len(facts.reads) != 1:
        return None
    step = facts.steps[0]
    rows, columns = step.op.params(step.reads, step.output)[0].shape
    return step.reads[0].units, rows * columns


def _weights_change(difference: int) -> str:
    if not difference:
        return ""
    return f", {'gaining' if difference > 0 else 'losing'} {format_count(abs(difference))} weights"


def _believed(facts: LayerFacts) -> Shape | None:
    return facts.stated.shape or facts.computed
