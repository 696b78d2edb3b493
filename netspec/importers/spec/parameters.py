"""The parameters of a spec, to which the numbers of another program's file belong."""

from __future__ import annotations

from netspec.ir.graph import Graph
from netspec.ir.ops import RUNNING_STATISTICS, BatchNorm


def shapes_of(graph: Graph) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the parameters and running statistics of a network by key, ``conv1.weight``."""
    shapes = {p.key: p.shape for p in graph.parameters.values()}
    for node in graph.nodes.values():
        if isinstance(node.op, BatchNorm):
            shapes |= {f"{node.layer}.{word}": (node.output.channels,) for word in RUNNING_STATISTICS}
    return shapes
