"""Which values of a network depend on its parameters."""

from __future__ import annotations

from netspec.ir.graph import Graph


def learning(graph: Graph) -> frozenset[str]:
    """The operations whose values depend on parameters, so that they have a gradient: a backward pass comes by them.
    A layer's value bears the layer's name, so that these are among them too."""
    found: set[str] = set()
    for node in graph.nodes.values():
        if node.params or not found.isdisjoint(node.inputs):
            found.add(node.name)
    return frozenset(found)
