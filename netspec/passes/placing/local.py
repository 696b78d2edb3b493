"""The part of a layer that one column of an arrangement computes."""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Layer, Node
from netspec.passes.placing.placed import Placed
from netspec.passes.placing.shares import share_of, share_of_sizes


def local_graph(placed: Placed, layer: Layer, column: int) -> Graph:
    """Return a graph of one layer as a column computes it, preceded by the values that it reads as they arrive there.

    The graph's parameters are those that the layer uses, with the shapes of their shares. The column must be one that
    computes the layer (see ``Placed.on``).
    """
    graph, placed_layer = placed.graph, placed.layers[layer.name]
    parts = placed_layer.sharding.channels
    nodes: dict[str, Node] = {}
    layers: dict[str, Layer] = {}
    available = [name for name in layer.inputs if _has_value(placed, layer, name, column)]
    for name in available:
        transfer = placed_layer.transfers.get(name)
        distribution = placed.layers[name].sharding if transfer is None else transfer.target
        source, node = graph.layers[name], graph.nodes[name]
        shape = source.output.share(distribution.channels)
        nodes[name] = node._replace(output=shape)
        layers[name] = source._replace(output=shape)
    parameters_used = [graph.parameters[key] for node in graph.nodes_of(layer) for key in node.params]
    parameters = {
        p.key: p._replace(shape=share_of_sizes(p.shape, p.axis, placed.sharding_of(p).channels))
        for p in parameters_used
    }
    for node in graph.nodes_of(layer):
        nodes[node.name] = node._replace(
            op=share_of(node.op, parts),
            inputs=tuple(x for x in node.inputs if x in nodes),
            output=node.output.share(parts),
        )
    layers[layer.name] = layer._replace(inputs=tuple(available), output=layer.output.share(parts))
    return replace(graph, nodes=nodes, layers=layers, parameters=parameters)


def _has_value(placed: Placed, layer: Layer, value: str, column: int) -> bool:
    """Whether a column has a value when it computes a layer. It lacks values that another column owns, unless they are
    transferred."""
    if value in placed.layers[layer.name].transfers:
        return True
    owner = placed.layers[value].sharding.owner
    return owner is None or owner == column
