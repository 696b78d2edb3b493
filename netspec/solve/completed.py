"""Fixes of a statement that cannot be read with them yet: they are completed by those of what is wrong with it then."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

from netspec.check import Checked
from netspec.diagnostics import Diagnostic, Edit
from netspec.language.syntax import Section, Setting
from netspec.solve.trial import Bench, Proposal, Tried
from netspec.source import Span

NOTATION = frozenset(("syntax", "missing-type", "unknown-type", "unknown-key", "bad-value", "stray-value"))
"""Mistakes in how a statement is written. Other mistakes are for the user to decide on, one at a time."""

MAX_STEPS = 4
"""How many times the fixes of all mistakes of a statement are applied after the first."""

MAX_TITLE_LENGTH = 80
"""A replacement of more characters is not shown in the fix's title."""

FixesOf = Callable[[Diagnostic, Bench], Sequence[Tried]]


def completed(
    proposal: Proposal, after: Checked, mistake: Diagnostic, bench: Bench, fixes_of: FixesOf
) -> tuple[Proposal, Checked] | None:
    """Return a proposal together with the first fixes of the mistakes in the notation of its statement that come to
    light with it, ``after``, and the check of the file with all of them.

    ``fixes_of`` returns the fixes of a mistake. ``None`` if there are none, or none within the statement.
    """
    root = bench.checked.texts.root
    whole = _statement(bench.checked, mistake.span)
    if mistake.span.source is not root or not all(_is_inside(edit.span, whole) for edit in proposal.edits):
        return None
    checked, gives, spelling = after, [proposal.gives], proposal.spelling
    for _ in range(MAX_STEPS):
        text, inner = checked.texts.root, bench.on(checked)
        part = Span(text, whole.start, len(text.text) - (len(root.text) - whole.end))
        errors = [error for error in bench.new_errors(checked) if error.code in NOTATION]
        chosen = _fixes_inside(part, (fixes_of(error, inner) for error in errors if _is_inside(error.span, part)))
        following = inner.checked_with([edit for tried in chosen for edit in tried.fix.edits]) if chosen else None
        if following is None:
            break
        checked, spelling = following, spelling and all(tried.fix.spelling for tried in chosen)
        gives += [tried.gives for tried in chosen]
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


def _is_inside(span: Span, whole: Span) -> bool:
    return span.source is whole.source and whole.start <= span.start and span.end <= whole.end


def _fixes_inside(whole: Span, found: Iterable[Sequence[Tried]]) -> list[Tried]:
    """Return the first fix of each mistake that changes the statement alone, and nothing that an earlier one does."""
    chosen: list[Tried] = []
    for fixes in found:
        taken = [edit.span for tried in chosen for edit in tried.fix.edits]
        first = next((t for t in fixes if all(_is_inside(edit.span, whole) for edit in t.fix.edits)), None)
        spans = [edit.span for edit in first.fix.edits] if first is not None else []
        if first is not None and not any(a.start <= b.end and b.start <= a.end for a in spans for b in taken):
            chosen.append(first)
    return chosen


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
