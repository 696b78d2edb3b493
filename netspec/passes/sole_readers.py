"""Values that a single operation reads, which it may therefore overwrite or compute as a part of itself."""

from __future__ import annotations

from netspec.ir.graph import Graph, Node


def sole_readers(graph: Graph) -> dict[str, Node]:
    """Return the operation that reads a value, for each value that nothing else reads. The class scores and the output
    are not among these values."""
    kept = {graph.scores.name, graph.output.name}
    return {name: nodes[0] for name, nodes in graph.readers().items() if len(nodes) == 1 and name not in kept}
