"""Compute the numbers of a graph: units, weights, connections and memory of each layer, and their totals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from netspec.ir.graph import Graph, Layer, Node, Placement
from netspec.ir.ops import Bias, Connected, Conv, Deconv, GroupNorm, window_of, word_of
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.ir.widths import FULL
from netspec.ir.window import Pad, Window


@dataclass(frozen=True, slots=True)
class WindowNumbers:
    """A layer's window over one of its inputs, as stated, with the padding that is really read, and the groups or the
    connection table of the convolution."""

    window: Window
    effective_pad: Pad
    groups: int
    table: ConnectionTable | None = None


@dataclass(frozen=True, slots=True)
class MatrixProduct:
    """A convolution as a matrix product: ``groups`` products of a (rows x inner) by an (inner x columns) matrix.

    The second matrix is the unrolled image (im2col), and ``growth`` how many times larger than the image it is. For a
    transposed convolution it is the image itself, and the product has the windows of the output, which overlap.
    ``connections`` is the number of multiply-accumulates; with a connection table, the product also has some with
    weights that are 0, which are not counted.
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
    """The numbers of one layer of the spec, on all GPU groups together.

    ``connections`` are the multiply-accumulates of one image's forward pass. ``flops`` counts two for each connection
    and one for each other addition, comparison or function. ``dense_connections`` would be the connections if every
    output unit read every input unit. ``norm_groups`` is the number of groups of channels that a group or layer
    normalisation normalises separately, in all GPU groups together; ``None`` for other layers.
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
    norm_groups: int | None

    @property
    def parameters(self) -> int:
        return self.weights + self.biases

    @property
    def counted(self) -> bool:
        """Whether the totals of units and connections include this layer.

        They include convolutions and fully connected layers, which multiply inputs by weights. The scales of a
        normalisation do not count.
        """
        return self.connections > 0

    def activation_bytes(self, batch: int) -> int:
        """Return the size in bytes of the layer's output for a batch in float32."""
        return self.units * batch * FULL


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over a network's layers. Units and connections are those of convolutions and fully connected layers only."""

    units: int
    weights: int
    biases: int
    connections: int
    flops: int

    @property
    def parameters(self) -> int:
        return self.weights + self.biases


def layer_numbers(graph: Graph) -> tuple[LayerNumbers, ...]:
    """Return the numbers of all layers, in the order of the spec. Shared weights are counted at their owner."""
    owned: dict[str, tuple[int, int]] = {}
    for parameter in graph.parameters.values():
        size = parameter.size
        weights, biases = owned.get(parameter.layer, (0, 0))
        weight = parameter.role == "weight"
        owned[parameter.layer] = (weights + size, biases) if weight else (weights, biases + size)
    return tuple(_numbers(graph, layer, *owned.get(layer.name, (0, 0))) for layer in graph.layers.values())


def totals(layers: Iterable[LayerNumbers]) -> Totals:
    """Return the sums of the layers' numbers."""
    all_layers = tuple(layers)
    counted = [n for n in all_layers if n.counted]
    return Totals(
        sum(n.units for n in counted),
        sum(n.weights for n in all_layers),
        sum(n.biases for n in all_layers),
        sum(n.connections for n in counted),
        sum(n.flops for n in all_layers),
    )


def depth(layers: Iterable[LayerNumbers]) -> int:
    """Return the largest number of convolutions and fully connected layers on a way from the input to an output.

    It is the number in names such as VGG-16 and ResNet-50. The layers come in the order of the spec.
    """
    depths: dict[str, int] = {}
    for n in layers:
        depths[n.name] = max((depths[name] for name in n.inputs), default=0) + n.counted
    return max(depths.values())


class Share(NamedTuple):
    """What one GPU group has of a layer."""

    units: int
    weights: int
    biases: int
    connections: int


def share(numbers: LayerNumbers, group: int, groups: int) -> Share:
    """Return what one GPU group has of a layer.

    A split layer has an equal share of each on every group, but a slope that all of its channels share is on every
    group. A layer that is placed on one group is wholly there, and one with replicas wholly on each of their groups. A
    whole layer that is not placed is on every group.
    """
    whole = Share(numbers.units, numbers.weights, numbers.biases, numbers.connections)
    placement = numbers.placement
    if placement.split:
        equal = Share(*(number // groups for number in whole))
        return equal._replace(weights=equal.weights or whole.weights)
    present = group in placement.replicas if placement.replicas else placement.gpu in (None, group)
    return whole if present else Share(0, 0, 0, 0)


def matrix_products(graph: Graph) -> tuple[MatrixProduct, ...]:
    """Return each convolution as a matrix product: (filters x patch) by (patch x positions), for each group.

    A transposed one is (patches of the filters x channels) by (channels x positions of the input).
    """
    products = []
    for node in graph.nodes.values():
        if isinstance(node.op, Deconv):
            products.append(_transposed_product(graph, node, node.op))
        if not isinstance(node.op, Conv):
            continue
        (x,) = graph.shapes(node)
        inner = x.channels // node.op.groups * node.op.window.area
        places = node.output.height * node.output.width
        growth = inner * node.op.groups * places / x.units
        rows, connections = node.op.filters // node.op.groups, node.op.connections((x,), node.output)
        products.append(MatrixProduct(node.layer, node.op.groups, rows, inner, places, growth, connections))
    return tuple(products)


def _transposed_product(graph: Graph, node: Node, op: Deconv) -> MatrixProduct:
    (x,) = graph.shapes(node)
    rows, inner = op.filters // op.groups * op.window.area, x.channels // op.groups
    connections = op.connections((x,), node.output)
    return MatrixProduct(node.layer, op.groups, rows, inner, x.height * x.width, 1.0, connections)


def _numbers(graph: Graph, layer: Layer, weights: int, biases: int) -> LayerNumbers:
    nodes = graph.nodes_of(layer)
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
        next((n.op.groups for n in nodes if isinstance(n.op, GroupNorm)), None),
    )


def _dense(graph: Graph, nodes: Iterable[Node]) -> int:
    """Return the sum of input units times output units over all products with weights."""
    products = (n for n in nodes if isinstance(n.op, Connected))
    return sum(graph.shapes(n)[0].units * n.output.units for n in products)


def _window(graph: Graph, node: Node) -> WindowNumbers | None:
    window = window_of(node.op)
    if window is None:
        return None
    (x,) = graph.shapes(node)
    groups = node.op.groups if isinstance(node.op, Connected) else 1
    table = node.op.table if isinstance(node.op, Conv) else None
    return WindowNumbers(window, window.effective_pad(x.height, x.width), groups, table)


def flops_by_kind(graph: Graph) -> dict[str, int]:
    """Return the FLOPs of one image's forward pass by kind. Their sum is the total.

    The kinds are ``connections`` (two FLOPs each), ``biases`` (the additions of biases), and the words of operations.
    """
    flops: dict[str, int] = {}
    for node in graph.nodes.values():
        shapes = graph.shapes(node)
        products = 2 * node.op.connections(shapes, node.output)
        rest = node.op.flops(shapes, node.output) - products
        word = "biases" if products or isinstance(node.op, Bias) else word_of(node.op)
        for kind, amount in (("connections", products), (word, rest)):
            if amount:
                flops[kind] = flops.get(kind, 0) + amount
    return flops
