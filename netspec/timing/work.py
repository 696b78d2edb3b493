"""What a layer of a training step has to do at the least: multiplications, and bytes that cross the memory's edge.

Everything is counted from the graph's operations (``netspec.ir``), once, for one device that holds the whole network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer
from netspec.ir.settings import Precision
from netspec.passes.dependence import learning

FULL = 4
"""Bytes of a weight, a gradient of one, a velocity: float32 whatever the layers compute in."""

VALUE = {"fp32": 4, "bf16": 2}
"""Bytes of a value that one layer hands to the next."""

RULE = (
    "FLOPs as netspec summary counts them, times the images; backward two products a connection, one where what is "
    "read needs no gradient",
    "bytes: values and weights that a pass over the layer must read or write, each once; values in the precision, "
    "weights in 4 bytes",
    "floor: the larger of 2 FLOPs a connection at the machine's matrix rate and the bytes at its bandwidth",
)


@dataclass(frozen=True, slots=True)
class Work:
    """One direction of a layer for a whole batch. ``products`` are the FLOPs of its matrix products, ``flops`` all."""

    flops: int
    products: int
    bytes: int

    def floor(self, matrix_rate: float, bandwidth: float) -> float:
        """Seconds that it takes at least where products run at ``matrix_rate`` FLOPs and memory at ``bandwidth`` bytes
        a second."""
        return max(self.products / matrix_rate, self.bytes / bandwidth)


@dataclass(frozen=True, slots=True)
class LayerWork:
    """What a layer has to do in a training step, forward and backward."""

    forward: Work
    backward: Work


def work(graph: Graph, batch: int, precision: Precision) -> dict[str, LayerWork]:
    """The work of every layer but the input, by its name."""
    learns = learning(graph)
    return {
        layer.name: _work(graph, layer, batch, VALUE[precision], learns)
        for layer in graph.layers.values()
        if layer.name != graph.input.layer
    }


def update_bytes(graph: Graph) -> int:
    """What moving all weights reads (weight, gradient, velocity) and writes (weight, velocity), in bytes; with a
    ``super_eps`` both running means are read and written as well."""
    numbers = ((math.prod(p.shape), 5 if p.super_eps is None else 9) for p in graph.parameters.values())
    return FULL * sum(size * times for size, times in numbers)


def _work(graph: Graph, layer: Layer, batch: int, width: int, learns: frozenset[str]) -> LayerWork:
    nodes = [graph.nodes[name] for name in layer.nodes]
    forward = backward = products = products_back = 0
    for node in nodes:
        shapes = graph.shapes(node)
        product = 2 * batch * node.op.connections(shapes, node.output)
        rest = batch * node.op.flops(shapes, node.output) - product
        ways = sum((bool(node.params), any(name in learns for name in node.inputs)))
        products, products_back = products + product, products_back + ways * product
        forward += product + rest
        backward += (ways * product + rest) if node.name in learns else 0
    within = set(layer.nodes)
    read = {name for node in nodes for name in node.inputs if name not in within}
    weights = FULL * sum(math.prod(graph.parameters[key].shape) for key in {key for n in nodes for key in n.params})
    values = batch * width * sum(graph.nodes[name].output.units for name in read)
    wanted = batch * width * sum(graph.nodes[name].output.units for name in read if name in learns)
    made = batch * width * layer.output.units
    # Back: the value's gradient and what was read come in, with the weights; their gradients go out.
    back = made + values + wanted + 2 * weights if layer.nodes[-1] in learns else 0
    return LayerWork(
        Work(forward, products, values + weights + made),
        Work(backward, products_back, back),
    )
