"""A bias and the following ReLU as one in-place operation on the output of a convolution, or on the sum of several.

Separately, adding the bias and the ReLU each read and write the maps. In the backward pass, one operation masks the
gradient, and another reads all of it for the gradient of the bias. If a chain (``lrn_chain``) follows the convolution,
the chain adds the bias.

In ``[conv3] conv filters=384 kernel=3 neuron=relu``, y = max(0, x + b) overwrites x, the convolution's output. Nothing
needs x any more: a convolution's gradient needs its input, and the gradient of a ReLU passes where y is above 0.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import Bias, Conv, Relu, Sum
from netspec.passes.fast.model import Forms, Pass, sole_readers


def rectified(graph: Graph, forms: Forms) -> dict[str, str]:
    """Return the ReLUs that are merged, by the names of the convolutions or biases before them. Both must belong to the
    same layer, nothing else may read the value between them, and no chain may include the ReLU."""
    read_once = sole_readers(graph).keys()
    merged = {}
    for node in graph.nodes.values():
        if not isinstance(node.op, Relu) or forms.is_absorbed(node):
            continue
        before = graph.nodes[node.inputs[0]]
        if before.layer == node.layer and before.name in read_once and _adds_bias(graph, before, read_once):
            merged[before.name] = node.name
    return merged


def biased(graph: Graph, forms: Forms) -> dict[str, str]:
    """Return the convolutions whose biases are added by chains, by the names of the chains. Nothing else may read such
    a convolution."""
    read_once = sole_readers(graph).keys()
    merged = {}
    for name, chain in forms.chains.items():
        first = graph.nodes[chain.absorbed[0] if chain.relu else name]
        before = graph.nodes[first.inputs[0]]
        if isinstance(before.op, Conv) and before.op.bias and before.name in read_once:
            merged[name] = before.name
    return merged


def _adds_bias(graph: Graph, node: Node, read_once: Set[str]) -> bool:
    """Whether a node is a convolution with a bias, or adds a bias per channel to maps that may be overwritten: those of
    a convolution or sum in the same layer, which nothing else reads."""
    if isinstance(node.op, Conv):
        return node.op.bias
    if not isinstance(node.op, Bias) or node.op.per != "channel" or not node.output.is_image:
        return False
    maps = graph.nodes[node.inputs[0]]
    can_take_bias = isinstance(maps.op, Conv) or (isinstance(maps.op, Sum) and len(maps.inputs) > 1)
    return can_take_bias and maps.layer == node.layer and maps.name in read_once


def _apply(graph: Graph, forms: Forms) -> Forms:
    by_chains = biased(graph, forms)
    chains = {name: replace(chain, biased=by_chains.get(name)) for name, chain in forms.chains.items()}
    return replace(forms, rectified=rectified(graph, forms), chains=chains)


PASS = Pass(
    "bias-relu",
    "the bias of a convolution (or of a sum of several) and its ReLU are one in-place operation, or part of a chain",
    "the same sums; in bf16 they are rounded once less",
    lambda where: where.device == "cuda",
    {
        "cpu": "off: PyTorch's convolution adds the bias itself; steps of four networks took 0.96 to 1.02 times as "
        "long with the pass",
        "cuda": "on: maps are read and written 5 times instead of 8; not measured",
    },
    _apply,
)
