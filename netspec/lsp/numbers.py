"""A layer's numbers from what the checker found out about it: known in a broken file too."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.check import LayerFacts


@dataclass(frozen=True, slots=True)
class Numbers:
    """Learnt numbers and multiply-accumulates of one image's forward pass; shared weights are counted."""

    units: int
    weights: int
    biases: int
    connections: int


def numbers_of(facts: LayerFacts) -> Numbers | None:
    """The numbers of a layer whose shape is known."""
    if facts.computed is None:
        return None
    sizes = {"weight": 0, "bias": 0}
    for step in facts.steps:
        for parameter in step.op.params(step.reads, step.output):
            sizes[parameter.role] += parameter.size
    connections = sum(step.op.connections(step.reads, step.output) for step in facts.steps)
    return Numbers(facts.computed.units, sizes["weight"], sizes["bias"], connections)
