"""A layer's counts, computed from its check results. This works in files with errors too."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.check import LayerFacts


@dataclass(frozen=True, slots=True)
class Numbers:
    """A layer's output values, learnt parameters, and multiply-accumulates of one image's forward pass.

    Weights shared with another layer are counted.
    """

    units: int
    weights: int
    biases: int
    connections: int


def numbers_of(facts: LayerFacts) -> Numbers | None:
    """Return the counts of a layer, or ``None`` if its shape could not be computed."""
    if facts.computed is None:
        return None
    sizes = {"weight": 0, "bias": 0}
    for step in facts.steps:
        for parameter in step.op.params(step.reads, step.output):
            sizes[parameter.role] += parameter.size
    connections = sum(step.op.connections(step.reads, step.output) for step in facts.steps)
    return Numbers(facts.computed.units, sizes["weight"], sizes["bias"], connections)
