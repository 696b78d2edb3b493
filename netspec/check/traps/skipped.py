"""Traps of stochastic depth: dropout of whole images where there is no way around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic
from netspec.ir import ops
from netspec.ir.graph import Graph, Node

_KEEP_ZERO = (
    *(ops.BinPool, ops.BorderPad, ops.ChannelMax, ops.ChannelMean, ops.Concat, ops.Dropout, ops.Flatten),
    *(ops.Interpolate, ops.Max, ops.PRelu, ops.PixelShuffle, ops.PixelUnshuffle, ops.Pool, ops.Product, ops.Relu),
    *(ops.Reshape, ops.Shuffle, ops.Slice, ops.Sum, ops.Upsample),
)
"""Operations whose output is 0 if all of their inputs are. Those with weights are too, if they have no biases."""


def image_dropped(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about dropout of whole images after which nothing of a dropped image reaches the class scores."""
    nodes = graph.nodes.values()
    dropouts = [n for n in nodes if isinstance(n.op, ops.Dropout) and n.op.over == "images" and n.op.rate > 0]
    readers = graph.readers() if dropouts else {}
    for node in dropouts:
        lost = _lost(node, readers)
        if graph.scores.name not in lost:
            continue
        products = [
            n.layer for n in map(graph.nodes.__getitem__, lost) if n is not node and not lost.keys() >= {*n.inputs}
        ]
        way = f"{' and '.join(products)}, where it is multiplied in" if products else "it"
        message = f"{node.layer} drops all that the network knows of an image"
        notes = [
            f"every path from {graph.input.layer} to {graph.scores.layer} leads through {way}, so an image that it "
            "drops is classified unseen; stochastic depth drops a branch next to a shortcut, before their sum"
        ]
        yield warning("image-dropped", message, node, facts, ("over",), notes)


def _lost(dropout: Node, readers: Mapping[str, Sequence[Node]]) -> dict[str, bool]:
    """The nodes whose values do not depend on an image that is dropped, each with whether its value is 0.

    A product with a factor of 0 is one of them, whatever its other factors are. Others are if all their inputs are.
    """
    lost = {dropout.name: True}
    pending = [dropout.name]
    while pending:
        for node in readers[pending.pop()]:
            inputs = [lost.get(name) for name in node.inputs]
            by_zero = isinstance(node.op, ops.Product) and True in inputs
            if node.name not in lost and (by_zero or None not in inputs):
                lost[node.name] = by_zero or (_keeps_zero(node) and all(inputs))
                pending.append(node.name)
    return lost


def _keeps_zero(node: Node) -> bool:
    return isinstance(node.op, _KEEP_ZERO) or (isinstance(node.op, ops.Connected) and not node.op.bias)
