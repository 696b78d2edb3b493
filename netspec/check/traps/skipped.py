"""Traps of stochastic depth: dropout of whole images where there is no way around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic
from netspec.ir.graph import Graph
from netspec.ir.ops import Dropout


def image_dropped(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about dropout of whole images that every path from the image to the class scores leads through."""
    nodes = graph.nodes.values()
    dropouts = [n for n in nodes if isinstance(n.op, Dropout) and n.op.over == "images" and n.op.rate > 0]
    unavoidable = _on_every_path(graph) if dropouts else frozenset()
    for node in dropouts:
        if node.name in unavoidable:
            message = f"{node.layer} drops all that the network knows of an image"
            notes = [
                f"every path from {graph.input.layer} to {graph.scores.layer} leads through it, so an image that it "
                "drops is classified unseen; stochastic depth drops a branch next to a shortcut, before their sum"
            ]
            yield warning("image-dropped", message, node, facts, ("over",), notes)


def _on_every_path(graph: Graph) -> frozenset[str]:
    """The nodes that all paths from the input to the class scores lead through.

    Nodes are in the order of computation, so these are the ones that no edge between the others passes over.
    """
    needed = graph.dependencies((graph.scores,))
    places = {name: place for place, name in enumerate(name for name in graph.nodes if name in needed)}
    passing = [0] * (len(places) + 1)
    for name, place in places.items():
        for read in graph.nodes[name].inputs:
            passing[places[read] + 1] += 1  # from the node behind the one that is read ...
            passing[place] -= 1  # ... up to the one before this
    return frozenset(name for name, over in zip(places, accumulate(passing), strict=False) if not over)
