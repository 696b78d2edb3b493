"""Which layers make the class scores, and what is only needed beyond them: by the output, or by the training loss.

Training takes the cross-entropy of the scores where a file has no loss, so that the last softmax is not computed; a
loss needs the labels, which inference has not. Backends that run layers in these phases draw their dropout in the same
order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import Input


@dataclass(frozen=True, slots=True)
class Phases:
    """The layers of each phase in file order, the input left out.

    ``trunk`` makes the scores and what the losses read; ``tail`` makes the output from there; ``losses`` are the
    layers whose weighted sum is trained. ``labelled`` says that the output needs labels. ``carried`` are the values
    that the other phases read from the trunk, the scores first; beside them they may read the input. Layers that
    nothing reads are in no phase.
    """

    trunk: tuple[Layer, ...]
    tail: tuple[Layer, ...]
    losses: tuple[Layer, ...]
    labelled: bool
    carried: tuple[str, ...]


def phases(graph: Graph) -> Phases:
    """Divide the layers of a graph."""
    scores = graph.nodes[graph.scores.name].layer
    losses = tuple(graph.layers[node.layer] for node in graph.losses)
    begun = _needed(graph, [scores, *(name for layer in losses for name in layer.inputs)])
    ended = _needed(graph, [graph.output.layer])
    trunk = tuple(x for x in _computed(graph) if x.name in begun)
    beyond = ended - begun
    tail = tuple(x for x in _computed(graph) if x.name in beyond)
    read = {name for layer in (*tail, *losses) for name in layer.inputs} & begun - {scores, graph.input.layer}
    carried = (scores, *(name for name in graph.layers if name in read))
    return Phases(trunk, tail, losses, any(layer in losses for layer in tail), carried)


def _computed(graph: Graph) -> tuple[Layer, ...]:
    return tuple(x for x in graph.layers.values() if not isinstance(graph.nodes[x.nodes[-1]].op, Input))


def _needed(graph: Graph, wanted: Iterable[str]) -> set[str]:
    """The layers that these are computed from, and these."""
    needed: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(graph.layers[name].inputs)
    return needed
