"""Maximum pooling of a copy of the maps whose channels lie side by side.

On the CPU PyTorch's pooling of maps that lie one after the other compares pixel by pixel; of channels side by side it
compares as many at a time as a vector holds. The copy costs less than that saves.

Where no gradient is wanted, nobody asks which pixel was the largest, and there is no copy: rows are compared as
vectors, and then the columns of what is left.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import MaxPool
from netspec.passes.fast.model import Forms, Pass

FEWEST = 16
"""Channels that fill the widest vectors (AVX-512) with float32 numbers; fewer are compared one by one either way."""


def pays(node: Node) -> bool:
    """Whether a node is a maximum pooling of channels enough, whose windows have more than a pixel."""
    return isinstance(node.op, MaxPool) and node.output.channels >= FEWEST and node.op.window.area > 1


def _apply(graph: Graph, forms: Forms) -> Forms:
    if forms.channels_last or graph.train.channels_last:
        return forms
    found = frozenset(node.name for node in graph.nodes.values() if pays(node) and not forms.is_absorbed(node))
    return replace(forms, pools=found) if found else forms


PASS = Pass(
    "max-pool",
    "a maximum pooling reads a copy of its maps with channels side by side; outside training their rows, then columns",
    "the same bits; outside training a zero may have the other sign",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: such a pooling takes 0.3 to 0.6 of its time, forward and backward",
        "cuda": "off: channels lie side by side already in bf16; not measured in fp32",
    },
    _apply,
    runs_on=("cpu",),
)
