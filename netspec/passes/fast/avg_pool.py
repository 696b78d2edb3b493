"""Average and sum pooling that first adds up the rows of all windows, then the columns of the result.

If channels are not last in memory, PyTorch's average pooling adds pixel by pixel. Here whole rows of the maps are added
as vectors, and then the columns of these sums, which are fewer: for windows of 3 x 3 at stride 2 on 55 x 55 pixels, 2
additions of 27 rows of 55 numbers and 2 of 27 columns of 27, instead of 8 for each of 27 x 27 windows. The sums are the
same except that they are rounded in another order.
"""

from __future__ import annotations

from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import AvgPool, SumPool
from netspec.ir.shape import Shape
from netspec.passes.fast.model import Forms, Pass
from netspec.passes.padding import pool_padding

MAX_STRIDE = 2
"""The largest stride that pays off. With larger ones, windows overlap so little that PyTorch's pooling is as fast."""

MIN_WINDOWS = 4
"""The minimum number of windows in a row; with fewer, the vectors are too short."""


MIN_ELEMENTS = 2**16
"""The minimum size of a batch of input maps; below, the overhead of a dozen operations exceeds the time of PyTorch's
pooling."""


def pays(node: Node, x: Shape) -> bool:
    """Whether the form pays off for a node: an average or sum pooling with windows of more than one pixel.

    It always does if PyTorch has no such pooling (sum pooling, dilation, separate padding), as the alternative is then
    a convolution, which is even slower.
    """
    if not isinstance(node.op, AvgPool | SumPool) or node.op.window.area == 1:
        return False
    return not torch_has(node, x) or (max(node.op.window.stride) <= MAX_STRIDE and node.output.width >= MIN_WINDOWS)


def torch_has(node: Node, x: Shape) -> bool:
    """Whether PyTorch has an average pooling equivalent to the node."""
    if not isinstance(node.op, AvgPool):
        return False
    return node.op.window.dilation == (1, 1) and pool_padding(node.op.window, x).image_pad is None


def _apply(graph: Graph, forms: Forms) -> Forms:
    if forms.channels_last or graph.train.channels_last:
        return forms
    pools = frozenset(node.name for node in graph.nodes.values() if node.inputs and pays(node, graph.shapes(node)[0]))
    return replace(forms, sums=pools)


def _enough(graph: Graph, forms: Forms, images: int) -> Forms:
    inputs = {name: graph.shapes(graph.nodes[name])[0] for name in forms.sums}
    too_small = {name for name, x in inputs.items() if images * x.units < MIN_ELEMENTS}
    return replace(forms, sums=forms.sums - {name for name in too_small if torch_has(graph.nodes[name], inputs[name])})


PASS = Pass(
    "avg-pool",
    "an average or sum pooling adds up the rows of its windows, then the columns",
    "the same sums, added up in another order",
    lambda where: where.device == "cpu",
    {
        "cpu": "on: such a pooling takes 0.1 to 0.9 times as long as PyTorch's, forward and backward",
        "cuda": "off: not measured there",
    },
    _apply,
    _enough,
    runs_on=("cpu",),
)
