"""The parameters that can be converted to bfloat16 in advance."""

from __future__ import annotations

from collections import defaultdict

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Linear
from netspec.passes.fast import Forms


def narrowed(graph: Graph, forms: Forms) -> frozenset[str]:
    """Return the keys of the parameters that autocast converts to bfloat16 wherever a network in these forms reads
    them: weights of convolutions and linear layers, and their biases, unless a separate kernel adds these."""
    readers = defaultdict[str, set[bool]](set)
    for node in graph.nodes.values():
        for place, key in enumerate(node.params):
            alone = place > 0 and (node.name in forms.rectified or forms.is_unbiased(node))  # by its own kernel
            product = isinstance(node.op, Conv | Linear) and not alone
            readers[key].add(product)
    return frozenset(key for key, found in readers.items() if found == {True})
