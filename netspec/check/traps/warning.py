"""How a trap is told, and who reads a value."""

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
    """A warning about an operation, at the first of these keys that its layer gives, else at its type."""
    known = facts[node.layer]
    spans = [known.pairs[key].span for key in keys if key in known.pairs]
    section = known.section
    fallback: Span = section.values[0].span if section.values else section.name.span
    return Diagnostic(
        code, message, tuple(spans[:1]) or (fallback,), tuple(notes), severity="warning", layer=node.layer
    )


def readers_of(graph: Graph) -> dict[str, list[Node]]:
    """The operations that read each value, by its name; a value that nothing reads is not there."""
    readers: dict[str, list[Node]] = {}
    for node in graph.nodes.values():
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    return readers
