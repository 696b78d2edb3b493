"""What several traps need: making a warning, and finding the readers of a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from netspec.check.facts import LayerFacts
from netspec.diagnostics import Diagnostic
from netspec.ir.graph import Graph, Node
from netspec.source import Span


def warning(
    code: str,
    message: str,
    node: Node,
    facts: Mapping[str, LayerFacts],
    keys: Iterable[str],
    notes: Iterable[str],
) -> Diagnostic:
    """Make a warning about an operation, at the first of ``keys`` that its layer gives, or else at its type."""
    layer = facts[node.layer]
    spans = [layer.pairs[key].span for key in keys if key in layer.pairs]
    section = layer.section
    fallback: Span = section.values[0].span if section.values else section.name.span
    return Diagnostic(
        code, message, tuple(spans[:1]) or (fallback,), tuple(notes), severity="warning", layer=node.layer
    )


def readers_of(graph: Graph) -> dict[str, list[Node]]:
    """Map each node's name to the nodes that read it. Nodes that nothing reads are left out."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes.values():
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    return readers
