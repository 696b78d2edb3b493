"""Find fixes for mistakes. Every fix that is offered has been applied, and the whole file checked with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from netspec.check import Checked, LayerFacts, allow
from netspec.diagnostics import Diagnostic, in_order
from netspec.ir.shape import Shape
from netspec.solve import channels_last, inherited, other_tools, refuted, tiling
from netspec.solve.proposals import has_proposals, proposals
from netspec.solve.search import working_fixes
from netspec.solve.trial import Bench, KeepGoing, always

MAX_SOLVED = 20
"""For how many mistakes of a file fixes are sought. The others are shown without fixes."""


_EXPLAINED: Mapping[str, Callable[[Diagnostic, LayerFacts, Bench], Diagnostic]] = {
    "claim-refuted": refuted.with_fixes,
    "window-does-not-tile": tiling.with_fixes,
}
"""The kinds of mistakes of which more is said than their fixes, unless the checker knows a fix."""

_OF_INPUT = ("crop-differs", "kernel-too-large")
"""The kinds of mistakes that an input that is written channels last may cause."""


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
        if has_proposals(mistake) and examined < MAX_SOLVED and keep_going():
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


def _with_fixes(mistake: Diagnostic, bench: Bench) -> Diagnostic:
    """Return a mistake with those fixes that work, of its own and of those known for this kind of mistake."""
    checked = bench.checked
    facts = checked.layer(mistake.layer) if mistake.layer else None
    if facts is not None and not mistake.fixes and mistake.code in _EXPLAINED:
        return _EXPLAINED[mistake.code](mistake, facts, bench)
    fixes = working_fixes(proposals(mistake, bench), mistake, bench)
    more = other_tools.other_channels_read(checked, facts, mistake) if facts is not None else ()
    mistake = replace(mistake, notes=(*mistake.notes, *more), fixes=fixes)
    return channels_last.noted(mistake, checked) if mistake.code in _OF_INPUT else mistake
