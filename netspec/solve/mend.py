"""Applying fixes to a file's text until none is left to apply."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netspec.diagnostics import Diagnostic, Edit, Fix, apply
from netspec.source import Source

MOST_ROUNDS = 50
"""A fix may bring out the next mistake; a file that needs more rounds than these is left where it is then."""


@dataclass(frozen=True, slots=True)
class Mended:
    """The text with fixes made, and each mistake with the fix that was taken. ``left`` are the mistakes of the chosen
    code that stand in the text still."""

    source: Source
    taken: tuple[tuple[Diagnostic, Fix], ...]
    left: tuple[Diagnostic, ...] = ()


def mend(source: Source, check: Callable[[Source], Iterable[Diagnostic]], code: str | None = None) -> Mended:
    """Apply fixes and check again, until there are none.

    Without ``code`` only spellings are mended; with it, the first fix of each mistake of this code that changes this
    text and no other is taken.
    """
    taken: list[tuple[Diagnostic, Fix]] = []
    found: tuple[Diagnostic, ...] = ()
    for _ in range(MOST_ROUNDS):
        found = tuple(check(source))
        chosen, repeated = _chosen(source, found, code), _repeated(found)
        if not chosen:
            break
        edits = [edit for _, fix in chosen for edit in fix.edits]
        mended = Source(source.name, apply(edits, source.text))
        if _repeated(check(mended)) > repeated:
            break  # a word that is meant stands there already: which of the two holds, the user must say
        taken += chosen
        source = mended
    else:
        found = tuple(check(source))
    return Mended(source, tuple(taken), tuple(d for d in found if d.code == code))


def elsewhere(fix: Fix, source: Source) -> Source | None:
    """The other text that a fix changes, if it does."""
    return next((edit.span.source for edit in fix.edits if edit.span.source is not source), None)


def _repeated(diagnostics: Iterable[Diagnostic]) -> int:
    """How many names or keys are given twice."""
    return sum(d.code.startswith("duplicate") for d in diagnostics)


def _chosen(source: Source, diagnostics: Iterable[Diagnostic], code: str | None) -> list[tuple[Diagnostic, Fix]]:
    """The fixes to make at once: spellings as far as they do not touch, of a chosen code one at a time, since each
    was checked by itself."""
    chosen: list[tuple[Diagnostic, Fix]] = []
    edits: list[Edit] = []
    for diagnostic in diagnostics:
        wanted = (f for f in diagnostic.fixes if _wanted(diagnostic, f, code))
        fix = next((f for f in wanted if elsewhere(f, source) is None), None)
        if fix is None:
            continue
        if any(_touch(edit, other) for edit in fix.edits for other in edits):
            continue
        chosen.append((diagnostic, fix))
        edits += fix.edits
        if code is not None:
            break
    return chosen


def _wanted(diagnostic: Diagnostic, fix: Fix, code: str | None) -> bool:
    return fix.spelling if code is None else diagnostic.code == code


def _touch(a: Edit, b: Edit) -> bool:
    return a.span.start <= b.span.end and b.span.start <= a.span.end
