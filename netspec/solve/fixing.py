"""Apply fixes to a file's text until there are none left."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from netspec.diagnostics import Diagnostic, Edit, Fix, apply
from netspec.source import Source

MAX_ROUNDS = 50
"""How many rounds of fixes are applied. A fix may reveal another error, which is fixed in the next round."""


@dataclass(frozen=True, slots=True)
class FixedText:
    """The text with fixes applied, and each fixed diagnostic with its fix. ``unfixed`` are the diagnostics with the
    chosen code that remain."""

    source: Source
    applied: tuple[tuple[Diagnostic, Fix], ...]
    unfixed: tuple[Diagnostic, ...] = ()


Chosen = tuple[Diagnostic, Fix]
"""A diagnostic, and the fix of it that is applied."""


def apply_fixes(source: Source, check: Callable[[Source], Iterable[Diagnostic]], code: str | None = None) -> FixedText:
    """Apply fixes and check again, until no more can be applied.

    Without ``code``, only spellings are fixed. With it, each diagnostic with this code gets its first fix that changes
    only this text.
    """
    applied: list[Chosen] = []
    diagnostics: tuple[Diagnostic, ...] = ()
    for _ in range(MAX_ROUNDS):
        diagnostics = tuple(check(source))
        chosen = _without_duplicates(source, check, _chosen(source, diagnostics, code), _count_duplicates(diagnostics))
        if not chosen:
            break
        applied += chosen
        source = _fixed(source, chosen)
    else:
        diagnostics = tuple(check(source))
    return FixedText(source, tuple(applied), tuple(d for d in diagnostics if d.code == code))


def other_text(fix: Fix, source: Source) -> Source | None:
    """Return the text other than ``source`` that a fix changes, if there is one."""
    return next((edit.span.source for edit in fix.edits if edit.span.source is not source), None)


def _fixed(source: Source, chosen: Iterable[Chosen]) -> Source:
    return Source(source.name, apply([edit for _, fix in chosen for edit in fix.edits], source.text))


def _without_duplicates(
    source: Source, check: Callable[[Source], Iterable[Diagnostic]], chosen: list[Chosen], duplicates: int
) -> list[Chosen]:
    """Return the fixes with which no more than so many ``duplicates`` are in the text. Where the correct word is there
    already, only the user can decide which of the two is valid."""
    if not chosen or _count_duplicates(check(_fixed(source, chosen))) <= duplicates:
        return chosen
    kept: list[Chosen] = []
    for one in chosen:
        if _count_duplicates(check(_fixed(source, [*kept, one]))) <= duplicates:
            kept.append(one)
    return kept


def _count_duplicates(diagnostics: Iterable[Diagnostic]) -> int:
    """The number of names and keys that are given twice."""
    return sum(d.code.startswith("duplicate") for d in diagnostics)


def _chosen(source: Source, diagnostics: Iterable[Diagnostic], code: str | None) -> list[Chosen]:
    """Return the fixes to apply in one round: all spellings that do not touch each other, or one fix of the chosen
    code, since each of these was checked on its own."""
    chosen: list[Chosen] = []
    edits: list[Edit] = []
    for diagnostic in diagnostics:
        candidates = (f for f in diagnostic.fixes if _applies(diagnostic, f, code))
        fix = next((f for f in candidates if other_text(f, source) is None), None)
        if fix is None:
            continue
        if any(edit.span.touches(other.span) for edit in fix.edits for other in edits):
            continue
        chosen.append((diagnostic, fix))
        edits += fix.edits
        if code is not None:
            break
    return chosen


def _applies(diagnostic: Diagnostic, fix: Fix, code: str | None) -> bool:
    return fix.spelling if code is None else diagnostic.code == code
