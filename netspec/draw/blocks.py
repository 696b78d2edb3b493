"""Group a network's layers into the blocks of a figure: one box per group, with shape-preserving layers as tags.

For example, AlexNet's norm1 has the same shape as conv1 and is its only reader, so it is drawn as a tag on conv1's
block. A layer becomes a tag if it has the same output shape and placement as its only input (or is a final loss), no
other layer reads that input, and it contains no convolution, pooling or matrix product.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from netspec.formatting import format_count, format_rounded_count
from netspec.ir import ops
from netspec.ir.graph import Graph, Layer, Node, Placement
from netspec.ir.shape import Shape
from netspec.ir.window import TransposedWindow, Window
from netspec.keys.texts import pair
from netspec.net import Net
from netspec.stats import LayerNumbers

Kind: TypeAlias = Literal["input", "conv", "pool", "fc", "concat", "sum", "max", "product", "other"]
DISCS: tuple[Kind, ...] = ("sum", "max", "product")
"""The kinds that are drawn as discs with a sign, instead of boxes."""

TagKind: TypeAlias = Literal["neuron", "norm", "dropout", "end"]

_KINDS: tuple[tuple[tuple[type[ops.Op], ...], Kind], ...] = (
    ((ops.Input,), "input"),
    ((ops.Conv, ops.Deconv, ops.Local), "conv"),
    ((ops.Linear,), "fc"),
    ((ops.Pool,), "pool"),
    ((ops.Concat,), "concat"),
    ((ops.Sum,), "sum"),
    ((ops.Max,), "max"),
    ((ops.Product,), "product"),
)
_TAG_KINDS: tuple[tuple[tuple[type[ops.Op], ...], TagKind], ...] = (
    ((ops.Lrn, ops.MapNorm, ops.BatchNorm, ops.GroupNorm), "norm"),
    ((ops.Dropout,), "dropout"),
    ((ops.Softmax, ops.Loss), "end"),
)


@dataclass(frozen=True, slots=True)
class Tag:
    """A layer, or a layer's activation function, that is drawn as a text label instead of a box."""

    text: str
    kind: TagKind


@dataclass(frozen=True, slots=True)
class Read:
    """One input of a block.

    ``block`` is the index of the block that is read. ``own``: each GPU group reads only its own share. ``share``: the
    GPU group whose share of the output this input is, or ``None``. ``window``: the extent (height, width) of the
    kernel that moves over this input, or ``None``, as in a transposed convolution, whose kernel moves over the output.
    """

    block: int
    own: bool
    share: int | None
    window: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Block:
    """A box of the figure: a layer and the layers that are drawn as tags on it.

    ``lines`` are written under the name and shape. ``joined_channels`` are the channel counts of the inputs of a
    concatenation. ``tooltip`` has one line per layer.
    """

    name: str
    kind: Kind
    shape: Shape
    placement: Placement
    reads: tuple[Read, ...]
    lines: tuple[str, ...]
    tags: tuple[Tag, ...]
    joined_channels: tuple[int, ...]
    tooltip: str


def blocks_of(net: Net, *, costs: bool = False) -> tuple[Block, ...]:
    """Return the blocks of a network in file order. With ``costs``, their ``lines`` include weights and connections."""
    graph = net.graph
    readers = Counter(name for layer in graph.layers.values() for name in layer.inputs)
    members: list[list[Layer]] = []
    block_of: dict[str, int] = {}
    for layer in graph.layers.values():
        if _is_tag(graph, layer, readers):
            block_of[layer.name] = block_of[layer.inputs[0]]
            members[block_of[layer.name]].append(layer)
        else:
            block_of[layer.name] = len(members)
            members.append([layer])
    return tuple(_block(net, layers, block_of, costs) for layers in members)


def _is_tag(graph: Graph, layer: Layer, readers: Counter[str]) -> bool:
    if len(layer.inputs) != 1 or readers[layer.inputs[0]] != 1:
        return False
    before = graph.layers[layer.inputs[0]]
    if before.placement != layer.placement or (layer.placement.split and layer.reads == "all"):
        return False
    operations = [node.op for node in graph.nodes_of(layer)]
    if any(isinstance(op, ops.Connected | ops.Pool) for op in operations):
        return False
    return layer.output == before.output or (isinstance(operations[-1], ops.Loss) and not readers[layer.name])


def _block(net: Net, layers: Sequence[Layer], block_of: dict[str, int], costs: bool) -> Block:
    graph, first = net.graph, layers[0]
    nodes = graph.nodes_of(first)
    numbers = [net.layers[layer.name] for layer in layers]
    windows = [w.window for w in numbers[0].windows]
    kind = _kind(nodes)
    lines = _window_lines(first.type, windows) + _factor_lines(nodes) + _group_lines(graph, first, nodes)
    if costs:
        lines += _cost_lines(numbers)
    return Block(
        first.name,
        kind,
        first.output,
        first.placement,
        _reads(graph, first, windows, block_of),
        lines,
        tuple(tag for layer in layers for tag in _tags(graph, layer, as_tag=layer is not first)),
        tuple(graph.layers[i].output.channels for i in first.inputs) if kind == "concat" else (),
        "\n".join(_tooltip_line(n) for n in numbers),
    )


def _kind(nodes: Sequence[Node]) -> Kind:
    return next((kind for classes, kind in _KINDS if any(isinstance(n.op, classes) for n in nodes)), "other")


def _reads(graph: Graph, layer: Layer, windows: Sequence[Window], block_of: dict[str, int]) -> tuple[Read, ...]:
    """Return one ``Read`` per input. If a concatenation joins one layer per GPU group into a split value, each input
    is marked as its group's share."""
    inputs = [graph.layers[name] for name in layer.inputs]
    becomes_split = layer.placement.split and not any(x.placement.split for x in inputs)
    joins_shares = becomes_split and isinstance(graph.nodes[layer.nodes[0]].op, ops.Concat)
    extents = (
        [None if isinstance(w, TransposedWindow) else w.extent for w in windows]
        if len(windows) == len(inputs)
        else [None] * len(inputs)
    )
    return tuple(
        Read(block_of[x.name], layer.reads == "own", x.placement.gpu if joins_shares else None, extent)
        for x, extent in zip(inputs, extents, strict=True)
    )


def _window_lines(type_: str, windows: Sequence[Window]) -> tuple[str, ...]:
    if not windows:
        return (type_,)
    lines = [f"{type_} {_join_distinct(f'{h}x{w}' for h, w in (x.kernel for x in windows))}"]
    lines.append(f"stride {_join_distinct(pair(w.stride) for w in windows)}")
    if any(w.dilation != (1, 1) for w in windows):
        lines.append(f"dilation {_join_distinct(pair(w.dilation) for w in windows)}")
    return tuple(lines)


def _factor_lines(nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the label line of a layer that changes the size of maps by a whole factor, without windows."""
    shuffled = [(n.op.factor, n.op.factor) for n in nodes if isinstance(n.op, ops.PixelShuffle | ops.PixelUnshuffle)]
    factors = [*shuffled, *(n.op.factor for n in nodes if isinstance(n.op, ops.Upsample))]
    return (f"factor {_join_distinct(map(pair, factors))}",) if factors else ()


def _group_lines(graph: Graph, layer: Layer, nodes: Sequence[Node]) -> tuple[str, ...]:
    """Return the label line for a layer's groups or for its connection tables, if it has any.

    Groups that exist because of the GPU groups are divided out: the towers show those.
    """
    groups = []
    for node in nodes:
        if isinstance(node.op, ops.Connected):
            source = graph.nodes[node.inputs[0]].placement
            own = layer.reads == "own" and layer.placement.split and source.split
            groups.append(node.op.groups // (graph.groups if own else 1))
    tables = tuple(
        f"{node.op.table.links} of {node.op.filters * graph.shapes(node)[0].channels} kernels"
        for node in nodes
        if isinstance(node.op, ops.Conv) and node.op.table is not None
    )
    return (f"groups {_join_distinct(map(str, groups))}",) if any(n > 1 for n in groups) else tables


def _cost_lines(numbers: Sequence[LayerNumbers]) -> tuple[str, ...]:
    weights, connections = sum(n.weights for n in numbers), sum(n.connections for n in numbers)
    return tuple(
        f"{unit} {format_rounded_count(total)}" for unit, total in (("w", weights), ("c", connections)) if total
    )


def _tags(graph: Graph, layer: Layer, *, as_tag: bool) -> tuple[Tag, ...]:
    """Return a layer's tags: the layer itself if it is one, the owners of weights that it shares, and its neurons."""
    nodes = graph.nodes_of(layer)
    tags = []
    if as_tag:
        tags.append(Tag(_tag_text(layer), _tag_kind(nodes[0].op)))
        nodes = nodes[1:]
    owners = {graph.parameters[key].layer for node in nodes for key in node.params} - {layer.name}
    tags += [Tag(f"weights of {owner}", "end") for owner in sorted(owners)]
    only_a_neuron = len(nodes) == 1 and not as_tag
    tags += [Tag(ops.word_of(n.op), "neuron") for n in nodes if isinstance(n.op, ops.Neuron) and not only_a_neuron]
    return tuple(tags)


def _tag_text(layer: Layer) -> str:
    return layer.name if layer.name == layer.type else f"{layer.name} {layer.type}"


def _tag_kind(op: ops.Op) -> TagKind:
    return next((kind for classes, kind in _TAG_KINDS if isinstance(op, classes)), "neuron")


def _tooltip_line(numbers: LayerNumbers) -> str:
    totals = ((numbers.weights, "weights"), (numbers.biases, "biases"), (numbers.connections, "connections"))
    counts = (f"{format_count(total)} {unit}" for total, unit in totals if total)
    return ", ".join((f"{numbers.name}: {numbers.type}", str(numbers.output), *counts))


def _join_distinct(values: Iterable[str]) -> str:
    """Join the distinct values with commas: ``3``, or ``3, 5`` if a layer's inputs differ."""
    return ", ".join(dict.fromkeys(values))
