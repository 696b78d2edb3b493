"""The parameters that can be converted to bfloat16 in advance."""

from __future__ import annotations

from collections import defaultdict

from netspec.ir.graph import Graph
from netspec.ir.ops import Conv, Deconv, Linear
from netspec.passes.fast import Forms


def narrowed(graph: Graph, forms: Forms) -> frozenset[str]:
    """Return the keys of the parameters that autocast converts to bfloat16 wherever a network in these forms reads
    them: weights of convolutions and linear layers, and their biases, unless a separate kernel adds these."""
    conversions = defaultdict[str, set[bool]](set)
    for node in graph.nodes.values():
        for place, key in enumerate(node.params):
            separate_bias = place > 0 and (node.name in forms.rectified or forms.is_unbiased(node))
            conversions[key].add(isinstance(node.op, Conv | Deconv | Linear) and not separate_bias)
    return frozenset(key for key, converted in conversions.items() if converted == {True})
