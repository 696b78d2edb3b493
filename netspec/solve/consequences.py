"""Describe what a change, or a refuted claim, means for the layers below."""

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
        shape = before.stated.shape or before.computed
        if shape is not None and facts.computed.is_image and facts.computed != shape:
            last_map = facts.name, facts.computed
    return f"{last_map[0]} would be {last_map[1]}" if last_map else ""


def expectation(checked: Checked, facts: LayerFacts, after: Checked) -> str:
    """Describe what a refuted shape means for the first fully connected layer that depends on it, if there is one.

    ``after`` is the network checked without claims; it shows what that layer really reads.
    """
    reached = {facts.name}
    for before, real in zip(checked.layers, after.layers, strict=False):  # a check ends at its 1,000th mistake
        if not reached.intersection(checked.layers[i].name for i in before.inputs):
            continue
        if before.stated.shape is None or before.stated.shape == before.computed:
            reached.add(before.name)
        if _linear(real) and len(before.reads) == 1:
            return _expected(before, real, facts)
    return ""


def _expected(before: LayerFacts, real: LayerFacts, facts: LayerFacts) -> str:
    """``fc6 reads 6,400 = 256x5x5; expected 9,216 because of -> 256x6x6 at pool5: 11,534,336 weights fewer``."""
    (reads,), (expected,), stated = real.reads, before.reads, facts.stated.shape
    new, old = _linear(real), _linear(before)
    if not new or not old or reads.units == expected.units:
        return ""
    as_map = f" = {reads}" if reads.is_image else ""
    as_stated = f" = {expected}" if expected.is_image and expected != stated else ""
    change = new[1] - old[1]
    return (
        f"{before.name} reads {format_count(reads.units)}{as_map}; "
        f"expected {format_count(expected.units)}{as_stated} because of -> {stated} at {facts.name}: "
        f"{format_count(abs(change))} weights {'more' if change > 0 else 'fewer'}"
    )


def _linear(facts: LayerFacts) -> tuple[int, int] | None:
    """The numbers of inputs and of weights of a fully connected layer that reads one value."""
    if not facts.steps or not isinstance(facts.steps[0].op, Linear) or len(facts.reads) != 1:
        return None
    step = facts.steps[0]
    rows, columns = step.op.params(step.reads, step.output)[0].shape
    return step.reads[0].units, rows * columns


def _weights_change(difference: int) -> str:
    if not difference:
        return ""
    return f", {'gaining' if difference > 0 else 'losing'} {format_count(abs(difference))} weights"
