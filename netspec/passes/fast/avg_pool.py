"""Average and sum pooling as sums of whole rows of windows, then of their columns.

PyTorch's average pooling of maps that lie one after the other adds up pixel by pixel. A row of each window is a row of
the maps: rows are added up as vectors, and of their sums, which are fewer, the columns.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import AvgPool, SumPool
from netspec.ir.shape import Shape
from netspec.passes.fast.model import Forms, Pass
from netspec.passes.padding import pool_padding

WIDEST = 2
"""Pixels from window to window: with more, windows share so little that PyTorch's own pooling is as fast."""

FEWEST = 4
"""Windows in a row, below which there is little to add up at a time."""


FEWEST_NUMBERS = 2**16
"""Numbers of maps, below which the library's average pooling is over before a dozen operations have begun."""


def pays(node: Node, x: Shape) -> bool:
    """Whether a node is such a pooling of windows of more than a pixel. What PyTorch has no average pooling for (sums,
    dilation, padding of its own) is a convolution otherwise, and slower still."""
    if not isinstance(node.op, AvgPool | SumPool) or node.op.window.area == 1:
        return False
    return not is_known(node, x) or (max(node.op.window.stride) <= WIDEST and node.output.width >= FEWEST)


def is_known(node: Node, x: Shape) -> bool:
    """Whether PyTorch has such an average pooling."""
    if not isinstance(node.op, AvgPool):
        return False
    return node.op.window.dilation == (1, 1) and pool_padding(node.op.window, x).before is None


def _apply(graph: Graph, forms: Forms) -> Forms:
    if forms.channels_last or graph.train.channels_last:
        return forms
    found = frozenset(node.name for node in graph.nodes.values() if node.inputs and pays(node, graph.shapes(node)[0]))
    return replace(forms, sums=found) if found else forms


def _enough(graph: Graph, forms: Forms, images: int) -> Forms:
    inputs = {name: graph.shapes(graph.nodes[name])[0] for name in forms.sums}
    few = {name for name, x in inputs.items() if images * x.units < FEWEST_NUMBERS and is_known(graph.nodes[name], x)}
    return replace(forms, sums=forms.sums - few)


PASS = Pass(
    "avg-pool",
    "an average or sum pooling adds up the rows of its windows, then the columns",
    "the same sums, added up in another order",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: such a pooling takes 0.1 to 0.9 of its time, forward and backward",
        "cuda": "off: not measured there",
    },
    _apply,
    _enough,
    runs_on=("cpu",),
)
