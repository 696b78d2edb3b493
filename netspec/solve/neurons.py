"""Fixes for layers that lack a neuron."""

from __future__ import annotations

from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.check.traps.linear import MAX_NAMED, linear_runs, named
from netspec.solve.edits import set_keys
from netspec.solve.trial import Proposal


def between_linear_layers(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose a neuron for each layer but the last of those that one layer could replace. ``facts`` is the first."""
    layers = {layer.name: layer for layer in checked.layers}
    for run in linear_runs(checked.graph, layers) if checked.graph is not None else ():
        if run.weighted[0].layer == facts.name:
            edits = [edit for name in run.lacking for edit in set_keys(checked, layers[name], {"neuron": "relu"})]
            each = ", ".join(f"{name} neuron=relu" for name in run.lacking)
            title = each if len(run.lacking) <= MAX_NAMED else f"neuron=relu for {named(run.lacking)}"
            yield Proposal(title, tuple(edits))
