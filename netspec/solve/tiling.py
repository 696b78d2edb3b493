"""Solve a window that does not tile its input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from netspec.check import LayerFacts
from netspec.diagnostics import Diagnostic, Edit, Rejected
from netspec.ir.window import Window
from netspec.solve import channels_last
from netspec.solve.claims import implied_inputs
from netspec.solve.consequences import consequence
from netspec.solve.search import working_fixes
from netspec.solve.trial import Bench, Proposal
from netspec.solve.windows import input_sizes, kernels, padding, roundings
from netspec.solve.windows.sizes import is_alexnet_puzzle, layer_window, leaves_out_padding_alone


def with_fixes(mistake: Diagnostic, facts: LayerFacts, bench: Bench) -> Diagnostic:
    """Return the mistake with fixes, and with the consequences of rounding down if that is not one."""
    checked = bench.checked
    window = layer_window(facts)
    if window is None:
        return mistake
    notes = mistake.notes
    if is_alexnet_puzzle(window, facts.reads[0]):
        notes = (*notes, "this is AlexNet's 224/227 puzzle: the paper says 224, the arithmetic wants 227")
    down = roundings.changed(checked, facts, window, "down")
    fixes = working_fixes(_proposals(facts, window, down, bench), mistake, bench)
    rejected: tuple[Rejected, ...] = ()
    if not any(fix.title == down.title for fix in fixes):
        after = bench.checked_with(down.edits, claims=False)
        effect = consequence(checked, after) if after is not None else ""
        effect = effect or _count_refuted_below(bench, down.edits)
        if effect:
            rejected = (Rejected(down.title, f"{down.gives.partition(' as ')[0]}: {effect}"),)
    return channels_last.noted(replace(mistake, notes=notes, fixes=fixes, rejected=rejected), checked)


def _proposals(facts: LayerFacts, window: Window, down: Proposal, bench: Bench) -> Iterator[Proposal]:
    """Yield changes with which the window might tile, the likeliest first. ``down`` is to round down."""
    checked = bench.checked
    yield from padding.none_around(checked, facts, window)
    if leaves_out_padding_alone(facts, window):
        yield down
    yield from input_sizes.proposals(checked, facts, window)
    yield roundings.changed(checked, facts, window, "up")
    yield from padding.tiling(checked, facts, window)
    yield down
    yield from roundings.as_caffe(checked, facts, window)
    yield from roundings.of_layer(checked, facts, window)
    yield from kernels.tiling(checked, facts, window)
    yield from kernels.unit_stride(checked, facts, window)


def _count_refuted_below(bench: Bench, edits: tuple[Edit, ...]) -> str:
    """Describe the first claimed count of a fully connected layer that a change makes false."""
    after = bench.checked_with(edits)
    if after is None:
        return ""
    for mistake in after.errors:
        facts = after.layer(mistake.layer) if mistake.code == "claim-refuted" else None
        implied = implied_inputs(facts, mistake) if facts is not None else ()
        if implied:
            return f"{mistake.layer} would have {'; '.join((*mistake.notes, *implied))}"
    return ""
