"""Which values of a network depend on its parameters, and on which parameters its training loss."""

from __future__ import annotations

from netspec.ir.graph import Graph, Parameter


def learning(graph: Graph) -> frozenset[str]:
    """The operations whose values depend on parameters, so that they have a gradient: a backward pass comes by them.
    A layer's value bears the layer's name, so that these are among them too."""
    found: set[str] = set()
    for node in graph.nodes.values():
        if node.params or not found.isdisjoint(node.inputs):
            found.add(node.name)
    return frozenset(found)


def trained(graph: Graph) -> tuple[Parameter, ...]:
    """The parameters that the training loss depends on, so that a step gives them a gradient: the losses', or, without
    one, the class scores', whose cross-entropy is trained."""
    read = {key for name in graph.needed(graph.losses or (graph.scores,)) for key in graph.nodes[name].params}
    return tuple(parameter for key, parameter in graph.parameters.items() if key in read)
