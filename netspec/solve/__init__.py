"""Find fixes for mistakes. Every fix that is offered has been applied, and the whole file checked with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from netspec.check import Checked, LayerFacts, allow
from netspec.check.traps import MAX_COLOURS
from netspec.diagnostics import Diagnostic, Edit, Fix, Rejected, in_order
from netspec.ir.ops import Linear
from netspec.ir.shape import Shape
from netspec.solve import blame, claims, enlarging, inherited, inserted, joins, numbers, other_tools, windows
from netspec.solve.completed import NOTATION, completed
from netspec.solve.consequences import consequence, expectation
from netspec.solve.trial import Bench, KeepGoing, Proposal, Tried, always

MAX_FIXES = 4
"""How many fixes are offered for a mistake."""

MAX_SOLVED = 20
"""For how many mistakes of a file fixes are sought. The others are shown without fixes."""


def with_fixes(
    checked: Checked, input_shape: Shape | None = None, keep_going: KeepGoing = always
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a check with the fixes that were found to work.

    In a variant, each mistake is located at the words that cause it. Once ``keep_going`` returns ``False``, the search
    for fixes stops, and the caller should discard the incomplete result.
    """
    benches: dict[int, Bench] = {}
    diagnostics = []
    examined = 0
    for mistake, level in inherited.locate(checked, input_shape, keep_going):
        if (mistake.severity == "error" or mistake.fixes) and examined < MAX_SOLVED and keep_going():
            examined += 1
            bench = benches.setdefault(id(level), Bench(level.checked, input_shape, keep_going))
            mistake = inherited.move_to_cause(_with_fixes(mistake, bench), level)
        diagnostics.append(mistake)
    return in_order(_without_allowed(diagnostics))


def _without_allowed(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Leave out the warnings that a comment allows where they are shown now.

    Reports that such a comment is unused are left out too: they were made for the former place of the warning.
    """
    used = {(w.span.source.name, w.span.line, w.code) for w in diagnostics if allow.allowed(w)}
    for diagnostic in diagnostics:
        is_used = (diagnostic.span.source.name, diagnostic.span.line, diagnostic.span.text) in used
        if not allow.allowed(diagnostic) and not (diagnostic.code == "unused-allow" and is_used):
            yield diagnostic


def _own_fixes(mistake: Diagnostic, bench: Bench) -> tuple[Proposal, ...]:
    """Return the fixes of a mistake in notation that correct this mistake alone."""
    tried = _working(_all_proposals(mistake, bench), mistake, bench)
    return tuple(Proposal(t.fix.title, t.fix.edits, t.gives, t.fix.spelling) for t in tried)


def _all_proposals(mistake: Diagnostic, bench: Bench) -> Iterable[Proposal]:
    facts = bench.checked.layer(mistake.layer) if mistake.layer else None
    return chain(_own_proposals(mistake), _proposals(mistake, facts, bench))


def _own_proposals(mistake: Diagnostic) -> list[Proposal]:
    return [Proposal(fix.title, fix.edits, spelling=fix.spelling) for fix in mistake.fixes]


def _with_fixes(mistake: Diagnostic, bench: Bench) -> Diagnostic:
    """Return a mistake with those fixes that work, of its own and of those known for this kind of mistake."""
    facts = bench.checked.layer(mistake.layer) if mistake.layer else None
    own_proposals = _own_proposals(mistake)
    if mistake.code == "claim-refuted" and facts is not None and not own_proposals:
        return _solve_claim(mistake, facts, bench)
    if mistake.code == "window-does-not-tile" and facts is not None:
        return _solve_window(replace(mistake, fixes=_working_fixes(own_proposals, mistake, bench)), facts, bench)
    fixes = _working_fixes(_all_proposals(mistake, bench), mistake, bench)
    more = other_tools.other_channels_read(bench.checked, facts, mistake) if facts is not None else ()
    mistake = replace(mistake, notes=(*mistake.notes, *more), fixes=fixes)
    if mistake.code in ("crop-differs", "kernel-too-large"):
        return _note_channels_last(mistake, bench.checked)
    return mistake


def _proposals(mistake: Diagnostic, facts: LayerFacts | None, bench: Bench) -> Iterable[Proposal]:
    """Return changes that might fix a mistake of this kind, the likeliest first."""
    checked = bench.checked
    if mistake.code == "crop-differs":
        return chain(numbers.channels_first(checked, MAX_COLOURS), numbers.crop(checked))
    if mistake.code == "kernel-too-large":
        pooling = numbers.whole_map(checked, facts) if facts is not None else ()
        return chain(numbers.channels_first(checked), pooling)
    if facts is None or (mistake.code == "shapes-differ" and not mistake.labels):
        return ()  # without labels, it is about the inputs of a layer with weights, not about branches that meet
    if mistake.code == "bad-value":
        return chain(windows.numeric_same_pad(facts, mistake, bench), inserted.own_layer(checked, facts, mistake))
    proposer = _PROPOSERS.get(mistake.code)
    return proposer(checked, facts) if proposer is not None else ()


_PROPOSERS: Mapping[str, Callable[[Checked, LayerFacts], Iterable[Proposal]]] = {
    "shapes-differ": joins.proposals,
    "needs-vector": inserted.vector,
    "window-outside-image": windows.smaller_pads,
    "nothing-left": enlarging.without_pad,
    "unknown-type": other_tools.layer_of_known_channels,
    "missing-type": other_tools.instance_norm,
    "unknown-key": other_tools.for_unknown_key,
    "groups-do-not-divide": numbers.divisible_numbers,
    "slice-outside-value": numbers.slice_within,
    "table-mismatch": numbers.table_fixes,
}


def _solve_claim(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """Return a refuted claim with fixes, with the earlier layer that causes it, if known, and with its consequences for
    layers below."""
    checked = bench.checked
    seen: dict[tuple[Edit, ...], Proposal] = {}

    def new_proposals() -> Iterator[Proposal]:
        for proposal in chain(numbers.channels_first(checked, MAX_COLOURS), claims.proposals(checked, facts, mistake)):
            if proposal.edits not in seen:
                seen[proposal.edits] = proposal
                yield proposal

    fixes = _working_fixes(new_proposals(), mistake, bench)
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


def _working_fixes(proposals: Iterable[Proposal], mistake: Diagnostic, bench: Bench) -> tuple[Fix, ...]:
    """Try proposals and return those that fix the mistake, at most ``MAX_FIXES``, without duplicates.

    A fix of the notation is completed by those of further mistakes that it reveals in the same statement. If each of
    the fixes reveals further mistakes, only the best are returned: those that reveal the fewest mistakes, the farthest
    below.
    """

    def whole(tried: Tried | None, proposal: Proposal) -> Tried | None:
        if mistake.code not in NOTATION or (tried is not None and tried.fix.checks):
            return tried
        after = tried.after if tried is not None else bench.checked_with(proposal.edits)
        longer = completed(proposal, after, mistake, bench, _all_proposals, _own_fixes) if after is not None else None
        return (longer and bench.fix(longer[0], mistake, longer[1])) or tried

    return tuple(tried.fix for tried in _working(proposals, mistake, bench, whole))


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


def _solve_window(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """Return a window that does not tile with fixes, and with the consequences of rounding down if that is not one."""
    checked = bench.checked
    window = windows.layer_window(facts)
    if window is None:
        return mistake
    notes = mistake.notes
    if windows.is_alexnet_puzzle(window, facts.reads[0]):
        notes = (*notes, "this is AlexNet's 224/227 puzzle: the paper says 224, the arithmetic wants 227")
    down = windows.rounding(checked, facts, window, "down")

    def proposals() -> Iterator[Proposal]:
        if windows.leaves_out_padding_alone(facts, window):
            yield down
        yield from windows.input_sizes(checked, facts, window)
        yield windows.rounding(checked, facts, window, "up")
        yield from windows.pads(checked, facts, window)
        yield down
        yield from windows.as_caffe(checked, facts, window)
        yield from windows.own_rounding(checked, facts, window)
        yield from windows.kernels(checked, facts, window)
        yield from windows.unit_stride(checked, facts, window)

    fixes = _working_fixes(proposals(), mistake, bench)
    rejected: tuple[Rejected, ...] = ()
    if not any(fix.title == down.title for fix in fixes):
        after = bench.checked_with(down.edits, claims=False)
        effect = consequence(checked, after) if after is not None else ""
        effect = effect or _count_refuted_below(bench, down.edits)
        if effect:
            rejected = (Rejected(down.title, f"{down.gives.partition(' as ')[0]}: {effect}"),)
    return _note_channels_last(replace(mistake, notes=notes, fixes=fixes, rejected=rejected), checked)


def _count_refuted_below(bench: Bench, edits: tuple[Edit, ...]) -> str:
    """Describe the first claimed count of a fully connected layer that a change makes false."""
    after = bench.checked_with(edits)
    if after is None:
        return ""
    for mistake in after.errors:
        facts = after.layer(mistake.layer) if mistake.code == "claim-refuted" else None
        implied = claims.implied_inputs(facts, mistake) if facts is not None else ()
        if implied:
            return f"{mistake.layer} would have {'; '.join((*mistake.notes, *implied))}"
    return ""


def _expectation(facts: LayerFacts, bench: Bench) -> tuple[str, ...]:
    """Describe what a refuted shape means for the first fully connected layer below, unless it is the shape of one."""
    if facts.steps and isinstance(facts.steps[0].op, Linear):
        return ()
    after = bench.checked_with((), claims=False)
    text = expectation(bench.checked, facts, after) if after is not None else ""
    return (text,) if text else ()


def _note_channels_last(mistake: Diagnostic, checked: Checked) -> Diagnostic:
    """Add a note if the input is probably written channels last and writing them first is not among the fixes.

    That happens if the file has other mistakes too. Other fixes of this mistake are then kept only if with them the
    whole file checks.
    """
    shape = checked.input.computed if checked.input is not None else None
    for proposal in numbers.channels_first(checked, MAX_COLOURS):
        if not any(fix.title == proposal.title for fix in mistake.fixes):
            note = f"the input is {shape}, which is channels x height x width; did you mean {proposal.title}?"
            fixes = tuple(fix for fix in mistake.fixes if fix.checks)
            return replace(mistake, notes=(*mistake.notes, note), fixes=fixes)
    return mistake
