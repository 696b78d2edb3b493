"""Try the proposals for a mistake, and choose the fixes among those that work."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from netspec.diagnostics import Diagnostic, Edit, Fix
from netspec.solve.completed import NOTATION, completed
from netspec.solve.proposals import proposals as proposals_of
from netspec.solve.trial import Bench, Proposal, Tried

MAX_FIXES = 4
"""How many fixes are offered for a mistake."""


def working_fixes(proposals: Iterable[Proposal], mistake: Diagnostic, bench: Bench) -> tuple[Fix, ...]:
    """Try proposals and return those that fix the mistake, at most ``MAX_FIXES``, without duplicates.

    A fix of the notation is completed by those of further mistakes that it reveals in the same statement. If each of
    the fixes reveals further mistakes, only the best are returned: those that reveal the fewest mistakes, the farthest
    below.
    """

    def whole(tried: Tried | None, proposal: Proposal) -> Tried | None:
        if mistake.code not in NOTATION or (tried is not None and tried.fix.checks):
            return tried
        after = tried.after if tried is not None else bench.checked_with(proposal.edits)
        longer = completed(proposal, after, mistake, bench, _uncompleted) if after is not None else None
        return (longer and bench.fix(longer[0], mistake, longer[1])) or tried

    return tuple(tried.fix for tried in _working(proposals, mistake, bench, whole))


def _uncompleted(mistake: Diagnostic, bench: Bench) -> tuple[Proposal, ...]:
    """Return the fixes of a mistake in notation that correct this mistake alone."""
    tried = _working(proposals_of(mistake, bench), mistake, bench)
    return tuple(Proposal(t.fix.title, t.fix.edits, t.gives, t.fix.spelling) for t in tried)


def _working(
    proposals: Iterable[Proposal],
    mistake: Diagnostic,
    bench: Bench,
    whole: Callable[[Tried | None, Proposal], Tried | None] = lambda tried, _: tried,
) -> tuple[Tried, ...]:
    """Try proposals and return those that work, as ``whole`` changes them."""
    working: dict[tuple[Edit, ...], Tried] = {}
    size_found = False
    for proposal in proposals:
        if proposal.edits in working or (proposal.nearby_size and size_found):
            continue
        tried = whole(bench.fix(proposal, mistake), proposal)
        if tried is not None:
            working[proposal.edits] = tried
            size_found = size_found or (proposal.nearby_size and not tried.revealed)
        if sum(not tried.revealed for tried in working.values()) == MAX_FIXES:
            break
    best = min((tried.rank for tried in working.values()), default=None)
    return tuple(tried for tried in working.values() if tried.rank == best)[:MAX_FIXES]
