"""From mistakes to ways out: every fix that is offered has been made, and the whole file checked with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from netspec.check import Checked, LayerFacts, allow
from netspec.check.traps import MOST_COLOURS
from netspec.diagnostics import Diagnostic, Edit, Fix, Rejected, in_order
from netspec.ir.ops import Linear
from netspec.ir.shape import Shape
from netspec.keys import BadValue, Rows
from netspec.language.syntax import Number
from netspec.solve import blame, claims, inherited, inserted, joins, windows
from netspec.solve.consequences import consequence
from netspec.solve.edits import set_crop, set_input, set_keys
from netspec.solve.trial import Bench, Proposal, Tried, Wanted, always

MOST_FIXES = 4
MOST_SOLVED = 20
"""How many mistakes of a file are looked into; a file with more of them is shown the rest without fixes."""


def solved(checked: Checked, input_shape: Shape | None = None, wanted: Wanted = always) -> tuple[Diagnostic, ...]:
    """The diagnostics of a check, each with the fixes that were found to hold; a variant's at what is to blame.

    Once ``wanted`` says no, nothing more is tried: what is answered then lacks fixes, and is to be thrown away.
    """
    benches: dict[int, Bench] = {}
    found = []
    looked_into = 0
    for mistake, level in inherited.belonging(checked, input_shape, wanted):
        if (mistake.severity == "error" or mistake.fixes) and looked_into < MOST_SOLVED and wanted():
            looked_into += 1
            bench = benches.setdefault(id(level), Bench(level.checked, input_shape, wanted))
            mistake = inherited.brought_about(_with_fixes(mistake, bench), level)
        found.append(mistake)
    return in_order(_not_allowed(found))


def _not_allowed(found: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """All but the warnings that are allowed where they are shown now; what allows one of them is of use."""
    used = {(w.span.source.name, w.span.line, w.code) for w in found if allow.allowed(w)}
    for mistake in found:
        of_use = (mistake.span.source.name, mistake.span.line, mistake.span.text) in used
        if not allow.allowed(mistake) and not (mistake.code == "unused-allow" and of_use):
            yield mistake


def _with_fixes(mistake: Diagnostic, bench: Bench) -> Diagnostic:
    checked = bench.checked
    facts = checked.layer(mistake.layer) if mistake.layer else None
    written = [Proposal(fix.title, fix.edits, spelling=fix.spelling) for fix in mistake.fixes]
    fixes = _holding(written, mistake, bench)
    if mistake.code == "bad-value" and facts is not None and not fixes:
        return replace(mistake, fixes=_holding(windows.same(facts, mistake, bench), mistake, bench))
    if mistake.code == "window-does-not-tile" and facts is not None:
        return _window(replace(mistake, fixes=fixes), facts, bench)
    if mistake.code == "claim-refuted" and facts is not None:
        return _claim(mistake, facts, bench)
    if mistake.code == "crop-differs":
        ways = chain(_channels_first(checked, MOST_COLOURS), _crop(checked))
        return _said_last(replace(mistake, fixes=_holding(ways, mistake, bench)), checked)
    if mistake.code == "kernel-too-large":
        ways = chain(_channels_first(checked), _whole_map(checked, facts) if facts is not None else ())
        return _said_last(replace(mistake, fixes=_holding(ways, mistake, bench)), checked)
    if mistake.code == "shapes-differ" and facts is not None and mistake.labels:
        return replace(mistake, fixes=_holding(joins.proposals(checked, facts), mistake, bench))
    if mistake.code == "needs-vector" and facts is not None:
        return replace(mistake, fixes=_holding(inserted.vector(checked, facts), mistake, bench))
    if mistake.code == "groups-do-not-divide" and facts is not None:
        return replace(mistake, fixes=_holding(_multiples(checked, facts), mistake, bench))
    if mistake.code == "table-mismatch" and facts is not None:
        return replace(mistake, fixes=_holding(_tables(checked, facts), mistake, bench))
    return replace(mistake, fixes=fixes)


def _claim(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """A refuted claim: what would make it true, the earlier layer to blame where that is known, and what it means
    below."""
    checked = bench.checked
    tried: dict[tuple[Edit, ...], Proposal] = {}

    def fresh() -> Iterator[Proposal]:
        for proposal in chain(_channels_first(checked, MOST_COLOURS), claims.proposals(checked, facts, mistake)):
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
    """Those proposals that mend the mistake, at most ``MOST_FIXES``, each change of the text once.

    Where none does so without bringing others to light, those that bring the fewest, the farthest below.
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
    """The ways out of a window that does not tile, and what rounding down would do where it is none."""
    checked = bench.checked
    window = windows.layer_window(facts)
    if window is None:
        return mistake
    notes = mistake.notes
    if windows.is_puzzle(window, facts.reads[0]):
        notes = (*notes, "this is AlexNet's 224/227 puzzle: the paper says 224, the arithmetic wants 227")
    down = windows.rounding(checked, facts, window, "down")

    def ways() -> Iterator[Proposal]:
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
    """What a change makes of the first count that is stated of a fully connected layer, where it does not hold then."""
    after = bench.checked_with(edits)
    for mistake in after.errors if after is not None else ():
        facts = after.layer(mistake.layer) if after is not None else None
        wanted = claims.wanted(facts, mistake) if facts is not None and mistake.code == "claim-refuted" else ()
        if wanted:
            return f"{mistake.layer} would have {'; '.join((*mistake.notes, *wanted))}"
    return ""


def _told(facts: LayerFacts, bench: Bench) -> tuple[str, ...]:
    """What a refuted shape means for the first fully connected layer below; what that makes itself is no news."""
    if facts.steps and isinstance(facts.steps[0].op, Linear):
        return ()
    after = bench.checked_with((), claims=False)
    told = blame.expectation(bench.checked, facts, after) if after is not None else ""
    return (told,) if told else ()


def _crop(checked: Checked) -> Iterator[Proposal]:
    source = next((f for f in checked.layers if f.type == "input"), None)
    if source is None or source.computed is None or checked.crop is None or not source.computed.is_image:
        return
    shape = source.computed
    if shape.height == shape.width:
        yield Proposal(f"augment crop={shape.height}", set_crop(checked, shape.height))
    crop = checked.crop.value.span.text
    if len(source.section.values) > 1 and crop.isdigit():
        other = Shape(shape.channels, int(crop), int(crop))
        yield Proposal(f"input {other}", set_input(checked, source, other))


def _channels_first(checked: Checked, most: float = math.inf) -> Iterator[Proposal]:
    """An input that was written height x width x channels, the other way round; of at most so many channels."""
    source = next((f for f in checked.layers if f.type == "input"), None)
    if source is None or source.computed is None or len(source.section.values) < 2:
        return
    shape = source.computed
    if shape.is_image and shape.width < shape.channels and shape.width <= most:
        other = Shape(shape.width, shape.channels, shape.height)
        yield Proposal(f"input {other}", set_input(checked, source, other), "channels stand first")


def _said_last(mistake: Diagnostic, checked: Checked) -> Diagnostic:
    """A mistake, with a note where the input's channels most likely stand last and saying them first is no fix, because
    something else is wrong with the file as well. Then what else would mend this mistake alone is beside the point."""
    for proposal in _channels_first(checked, MOST_COLOURS):
        if not any(fix.title == proposal.title for fix in mistake.fixes):
            source = next(facts.computed for facts in checked.layers if facts.type == "input")
            note = f"the input is {source}, which is channels x height x width; did you mean {proposal.title}?"
            fixes = tuple(fix for fix in mistake.fixes if fix.checks)
            return replace(mistake, notes=(*mistake.notes, note), fixes=fixes)
    return mistake


def _whole_map(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """A window that is larger than the map, as one over the whole map; of what is no pooling layer that is refused."""
    if "kernel" in facts.pairs and facts.reads:
        gives = f"one window over the whole {facts.reads[0]}"
        yield Proposal(
            f"{facts.section.name.text} kernel=global", set_keys(checked, facts, {"kernel": "global"}), gives
        )


def _multiples(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """The nearest numbers of groups that divide, where as many do not divide the channels; the nearest numbers of
    filters or outputs that the groups divide."""
    groups = facts.values.get("groups")
    if isinstance(groups, int) and "groups" in facts.pairs and len(facts.reads) == 1:
        channels, filters = facts.reads[0].channels, facts.values.get("filters")
        if channels % groups:
            fitting = (g for g in range(1, channels + 1) if channels % g == 0 and not (filters and filters % g))
            for other in sorted(fitting, key=lambda g: abs(g - groups))[:1]:
                yield Proposal(
                    f"{facts.section.name.text} groups={other}", set_keys(checked, facts, {"groups": str(other)})
                )
    for key in ("filters", "outputs"):
        number = facts.values.get(key)
        if isinstance(number, int) and key in facts.pairs:
            for distance in range(1, 65):
                for other in (number + distance, number - distance):
                    if other > 0:
                        edits = (*set_keys(checked, facts, {key: str(other)}), *_claimed(facts, number, other))
                        yield Proposal(f"{facts.section.name.text} {key}={other}", edits)


def _tables(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """As many filters as the connection table has rows; a table that counts channels from 1 counted from 0; no key that
    does not go with a table; the layer whole on one GPU group."""
    name, pair, filters = facts.section.name.text, facts.pairs.get("table"), facts.pairs.get("filters")
    try:
        table = Rows().read(pair.value) if pair is not None else None
    except BadValue:
        return
    if table is None:
        return
    rows = len(table.rows)
    if filters is not None and isinstance(filters.value, Number) and filters.value.value != rows:
        edits = (*set_keys(checked, facts, {"filters": str(rows)}), *_claimed(facts, filters.value.value, rows))
        yield Proposal(f"{name} filters={rows}", edits)
    if min(row[0] for row in table.rows) > 0:
        edits = set_keys(checked, facts, {"table": str(table.counted_from_0())})
        yield Proposal("each number of the table one less", edits, "channels are counted from 0")
    neutral = {"groups": "1", "spread": "1", "min_std": "none", "max_std": "none"}
    beside = {key: value for key, value in neutral.items() if key in facts.pairs}
    if beside:
        title = " ".join([name, *(f"{key}={value}" for key, value in beside.items())])
        yield Proposal(title, set_keys(checked, facts, beside))
    yield Proposal(f"{name} gpu=0", set_keys(checked, facts, {"gpu": "0"}))


def _claimed(facts: LayerFacts, number: float, other: int) -> tuple[Edit, ...]:
    """The change of a claim that goes with another number of filters or outputs."""
    shape, span = facts.stated.shape, facts.stated.shape_span
    if shape is None or span is None or shape.channels != number:
        return ()
    return (Edit(span, str(Shape(other, *shape[1:]))),)
