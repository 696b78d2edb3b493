"""The minimum work of each layer in a training step: FLOPs, and bytes transferred from and to memory.

All counts follow from the graph's operations (``netspec.ir``), for a single device that holds the whole network.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from netspec.ir.graph import Graph, Layer
from netspec.ir.settings import Precision
from netspec.ir.widths import FULL, width_of
from netspec.passes.dependence import with_gradient
from netspec.passes.optimiser_state import state_kinds

RULE = (
    "FLOPs: those of netspec summary, times the images; backward passes have two products per connection, or one if "
    "the layer's input needs no gradient",
    "bytes: values and weights that a pass over the layer must read or write, each counted once; values in the "
    "precision of training, weights in 4 bytes",
    "floor: the larger of 2 FLOPs per connection at the machine's matrix rate and the bytes at its bandwidth",
)


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a layer's forward or backward pass for a whole batch. ``flops`` are all FLOPs, ``products`` those of
    matrix products."""

    flops: int
    products: int
    bytes: int

    def floor(self, matrix_rate: float, bandwidth: float) -> float:
        """Return the minimum time in seconds, if matrix products run at ``matrix_rate`` FLOPs per second and memory at
        ``bandwidth`` bytes per second."""
        return max(self.products / matrix_rate, self.bytes / bandwidth)


@dataclass(frozen=True, slots=True)
class LayerWork:
    """The work of a layer in a training step, forward and backward."""

    forward: Work
    backward: Work


def work(graph: Graph, batch: int, precision: Precision) -> dict[str, LayerWork]:
    """Return the work of each layer except the input, by name."""
    differentiable = with_gradient(graph)
    return {
        layer.name: _work(graph, layer, batch, width_of(precision), differentiable)
        for layer in graph.layers.values()
        if layer.name != graph.input.layer
    }


def update_bytes(graph: Graph) -> int:
    """Return the bytes that the update of all weights reads (weight, gradient, and what the optimiser remembers) and
    writes (all of these but the gradient). A limit of the gradients' norm reads them once more, before the update."""
    rule, clip = graph.train.rule, graph.train.clip_gradients
    read = 2 if clip is not None and clip.by == "norm" else 1
    numbers = ((math.prod(p.shape), len(state_kinds(rule, p))) for p in graph.parameters.values())
    return FULL * sum(size * (2 + read + 2 * remembered) for size, remembered in numbers)


def _work(graph: Graph, layer: Layer, batch: int, width: int, differentiable: frozenset[str]) -> LayerWork:
    nodes = graph.nodes_of(layer)
    forward = backward = products = products_back = 0
    for node in nodes:
        shapes = graph.shapes(node)
        product = 2 * batch * node.op.connections(shapes, node.output)
        rest = batch * node.op.flops(shapes, node.output) - product
        gradient_products = bool(node.params) + any(name in differentiable for name in node.inputs)
        products += product
        products_back += gradient_products * product
        forward += product + rest
        if node.name in differentiable:
            backward += gradient_products * product + rest
    within = set(layer.nodes)
    read = {name for node in nodes for name in node.inputs if name not in within}
    weights = FULL * sum(math.prod(graph.parameters[key].shape) for key in {key for n in nodes for key in n.params})
    values = batch * width * sum(graph.nodes[name].output.units for name in read)
    gradients = batch * width * sum(graph.nodes[name].output.units for name in read if name in differentiable)
    output = batch * width * layer.output.units
    # Backward, the output's gradient, the inputs and the weights are read; gradients of inputs and weights are written.
    backward_bytes = output + values + gradients + 2 * weights if layer.nodes[-1] in differentiable else 0
    return LayerWork(
        Work(forward, products, values + weights + output),
        Work(backward, products_back, backward_bytes),
    )
