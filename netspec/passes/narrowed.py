"""Which weights can be narrowed to bfloat16 ahead of the products that read them."""

from __future__ import annotations

from collections import defaultdict

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Linear
from netspec.passes.fast import Forms


def narrowed(graph: Graph, forms: Forms) -> frozenset[str]:
    """The keys of those parameters that autocast narrows wherever a network in these forms reads them: weights of
    convolutions and matrix products, and biases that are added with them."""
    readers = defaultdict[str, set[bool]](set)
    for node in graph.nodes.values():
        for place, key in enumerate(node.params):
            alone = place > 0 and (node.name in forms.rectified or forms.is_unbiased(node))  # added by a kernel
            product = isinstance(node.op, Conv | Linear) and not alone
            readers[key].add(product)
    return frozenset(key for key, found in readers.items() if found == {True})
