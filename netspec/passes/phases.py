"""Dividing layers into those that compute the class scores, and those needed only for the output or the training loss.

If a spec has no loss, training uses the cross-entropy of the scores, and the final softmax is not computed. A loss
needs the labels, which inference does not have. Backends that run the layers in these phases draw random numbers for
dropout in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import Input


@dataclass(frozen=True, slots=True)
class Phases:
    """The layers of each phase in file order, without the input.

    ``trunk`` computes the scores and what the losses read, ``tail`` the output from there; ``losses`` are the layers
    whose weighted sum is the training loss. ``labelled`` says whether the output needs labels. ``carried`` are the
    trunk's values that the other phases read, with the scores first; these phases may also read the input. Layers that
    are not needed for any of this are in no phase.
    """

    trunk: tuple[Layer, ...]
    tail: tuple[Layer, ...]
    losses: tuple[Layer, ...]
    labelled: bool
    carried: tuple[str, ...]


def phases(graph: Graph) -> Phases:
    """Divide the layers of a graph into phases."""
    scores = graph.scores.layer
    losses = tuple(graph.layers[node.layer] for node in graph.losses)
    trunk_names = _needed(graph, [scores, *(name for layer in losses for name in layer.inputs)])
    tail_names = _needed(graph, [graph.output.layer]) - trunk_names
    computed = [layer for layer in graph.layers.values() if not isinstance(graph.nodes[layer.nodes[-1]].op, Input)]
    trunk = tuple(layer for layer in computed if layer.name in trunk_names)
    tail = tuple(layer for layer in computed if layer.name in tail_names)
    read_later = {name for layer in (*tail, *losses) for name in layer.inputs}
    carried_names = read_later & trunk_names - {scores, graph.input.layer}
    carried = (scores, *(name for name in graph.layers if name in carried_names))
    return Phases(trunk, tail, losses, any(layer in losses for layer in tail), carried)


def _needed(graph: Graph, names: Iterable[str]) -> set[str]:
    """Return these layers and all that they depend on."""
    return {graph.nodes[node].layer for node in graph.dependencies(graph.nodes[name] for name in names)}
