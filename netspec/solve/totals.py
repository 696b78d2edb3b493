"""Fixes for refuted claims of the network: changes of the whole network that would make the claim true."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check import Checked
from netspec.diagnostics import Diagnostic, Edit
from netspec.ir.window import ROUNDINGS
from netspec.solve.edits import set_setting
from netspec.solve.trial import Proposal
from netspec.solve.windows.sizes import layer_window, tiles

MAX_LAYERS = 5_000
"""Of larger networks, only the claim is corrected: there is time for a few trials alone."""


def proposals(checked: Checked, mistake: Diagnostic) -> Iterator[Proposal]:
    """Yield one GPU group instead of several, and other roundings: the counts of many layers depend on them."""
    gpus, net = checked.settings.statements.get("gpus"), checked.settings.statements.get("net")
    claim = net.claim if net else None
    if claim is None or not claim.span.contains(mistake.span) or len(checked.layers) > MAX_LAYERS:
        return
    if gpus and gpus.values and (checked.settings.groups or 1) > 1:
        yield Proposal("gpus 1", (Edit(gpus.values[0].span, "1"),), "another function")
    if all(tiles(facts) for facts in checked.layers if layer_window(facts)):
        return
    for rounding in ROUNDINGS:
        edit = set_setting(checked, "net", "rounding", rounding)
        yield Proposal(f"net rounding={rounding}", (edit,), "another function")
