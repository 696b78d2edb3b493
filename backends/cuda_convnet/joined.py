"""Join sums of weighted layers, only one of which has biases, into one layer: cuda-convnet has one section for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import Conv, Linear, Local, Neuron, Sum


def joined(graph: Graph) -> Graph:
    """Return the graph with each such sum and its terms replaced by one layer, which has the name of the sum.

    The joined layer has the operations of the terms, in order, then the sum. Parameters keep their keys.
    """
    readers = Counter(name for layer in graph.layers.values() for name in set(layer.inputs))
    places = {name: place for place, name in enumerate(graph.layers)}
    takers = _takers(graph, places)
    sums: dict[str, Layer] = {}
    into: dict[str, str] = {}
    for layer in graph.layers.values():
        parts = [graph.layers[name] for name in layer.inputs]
        alone = all(readers[part.name] == 1 for part in parts)
        if alone and _is_one_section(graph, layer, parts) and not _taken_before(layer, parts, places, takers):
            nodes = tuple(name for part in (*parts, layer) for name in part.nodes)
            inputs = tuple(name for part in parts for name in part.inputs)
            sums[layer.name] = replace(layer, type=parts[0].type, inputs=inputs, nodes=nodes, reads=parts[0].reads)
            into |= {part.name: layer.name for part in parts}
    if not sums:
        return graph
    return replace(
        graph,
        layers={name: sums.get(name, layer) for name, layer in graph.layers.items() if name not in into},
        nodes={name: replace(node, layer=into.get(node.layer, node.layer)) for name, node in graph.nodes.items()},
        parameters={key: replace(p, layer=into.get(p.layer, p.layer)) for key, p in graph.parameters.items()},
    )


def _is_one_section(graph: Graph, layer: Layer, parts: list[Layer]) -> bool:
    """Whether a layer is a sum of distinct weighted layers of the same type and placement, exactly one of which has
    biases and none a neuron."""
    if not isinstance(graph.nodes[layer.nodes[0]].op, Sum) or len(set(layer.inputs)) < len(parts):
        return False
    ends = [graph.nodes[part.nodes[-1]].op for part in parts]
    weighted = all(any(isinstance(graph.nodes[n].op, Conv | Local | Linear) for n in part.nodes) for part in parts)
    if not weighted or any(isinstance(op, Neuron) for op in ends) or len({part.type for part in parts}) > 1:
        return False
    biased = [part for part in parts if any(p.role == "bias" for p in graph.parameters_of(part.name))]
    return len(biased) == 1 and {(part.placement, part.reads) for part in parts} == {(layer.placement, parts[0].reads)}


def _takers(graph: Graph, places: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the positions of the layers that share weights of another layer, by the owner's name."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for node in graph.nodes.values():
        for key in node.params:
            if (owner := graph.parameters[key].layer) != node.layer:
                found[owner].append(places[node.layer])
    return found


def _taken_before(layer: Layer, parts: list[Layer], places: Mapping[str, int], takers: Mapping[str, list[int]]) -> bool:
    """Whether a layer before the sum, other than its terms, shares weights of a term.

    The joined section would stand at the sum's position, after that layer, which could not refer to it.
    """
    own = {places[part.name] for part in parts}
    return any(place < places[layer.name] and place not in own for p in parts for place in takers.get(p.name, ()))
