"""Graph to numbers: units, weights, connections and memory, layer by layer, and their totals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from netspec.ir.graph import Graph, Layer, Node, Placement
from netspec.ir.ops import Bias, Conv, Linear, Local, window_of, word_of
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.window import Pad, Window

BYTES = 4
"""Of one number in float32, in which memory is told."""


@dataclass(frozen=True, slots=True)
class WindowNumbers:
    """A layer's window over one of its inputs: as stated, and the padding that is really read; the groups in which it
    reads, or its connection table."""

    window: Window
    effective_pad: Pad
    groups: int
    table: ConnectionTable | None = None


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """A convolution as the matrix product that it is: ``groups`` times (rows x inner) by (inner x columns).

    The second matrix is the image unrolled (im2col); ``growth`` is how many times larger it is than the image. The
    products are the ``connections``; where a table leaves weights out, there are some with 0 more.
    """

    layer: str
    groups: int
    rows: int
    inner: int
    columns: int
    growth: float
    connections: int


@dataclass(frozen=True, slots=True)
class LayerNumbers:
    """One layer of the file in numbers, whole: all GPU groups together.

    ``connections`` are multiply-accumulates of one image's forward pass; ``flops`` two a connection and one each for
    the additions, comparisons and functions of everything else. ``dense_connections`` is what the layer would cost
    if every output unit read every input unit.
    """

    name: str
    type: str
    inputs: tuple[str, ...]
    output: Shape
    placement: Placement
    reads: Literal["own", "all"]
    units: int
    weights: int
    biases: int
    connections: int
    flops: int
    dense_connections: int
    windows: tuple[WindowNumbers, ...]

    @property
    def parameters(self) -> int:
        return self.weights + self.biases

    @property
    def counted(self) -> bool:
        """Whether the totals of units and connections count this layer: those that multiply inputs by weights do.

        These are the convolutions and the fully connected layers. A normalisation's scales make no new units.
        """
        return self.connections > 0

    def activation_bytes(self, batch: int) -> int:
        """The layer's output for a batch in float32."""
        return self.units * batch * BYTES


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a network; units and connections over its convolutions and fully connected layers."""

    units: int
    weights: int
    biases: int
    connections: int
    flops: int

    @property
    def parameters(self) -> int:
        return self.weights + self.biases


def layer_numbers(graph: Graph) -> tuple[LayerNumbers, ...]:
    """Every layer of the file, in file order. Shared weights are counted at their owner."""
    owned: dict[str, tuple[int, int]] = {}
    for parameter in graph.parameters.values():
        size = parameter.size
        weights, biases = owned.get(parameter.layer, (0, 0))
        weight = parameter.role == "weight"
        owned[parameter.layer] = (weights + size, biases) if weight else (weights, biases + size)
    return tuple(_numbers(graph, layer, *owned.get(layer.name, (0, 0))) for layer in graph.layers.values())


def totals(layers: Iterable[LayerNumbers]) -> Totals:
    """The sums of layers' numbers."""
    every = tuple(layers)
    counted = [n for n in every if n.counted]
    return Totals(
        sum(n.units for n in counted),
        sum(n.weights for n in every),
        sum(n.biases for n in every),
        sum(n.connections for n in counted),
        sum(n.flops for n in every),
    )


def share(numbers: LayerNumbers, group: int, groups: int) -> tuple[int, int, int, int]:
    """(units, weights, biases, connections) of a layer on one GPU group.

    A split layer has an equal share of each on every group; one that is placed on a group is all there, and one with
    replicas on each of theirs. What is whole and not placed stands on every group.
    """
    whole = (numbers.units, numbers.weights, numbers.biases, numbers.connections)
    where = numbers.placement
    if where.split:
        return whole[0] // groups, whole[1] // groups, whole[2] // groups, whole[3] // groups
    here = group in where.replicas if where.replicas else where.gpu in (None, group)
    return whole if here else (0, 0, 0, 0)


def matrix_products(graph: Graph) -> tuple[MatrixProduct, ...]:
    """Each convolution of the network as a matrix product: filters x patch by patch x places, per group."""
    found = []
    for node in graph.nodes.values():
        if not isinstance(node.op, Conv):
            continue
        (x,) = graph.shapes(node)
        inner = x.channels // node.op.groups * node.op.window.area
        places = node.output.height * node.output.width
        growth = inner * node.op.groups * places / x.units
        rows, connections = node.op.filters // node.op.groups, node.op.connections((x,), node.output)
        found.append(MatrixProduct(node.layer, node.op.groups, rows, inner, places, growth, connections))
    return tuple(found)


def _numbers(graph: Graph, layer: Layer, weights: int, biases: int) -> LayerNumbers:
    nodes = [graph.nodes[name] for name in layer.nodes]
    connections = sum(n.op.connections(graph.shapes(n), n.output) for n in nodes)
    return LayerNumbers(
        layer.name,
        layer.type,
        layer.inputs,
        layer.output,
        layer.placement,
        layer.reads,
        layer.output.units,
        weights,
        biases,
        connections,
        sum(n.op.flops(graph.shapes(n), n.output) for n in nodes),
        _dense(graph, nodes),
        tuple(w for n in nodes if (w := _window(graph, n))),
    )


def _dense(graph: Graph, nodes: Iterable[Node]) -> int:
    """Input units times output units of each product with weights."""
    return sum(graph.shapes(n)[0].units * n.output.units for n in nodes if isinstance(n.op, Conv | Local | Linear))


def _window(graph: Graph, node: Node) -> WindowNumbers | None:
    window = window_of(node.op)
    if window is None:
        return None
    (x,) = graph.shapes(node)
    groups = node.op.groups if isinstance(node.op, Conv | Local) else 1
    table = node.op.table if isinstance(node.op, Conv) else None
    return WindowNumbers(window, window.effective_pad(x.height, x.width), groups, table)


def flops_by_kind(graph: Graph) -> dict[str, int]:
    """The FLOPs of one image's forward pass by what they are spent on; their sum is the total.

    ``connections`` are two each; ``biases`` the additions of biases; every other entry is an operation's word.
    """
    spent: dict[str, int] = {}
    for node in graph.nodes.values():
        shapes = graph.shapes(node)
        products = 2 * node.op.connections(shapes, node.output)
        rest = node.op.flops(shapes, node.output) - products
        word = "biases" if products or isinstance(node.op, Bias) else word_of(node.op)
        for kind, amount in (("connections", products), (word, rest)):
            if amount:
                spent[kind] = spent.get(kind, 0) + amount
    return spent
