"""What every well-formed graph satisfies. Run on the checker's output and after each pass; a failure is a defect of
netspec, never of a spec."""

from __future__ import annotations

from netspec.ir.fault import Fault
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import VOCABULARY, Input


class MalformedGraph(AssertionError):
    """A graph that a pass or the checker should not have made."""


def verify(graph: Graph) -> Graph:
    """Return the graph itself, or raise ``MalformedGraph`` saying what is wrong with it."""
    seen: set[str] = set()
    for name, node in graph.nodes.items():
        _require(name == node.name, f"{name} is stored under another name than its own, {node.name}")
        _node(graph, node, seen)
        seen.add(name)
    _require(sum(isinstance(n.op, Input) for n in graph.nodes.values()) == 1, "there must be exactly one input")
    for layer in graph.layers.values():
        _require(bool(layer.nodes), f"layer {layer.name} has no operation")
        _require(all(n in seen for n in layer.nodes), f"layer {layer.name} names an operation that is not there")
        _require(
            graph.nodes[layer.nodes[-1]].output == layer.output, f"layer {layer.name}: shape differs from its last"
        )
    used = {key for node in graph.nodes.values() for key in node.params}
    _require(used == set(graph.parameters), f"parameters unused or missing: {used ^ set(graph.parameters)}")
    return graph


def _node(graph: Graph, node: Node, seen: set[str]) -> None:
    least, most = node.op.arity
    count = len(node.inputs)
    _require(type(node.op) in VOCABULARY, f"{node.name}: {type(node.op).__name__} is no operation")
    _require(least <= count and (most is None or count <= most), f"{node.name} has {count} inputs")
    _require(all(name in seen for name in node.inputs), f"{node.name} reads what comes after it")
    shapes = graph.shapes(node)
    try:
        output = node.op.shape(shapes)
    except Fault as fault:
        raise MalformedGraph(f"{node.name}: {fault.message}") from fault
    _require(output == node.output, f"{node.name}: the stored shape is not the operation's")
    wanted = node.op.params(shapes, node.output)
    _require(len(wanted) == len(node.params), f"{node.name} has {len(node.params)} parameters, needs {len(wanted)}")
    for shape, key in zip(wanted, node.params, strict=True):
        _require(key in graph.parameters, f"{node.name} uses {key}, which is not there")
        _require(graph.parameters[key].shape == shape.shape, f"{key} has another shape than {node.name} needs")
        _require(graph.parameters[key].table == shape.table, f"{key} has another table than {node.name} needs")


def _require(truth: bool, complaint: str) -> None:
    if not truth:
        raise MalformedGraph(complaint)
