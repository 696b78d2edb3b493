"""Join sums of weighted layers, only one of which has biases, into one layer: cuda-convnet has one section for them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace

from netspec.ir.graph import Graph, Layer
from netspec.ir.ops import Conv, Linear, Local, Neuron, Sum


def join_sums(graph: Graph) -> Graph:
    """Return the graph with each such sum and its terms replaced by one layer, which has the name of the sum.

    The joined layer has the operations of the terms, in order, then the sum. Parameters keep their keys.
    """
    readers = Counter(name for layer in graph.layers.values() for name in set(layer.inputs))
    positions = {name: position for position, name in enumerate(graph.layers)}
    borrowers = _borrowers(graph, positions)
    sums: dict[str, Layer] = {}
    sum_of: dict[str, str] = {}
    for layer in graph.layers.values():
        terms = [graph.layers[name] for name in layer.inputs]
        joinable = all(readers[term.name] == 1 for term in terms) and _is_one_section(graph, layer, terms)
        if joinable and not _is_borrowed_before(layer, terms, positions, borrowers):
            nodes = tuple(name for term in (*terms, layer) for name in term.nodes)
            inputs = tuple(name for term in terms for name in term.inputs)
            sums[layer.name] = layer._replace(type=terms[0].type, inputs=inputs, nodes=nodes, reads=terms[0].reads)
            sum_of |= {term.name: layer.name for term in terms}
    if not sums:
        return graph
    return replace(
        graph,
        layers={name: sums.get(name, layer) for name, layer in graph.layers.items() if name not in sum_of},
        nodes={name: node._replace(layer=sum_of.get(node.layer, node.layer)) for name, node in graph.nodes.items()},
        parameters={key: p._replace(layer=sum_of.get(p.layer, p.layer)) for key, p in graph.parameters.items()},
    )


def _is_one_section(graph: Graph, layer: Layer, terms: list[Layer]) -> bool:
    """Whether a layer is a sum of distinct weighted layers of the same type and placement, exactly one of which has
    biases and none a neuron."""
    if not isinstance(graph.nodes[layer.nodes[0]].op, Sum) or len(set(layer.inputs)) < len(terms):
        return False
    ends = [graph.nodes[term.nodes[-1]].op for term in terms]
    weighted = all(any(isinstance(graph.nodes[n].op, Conv | Local | Linear) for n in term.nodes) for term in terms)
    if not weighted or any(isinstance(op, Neuron) for op in ends) or len({term.type for term in terms}) > 1:
        return False
    biased = [term for term in terms if any(p.role == "bias" for p in graph.parameters_of(term.name))]
    return len(biased) == 1 and {(term.placement, term.reads) for term in terms} == {(layer.placement, terms[0].reads)}


def _borrowers(graph: Graph, positions: Mapping[str, int]) -> dict[str, list[int]]:
    """Return the positions of the layers that share weights of another layer, by the owner's name."""
    borrowers: defaultdict[str, list[int]] = defaultdict(list)
    for node in graph.nodes.values():
        for key in node.params:
            if (owner := graph.parameters[key].layer) != node.layer:
                borrowers[owner].append(positions[node.layer])
    return borrowers


def _is_borrowed_before(
    layer: Layer, terms: list[Layer], positions: Mapping[str, int], borrowers: Mapping[str, list[int]]
) -> bool:
    """Whether a layer before the sum, other than its terms, shares weights of a term.

    The joined section would stand at the sum's position, after that layer, which could not refer to it.
    """
    term_positions = {positions[term.name] for term in terms}
    borrowing = {position for term in terms for position in borrowers.get(term.name, ())}
    return any(position < positions[layer.name] for position in borrowing - term_positions)
