"""Check that a graph is well-formed: run on the checker's output and after each pass.

A failure is a bug in netspec, never a mistake in a spec.
"""

from __future__ import annotations

from collections.abc import Iterator

from netspec.ir.fault import Fault
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import VOCABULARY, Input

_KNOWN = frozenset(VOCABULARY)


class MalformedGraph(AssertionError):
    """The checker or a pass has made an invalid graph."""


def verify(graph: Graph) -> Graph:
    """Return the graph, or raise ``MalformedGraph`` with the first thing that is wrong with it."""
    for complaint in _complaints(graph):
        raise MalformedGraph(complaint)
    return graph


def _complaints(graph: Graph) -> Iterator[str]:
    """Yield what is wrong with a graph. Later complaints may only be consequences of the first."""
    seen: set[str] = set()
    for name, node in graph.nodes.items():
        if name != node.name:
            yield f"{name} is stored under another name than its own, {node.name}"
        yield from _node_complaints(graph, node, seen)
        seen.add(name)
    if sum(isinstance(n.op, Input) for n in graph.nodes.values()) != 1:
        yield "there must be exactly one input"
    for layer in graph.layers.values():
        if not layer.nodes:
            yield f"layer {layer.name} has no operation"
        if not seen.issuperset(layer.nodes):
            yield f"layer {layer.name} names an operation that is not there"
        if graph.nodes[layer.nodes[-1]].output != layer.output:
            yield f"layer {layer.name}: shape differs from its last"
    used = {key for node in graph.nodes.values() for key in node.params}
    if used != set(graph.parameters):
        yield f"parameters unused or missing: {used ^ set(graph.parameters)}"


def _node_complaints(graph: Graph, node: Node, seen: set[str]) -> Iterator[str]:
    """Yield what is wrong with one operation. ``seen`` are the names of the operations before it."""
    fewest, most = node.op.arity
    count = len(node.inputs)
    if type(node.op) not in _KNOWN:
        yield f"{node.name}: {type(node.op).__name__} is no operation"
    if count < fewest or (most is not None and count > most):
        yield f"{node.name} has {count} inputs"
    if not seen.issuperset(node.inputs):
        yield f"{node.name} reads what comes after it"
    shapes = graph.shapes(node)
    try:
        output = node.op.shape(shapes)
    except Fault as fault:
        raise MalformedGraph(f"{node.name}: {fault.message}") from fault
    if output != node.output:
        yield f"{node.name}: the stored shape is not the operation's"
    needed = node.op.params(shapes, node.output)
    if len(needed) != len(node.params):
        yield f"{node.name} has {len(node.params)} parameters, needs {len(needed)}"
    for shape, key in zip(needed, node.params, strict=True):
        if key not in graph.parameters:
            yield f"{node.name} uses {key}, which is not there"
        parameter = graph.parameters[key]
        if parameter.shape != shape.shape:
            yield f"{key} has another shape than {node.name} needs"
        if parameter.axis != shape.axis and node.placement.split:
            yield f"{key} is divided along another axis than {node.name} needs"
        if parameter.table != shape.table:
            yield f"{key} has another table than {node.name} needs"
