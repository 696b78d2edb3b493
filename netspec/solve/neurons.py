"""Fixes for layers that lack a neuron."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from netspec.check import Checked, LayerFacts
from netspec.check.traps.linear import MAX_NAMED, linear_runs, named
from netspec.keys.neurons import NEURONS
from netspec.language.written import written
from netspec.solve.edits import set_keys
from netspec.solve.trial import Proposal


def between_linear_layers(checked: Checked, facts: LayerFacts) -> Iterator[Proposal]:
    """Propose a neuron for each layer but the last of those that one layer could replace. ``facts`` is the first."""
    usual = _usual_neuron(checked)
    layers = {layer.name: layer for layer in checked.layers}
    for run in linear_runs(checked.graph, layers) if checked.graph is not None else ():
        if run.weighted[0].layer == facts.name:
            edits = [edit for name in run.lacking for edit in set_keys(checked, layers[name], {"neuron": usual})]
            each = ", ".join(f"{name} neuron={usual}" for name in run.lacking)
            title = each if len(run.lacking) <= MAX_NAMED else f"neuron={usual} for {named(run.lacking)}"
            yield Proposal(title, tuple(edits))


def _usual_neuron(checked: Checked) -> str:
    """Return the neuron that most of the layers have, or are, whose values others read; relu if none has one."""
    read = {index for layer in checked.layers for index in layer.inputs}
    hidden = [layer for index, layer in enumerate(checked.layers) if index in read]
    pairs = [*(layer.pairs for layer in hidden), *checked.settings.default_pairs.values()]
    stated = (written(given["neuron"].value) for given in pairs if "neuron" in given)
    layers = (layer.type for layer in hidden if layer.type in NEURONS)
    counts = Counter(text for text in (*stated, *layers) if text and not text.startswith("linear"))
    return counts.most_common(1)[0][0] if counts else "relu"
