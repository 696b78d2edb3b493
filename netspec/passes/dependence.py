"""Dependence on parameters: the values that depend on any, and the parameters that the training loss depends on."""

from __future__ import annotations

from netspec.ir.graph import Graph, Parameter


def with_gradient(graph: Graph) -> frozenset[str]:
    """Return the names of the operations whose values depend on parameters and so have a gradient. The last operation
    of a layer has the layer's name, so these include the layers with a gradient."""
    dependent: set[str] = set()
    for node in graph.nodes.values():
        if node.params or not dependent.isdisjoint(node.inputs):
            dependent.add(node.name)
    return frozenset(dependent)


def trained_parameters(graph: Graph) -> tuple[Parameter, ...]:
    """Return the parameters that the training loss depends on and that therefore get a gradient. The loss is that of
    the spec or, if it has none, the cross-entropy of the class scores."""
    keys = {key for name in graph.dependencies(graph.losses or (graph.scores,)) for key in graph.nodes[name].params}
    return tuple(parameter for key, parameter in graph.parameters.items() if key in keys)
