"""Solve a refuted claim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import chain

from netspec.check import LayerFacts
from netspec.diagnostics import Diagnostic, Edit
from netspec.ir.ops import Linear
from netspec.solve import blame, claims
from netspec.solve.channels_last import colours_first
from netspec.solve.consequences import expectation
from netspec.solve.search import working_fixes
from netspec.solve.trial import Bench, Proposal


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
    cause = blame.culprit([seen[fix.edits] for fix in fixes])
    if cause is not None and mistake.notes:
        located = blame.moved_to(mistake, cause, checked)
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
