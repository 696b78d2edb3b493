"""Which layers of zeros learn nothing: those whose own zeros, or others, keep every gradient from them.

The gradient of a layer's weights is a product of what it reads and of the gradient of its output, and neither depends
on these weights. A layer that starts with zeros therefore learns like any other, as the last one of a network often
does, unless a layer of zeros above it reads zeros too, so that both wait for each other, or an activation function
does whose slope at 0 is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from netspec.check.traps.strength import mean_square
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import (
    Abs,
    ChannelScale,
    ColourSpace,
    Concat,
    Connected,
    HardSigmoid,
    LinearNeuron,
    Log,
    Logistic,
    Loss,
    NoisyRelu,
    Product,
    Relu,
    Relu6,
    Softmax,
    SoftRelu,
    Square,
)

_FLAT = (Abs, NoisyRelu, Relu, Relu6, Square)
"""Functions whose slope at 0 is 0."""
_MAKE_NUMBERS = (ColourSpace, HardSigmoid, Log, Logistic, Loss, Softmax, SoftRelu)
"""Functions that make other numbers of zeros."""
_WEIGHTED = (ChannelScale, Connected)


class Zeros(NamedTuple):
    """The values that start as exact zeros, by the names of their nodes, and which operation keeps every gradient from
    those that no gradient reaches."""

    values: frozenset[str]
    cut_off_by: Mapping[str, Node]


def zeros(graph: Graph) -> Zeros:
    """Find the values of a new network that are exact zeros, and those of them that no gradient reaches."""
    values: set[str] = set()
    for node in graph.nodes.values():
        if (starts_with_zeros(graph, node) or not values.isdisjoint(node.inputs)) and _is_zero(graph, node, values):
            values.add(node.name)
    if not values:
        return Zeros(frozenset(), {})
    readers = graph.readers()
    cut_off: dict[tuple[str, bool], Node] = {}
    for name in reversed([*graph.nodes]):
        for zero in (True, False):
            blocks = [_cut_off(graph, reader, name, values, cut_off, zero=zero) for reader in readers[name]]
            if blocks and blocks[0] and all(blocks):
                cut_off[name, zero] = blocks[0]
    return Zeros(frozenset(values), {name: cut_off[name, True] for name in values if (name, True) in cut_off})


def _cut_off(
    graph: Graph, reader: Node, name: str, values: set[str], cut_off: Mapping[tuple[str, bool], Node], *, zero: bool
) -> Node | None:
    """Return the operation that keeps the gradient from a value on the way through ``reader``, or ``None``.

    ``zero`` says whether these numbers are 0, which may be a part of the value: where zeros and other maps are
    concatenated, the weights that read the zeros have no gradient.
    """
    factors = [*reader.inputs]
    factors.remove(name)
    if isinstance(reader.op, Product) and not values.isdisjoint(factors):
        return reader
    if zero and (isinstance(reader.op, _FLAT) or starts_with_zeros(graph, reader)):
        return reader
    kept = isinstance(reader.op, Concat) or (
        not factors and not isinstance(reader.op, _WEIGHTED) and _is_zero(graph, reader, {name})
    )
    return cut_off.get((reader.name, zero and (kept or reader.name in values)))


def starts_with_zeros(graph: Graph, node: Node) -> bool:
    """Whether all weights of an operation start as 0."""
    if not isinstance(node.op, _WEIGHTED):
        return False
    parameters = [graph.parameters[key] for key in node.params]
    return all(mean_square(p.distribution) == 0 for p in parameters if p.role == "weight")


def _is_zero(graph: Graph, node: Node, zero: set[str]) -> bool:
    """Whether an operation's output is exactly 0. ``zero`` are the values of which this is known."""
    inputs = [name in zero for name in node.inputs]
    biases = [graph.parameters[key] for key in node.params if graph.parameters[key].role == "bias"]
    if any(mean_square(bias.distribution) for bias in biases):
        return False
    if isinstance(node.op, _WEIGHTED):
        return all(inputs) or starts_with_zeros(graph, node)
    if isinstance(node.op, Product):
        return any(inputs)
    moved = isinstance(node.op, LinearNeuron) and node.op.b != 0
    return all(inputs) and not moved and not isinstance(node.op, _MAKE_NUMBERS)
