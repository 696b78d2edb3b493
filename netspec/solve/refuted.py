"""Solve a refuted claim. If an earlier layer causes it, the mistake is shown there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

from netspec.check import Checked, LayerFacts
from netspec.check.report import key_spans
from netspec.diagnostics import Diagnostic, Edit, Label
from netspec.ir.ops import Linear
from netspec.ir.window import AxisName
from netspec.solve import claims
from netspec.solve.channels_last import colours_first
from netspec.solve.consequences import expectation
from netspec.solve.search import working_fixes
from netspec.solve.trial import Bench, Proposal
from netspec.solve.windows.sizes import layer_window, tiles


def with_fixes(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """Return the mistake with fixes, with the earlier layer that causes it, if known, and with its consequences for
    layers below."""
    checked = bench.checked
    seen: dict[tuple[Edit, ...], Proposal] = {}

    def new_proposals() -> Iterator[Proposal]:
        for proposal in chain(colours_first(checked), claims.proposals(checked, facts, mistake)):
            if proposal.edits not in seen:
                seen[proposal.edits] = proposal
                yield proposal

    fixes = working_fixes(new_proposals(), mistake, bench)
    is_about_shape = mistake.span == facts.stated.shape_span
    changes_above = any(edit.span.end < facts.section.span.start for fix in fixes for edit in fix.edits)
    explained = is_about_shape or changes_above
    consequences = (*claims.implied_inputs(facts, mistake), *_expectation(facts, bench)) if explained else ()
    cause = _culprit([seen[fix.edits] for fix in fixes])
    if cause is not None and mistake.notes:
        located = _moved_to(mistake, cause, checked)
        return replace(located, notes=(*located.notes, *consequences), fixes=fixes)
    likely = claims.likely(checked, facts, of_shape=is_about_shape) if explained else ()
    return replace(mistake, notes=(*mistake.notes, *likely, *consequences), fixes=fixes)


def _expectation(facts: LayerFacts, bench: Bench) -> tuple[str, ...]:
    """Describe what a refuted shape means for the first fully connected layer below, unless it is the shape of one."""
    if facts.steps and isinstance(facts.steps[0].op, Linear):
        return ()
    after = bench.checked_with((), claims=False)
    text = expectation(bench.checked, facts, after) if after is not None else ""
    return (text,) if text else ()


def _culprit(working: Sequence[Proposal]) -> LayerFacts | None:
    """Return the earlier layer that most likely causes a refuted claim, given the proposals that make the claim true.

    This is the layer that the first proposal changes. If its window tiles its input, changes of other earlier layers
    must not be among the proposals; otherwise the cause is not clear, and the result is ``None``.
    """
    first = working[0].cause if working else None
    if first is None or not tiles(first):
        return first
    return first if all(proposal.cause in (first, None) for proposal in working) else None


def _moved_to(mistake: Diagnostic, cause: LayerFacts, checked: Checked) -> Diagnostic:
    """Return the mistake located at its cause, with the claim as a second place."""
    window = layer_window(cause)
    output = cause.computed
    assert window is not None and output is not None
    x, name, exact = cause.reads[0], cause.name, tiles(cause)
    sizes: dict[AxisName, tuple[int, int]] = {"width": (x.width, output.width), "height": (x.height, output.height)}
    axis: AxisName = next(
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
