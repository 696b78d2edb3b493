"""Find fixes for mistakes. Every fix that is offered has been applied, and the whole file checked with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from netspec.check import Checked, LayerFacts, allow
from netspec.check.traps import MOST_COLOURS
from netspec.diagnostics import Diagnostic, Edit, Fix, Rejected, in_order
from netspec.ir.ops import Linear
from netspec.ir.shape import Shape
from netspec.solve import blame, claims, inherited, inserted, joins, numbers, windows
from netspec.solve.consequences import consequence
from netspec.solve.trial import Bench, KeepGoing, Proposal, Tried, always

MOST_FIXES = 4
"""How many fixes are offered for a mistake."""

MOST_SOLVED = 20
"""For how many mistakes of a file fixes are sought. The others are shown without fixes."""


def solved(
    checked: Checked, input_shape: Shape | None = None, keep_going: KeepGoing = always
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a check with the fixes that were found to work.

    In a variant, each mistake is located at the words that cause it. Once ``keep_going`` returns ``False``, the search
    for fixes stops, and the caller should discard the incomplete result.
    """
    benches: dict[int, Bench] = {}
    found = []
    looked_into = 0
    for mistake, level in inherited.belonging(checked, input_shape, keep_going):
        if (mistake.severity == "error" or mistake.fixes) and looked_into < MOST_SOLVED and keep_going():
            looked_into += 1
            bench = benches.setdefault(id(level), Bench(level.checked, input_shape, keep_going))
            mistake = inherited.brought_about(_with_fixes(mistake, bench), level)
        found.append(mistake)
    return in_order(_not_allowed(found))


def _not_allowed(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out the warnings that a comment allows where they are shown now.

    Reports that such a comment is unused are left out too: they were made for the former place of the warning.
    """
    used = {(w.span.source.name, w.span.line, w.code) for w in found if allow.allowed(w)}
    for mistake in found:
        of_use = (mistake.span.source.name, mistake.span.line, mistake.span.text) in used
        if not allow.allowed(mistake) and not (mistake.code == "unused-allow" and of_use):
            yield mistake


def _with_fixes(mistake: Diagnostic, bench: Bench) -> Diagnostic:
    """Return a mistake with those fixes that work, of its own and of those known for this kind of mistake."""
    facts = bench.checked.layer(mistake.layer) if mistake.layer else None
    written = [Proposal(fix.title, fix.edits, spelling=fix.spelling) for fix in mistake.fixes]
    if mistake.code == "claim-refuted" and facts is not None and not written:
        return _claim(mistake, facts, bench)
    if mistake.code == "window-does-not-tile" and facts is not None:
        return _window(replace(mistake, fixes=_holding(written, mistake, bench)), facts, bench)
    fixes = _holding(chain(written, _ways(mistake, facts, bench)), mistake, bench)
    found = replace(mistake, fixes=fixes)
    return _said_last(found, bench.checked) if mistake.code in ("crop-differs", "kernel-too-large") else found


def _ways(mistake: Diagnostic, facts: LayerFacts | None, bench: Bench) -> Iterable[Proposal]:
    """Return changes that might fix a mistake of this kind, the likeliest first."""
    checked = bench.checked
    if mistake.code == "crop-differs":
        return chain(numbers.channels_first(checked, MOST_COLOURS), numbers.crop(checked))
    if mistake.code == "kernel-too-large":
        whole = numbers.whole_map(checked, facts) if facts is not None else ()
        return chain(numbers.channels_first(checked), whole)
    if facts is None or (mistake.code == "shapes-differ" and not mistake.labels):
        return ()  # without labels, it is about the inputs of a layer with weights, not about branches that meet
    if mistake.code == "bad-value":
        return windows.same(facts, mistake, bench)
    way = _WAYS.get(mistake.code)
    return way(checked, facts) if way is not None else ()


_WAYS: Mapping[str, Callable[[Checked, LayerFacts], Iterable[Proposal]]] = {
    "shapes-differ": joins.proposals,
    "needs-vector": inserted.vector,
    "groups-do-not-divide": numbers.multiples,
    "table-mismatch": numbers.tables,
}


def _claim(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """Return a refuted claim with fixes, with the earlier layer that causes it, if known, and with its consequences for
    layers below."""
    checked = bench.checked
    tried: dict[tuple[Edit, ...], Proposal] = {}

    def fresh() -> Iterator[Proposal]:
        for proposal in chain(numbers.channels_first(checked, MOST_COLOURS), claims.proposals(checked, facts, mistake)):
            if proposal.edits not in tried:
                tried[proposal.edits] = proposal
                yield proposal

    fixes = _holding(fresh(), mistake, bench)
    of_shape = mistake.span == facts.stated.shape_span
    above = any(edit.span.end < facts.section.span.start for fix in fixes for edit in fix.edits)
    meaning = (*claims.wanted(facts, mistake), *_told(facts, bench)) if of_shape or above else ()
    cause = blame.culprit([tried[fix.edits] for fix in fixes])
    if cause is not None and mistake.notes:
        shown = blame.blamed(mistake, cause, checked)
        return replace(shown, notes=(*shown.notes, *meaning), fixes=fixes)
    likely = claims.likely(checked, facts) if of_shape or above else ()
    return replace(mistake, notes=(*mistake.notes, *likely, *meaning), fixes=fixes)


def _holding(proposals: Iterable[Proposal], mistake: Diagnostic, bench: Bench) -> tuple[Fix, ...]:
    """Try proposals and return those that fix the mistake, at most ``MOST_FIXES``, without duplicates.

    If each of them reveals further mistakes, only the best are returned: those that reveal the fewest mistakes, the
    farthest below.
    """
    found: dict[tuple[Edit, ...], Tried] = {}
    nearest_size = False
    for proposal in proposals:
        searching = windows.is_searched(proposal)
        if proposal.edits in found or (searching and nearest_size):
            continue
        tried = bench.fix(proposal, mistake)
        if tried is not None:
            found[proposal.edits] = tried
            nearest_size = nearest_size or (searching and not tried.come)
        if sum(not tried.come for tried in found.values()) == MOST_FIXES:
            break
    best = min((tried.rank for tried in found.values()), default=None)
    return tuple(tried.fix for tried in found.values() if tried.rank == best)[:MOST_FIXES]


def _window(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """Return a window that does not tile with fixes, and with the consequences of rounding down if that is not one."""
    checked = bench.checked
    window = windows.layer_window(facts)
    if window is None:
        return mistake
    notes = mistake.notes
    if windows.is_puzzle(window, facts.reads[0]):
        notes = (*notes, "this is AlexNet's 224/227 puzzle: the paper says 224, the arithmetic wants 227")
    down = windows.rounding(checked, facts, window, "down")

    def ways() -> Iterator[Proposal]:
        if windows.leaves_out_padding_alone(facts, window):
            yield down
        yield from windows.input_sizes(checked, facts, window)
        yield windows.rounding(checked, facts, window, "up")
        yield from windows.pads(checked, facts, window)
        yield down
        yield from windows.as_caffe(checked, facts, window)
        yield from windows.alone(checked, facts, window)
        yield from windows.kernels(checked, facts, window)
        yield from windows.unit_stride(checked, facts, window)

    fixes = _holding(ways(), mistake, bench)
    rejected: tuple[Rejected, ...] = ()
    if not any(fix.title == down.title for fix in fixes):
        after = bench.checked_with(down.edits, claims=False)
        told = consequence(checked, after) if after is not None else ""
        told = told or _refuted_below(bench, down.edits)
        if told:
            rejected = (Rejected(down.title, f"{down.gives.partition(' as ')[0]}: {told}"),)
    return _said_last(replace(mistake, notes=notes, fixes=fixes, rejected=rejected), checked)


def _refuted_below(bench: Bench, edits: tuple[Edit, ...]) -> str:
    """Describe the first claimed count of a fully connected layer that a change makes false."""
    after = bench.checked_with(edits)
    for mistake in after.errors if after is not None else ():
        facts = after.layer(mistake.layer) if after is not None else None
        wanted = claims.wanted(facts, mistake) if facts is not None and mistake.code == "claim-refuted" else ()
        if wanted:
            return f"{mistake.layer} would have {'; '.join((*mistake.notes, *wanted))}"
    return ""


def _told(facts: LayerFacts, bench: Bench) -> tuple[str, ...]:
    """Describe what a refuted shape means for the first fully connected layer below, unless it is the shape of one."""
    if facts.steps and isinstance(facts.steps[0].op, Linear):
        return ()
    after = bench.checked_with((), claims=False)
    told = blame.expectation(bench.checked, facts, after) if after is not None else ""
    return (told,) if told else ()


def _said_last(mistake: Diagnostic, checked: Checked) -> Diagnostic:
    """Add a note if the input is probably written channels last and writing them first is not among the fixes.

    That happens if the file has other mistakes too. Other fixes of this mistake are then kept only if with them the
    whole file checks.
    """
    for proposal in numbers.channels_first(checked, MOST_COLOURS):
        if not any(fix.title == proposal.title for fix in mistake.fixes):
            source = next(facts.computed for facts in checked.layers if facts.type == "input")
            note = f"the input is {source}, which is channels x height x width; did you mean {proposal.title}?"
            fixes = tuple(fix for fix in mistake.fixes if fix.checks)
            return replace(mistake, notes=(*mistake.notes, note), fixes=fixes)
    return mistake
