"""Fixes of a statement that cannot be read with them yet: they are completed by those of what is wrong with it then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice, takewhile

from netspec.check import Checked
from netspec.diagnostics import Diagnostic, Edit
from netspec.language.syntax import Section, Setting
from netspec.solve.proposals import proposals
from netspec.solve.trial import Bench, Proposal
from netspec.source import Span

NOTATION = frozenset(("syntax", "missing-type", "unknown-type", "unknown-key", "bad-value", "stray-value"))
"""Mistakes in how a statement is written. Other mistakes are for the user to decide on, one at a time."""

MAX_STEPS = 4
"""How many times the fixes of all mistakes of a statement are applied after the first."""

MAX_TITLE_LENGTH = 80
"""A replacement of more characters is not shown in the fix's title."""

ProposalsOf = Callable[[Diagnostic, Bench], Iterable[Proposal]]


def completed(
    proposal: Proposal,
    after: Checked,
    mistake: Diagnostic,
    bench: Bench,
    fixes_of: ProposalsOf,
) -> tuple[Proposal, Checked] | None:
    """Return a proposal together with the first fixes of the mistakes in the notation of its statement that come to
    light with it, ``after``, and the check of the file with all of them. A mistake of the syntax may be of several
    statements.

    ``fixes_of`` returns what was found to fix a mistake. ``None`` if there are no such fixes, or none within the
    statement.
    """
    root = bench.checked.texts.root
    whole = _statement(bench.checked, mistake.span)
    if mistake.code == "syntax":
        whole = whole._replace(end=max([whole.end, *(edit.span.end for edit in proposal.edits)]))
    if mistake.span.source is not root or not all(whole.contains(edit.span) for edit in proposal.edits):
        return None
    checked, gives, spelling = after, [proposal.gives], proposal.spelling
    for _ in range(MAX_STEPS):
        text, inner = checked.texts.root, bench.on(checked)
        part = Span(text, whole.start, len(text.text) - (len(root.text) - whole.end))
        errors = [e for e in bench.new_errors(checked) if e.code in NOTATION and part.contains(e.span)]
        errors = [e for e in errors if len(e.fixes) < 2]  # between several, the user decides
        step = _together(part, errors, inner, lambda e, on: islice(proposals(e, on), 1))
        if step is None or not all(inner.fix(step[0], error, step[1]) for error in step[2]):
            step = _together(part, errors, inner, fixes_of)
        if step is None:
            break
        checked, spelling = step[1], spelling and step[0].spelling
        gives.append(step[0].gives)
    if checked is after:
        return None
    new = checked.texts.root.text
    edit = _difference(whole, new[whole.start : len(new) - (len(root.text) - whole.end)])
    shown = " ".join(edit.text.split()).replace(" [", " and [")
    title = f"write {shown}" if shown and len(shown) <= MAX_TITLE_LENGTH else "write it as a spec does"
    return Proposal(title, (edit,), "; ".join(filter(None, gives)), spelling), checked


def _statement(checked: Checked, place: Span) -> Span:
    """The part of a text from the beginning of the statement at this place to that of the next."""
    statements: tuple[Section | Setting, ...]
    statements = (*checked.file.sections, *checked.file.settings, *checked.file.broken)
    starts = [s.span.start for s in statements if s.span.source is place.source]
    before, behind = [n for n in starts if n <= place.start], [n for n in starts if n > place.start]
    return Span(place.source, max(before, default=0), min(behind, default=len(place.source.text)))


def _together(
    whole: Span, errors: Sequence[Diagnostic], bench: Bench, proposals_of: ProposalsOf
) -> tuple[Proposal, Checked, list[Diagnostic]] | None:
    """Return the first proposal for each mistake that changes the statement alone, and nothing that an earlier one
    does, as one; with it the check of the file with them, and these mistakes. ``None`` if there are none."""
    chosen: list[Proposal] = []
    fixed: list[Diagnostic] = []
    for error in errors:
        taken = [edit.span for proposal in chosen for edit in proposal.edits]
        inside = (p for p in proposals_of(error, bench) if all(whole.contains(edit.span) for edit in p.edits))
        first = next(inside, None)
        if first is not None and not any(edit.span.touches(other) for edit in first.edits for other in taken):
            chosen.append(first)
            fixed.append(error)
    edits = tuple(edit for proposal in chosen for edit in proposal.edits)
    after = bench.checked_with(edits) if chosen else None
    if after is None:
        return None
    gives = "; ".join(dict.fromkeys(proposal.gives for proposal in chosen if proposal.gives))
    return Proposal("", edits, gives, all(proposal.spelling for proposal in chosen)), after, fixed


def _difference(whole: Span, text: str) -> Edit:
    """Return the replacement of the words of a statement that differ from those of its new text."""
    old = whole.text
    start = _common(old, text)
    while start > 0 and not old[start - 1].isspace():
        start -= 1
    stop = _common(old[start:][::-1], text[start:][::-1])
    while stop > 0 and not old[len(old) - stop].isspace():
        stop -= 1
    return Edit(Span(whole.source, whole.start + start, whole.end - stop), text[start : len(text) - stop])


def _common(one: str, other: str) -> int:
    """The number of characters with which both texts begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
