"""Find the earlier layer that causes a refuted claim, and show the mistake there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from netspec.check import Checked, LayerFacts
from netspec.check.report import key_spans
from netspec.diagnostics import Diagnostic, Label
from netspec.formatting import format_count
from netspec.ir.ops import Linear
from netspec.solve import windows
from netspec.solve.trial import Proposal

Axis = Literal["height", "width"]


def culprit(working: Sequence[Proposal]) -> LayerFacts | None:
    """Return the earlier layer that most likely causes a refuted claim, given the proposals that make the claim true.

    This is the layer that the first proposal changes. If its window tiles its input, changes of other earlier layers
    must not be among the proposals; otherwise the cause is not clear, and the result is ``None``.
    """
    first = working[0].cause if working else None
    if first is None or not windows.tiles(first):
        return first
    return first if all(proposal.cause in (first, None) for proposal in working) else None


def moved_to(mistake: Diagnostic, cause: LayerFacts, checked: Checked) -> Diagnostic:
    """Return the mistake located at its cause, with the claim as a second place."""
    window = windows.layer_window(cause)
    output = cause.computed
    assert window is not None and output is not None
    x, name, exact = cause.reads[0], cause.name, windows.tiles(cause)
    sizes: dict[Axis, tuple[int, int]] = {"width": (x.width, output.width), "height": (x.height, output.height)}
    axis: Axis = next(
        (a for a, (size, _) in sizes.items() if window.unrounded_output(a, size).denominator > 1), "width"
    )
    size, positions = sizes[axis]
    keys = ("kernel", "pad") if exact else ("kernel", "stride")
    spans = key_spans(cause.pairs, keys, cause.section.values[0].span, checked.texts.root)
    arithmetic = window.arithmetic(axis, size) + ("" if exact else f", rounding={window.rounding}")
    first, *others = mistake.notes
    return replace(
        mistake,
        message=f"{mistake.message}: {name} makes {positions} of {size}",
        spans=spans,
        notes=tuple(others),
        labels=(Label(spans[0], f"makes {positions} of {size}: {arithmetic}"), Label(mistake.span, first)),
    )


def expectation(checked: Checked, facts: LayerFacts, after: Checked) -> str:
    """Describe what a refuted shape means for the first fully connected layer that depends on it, if there is one.

    ``after`` is the network checked without claims; it shows what that layer really reads.
    """
    reached = {facts.name}
    for before, real in zip(checked.layers, after.layers, strict=True):
        name = before.name
        if not reached.intersection(checked.layers[i].name for i in before.inputs):
            continue
        if before.stated.shape is None or before.stated.shape == before.computed:
            reached.add(name)
        if real.steps and isinstance(real.steps[0].op, Linear) and len(real.reads) == len(before.reads) == 1:
            return _expected(name, before, real, facts)
    return ""


def _expected(name: str, before: LayerFacts, real: LayerFacts, facts: LayerFacts) -> str:
    """``fc6 reads 6,400 = 256x5x5; expected 9,216 because of -> 256x6x6 at pool5: 11,534,336 weights fewer``."""
    (reads,), (expected,), stated = real.reads, before.reads, facts.stated.shape
    if reads.units == expected.units or not before.steps:
        return ""
    as_map = f" = {reads}" if reads.is_image else ""
    as_stated = f" = {expected}" if expected.is_image and expected != stated else ""
    change = _weights(real) - _weights(before)
    return (
        f"{name} reads {format_count(reads.units)}{as_map}; expected {format_count(expected.units)}{as_stated} "
        "because of "
        f"-> {stated} at {facts.name}: {format_count(abs(change))} weights "
        f"{'more' if change > 0 else 'fewer'}"
    )


def _weights(facts: LayerFacts) -> int:
    step = facts.steps[0]
    rows, columns = step.op.params(step.reads, step.output)[0].shape
    return rows * columns
