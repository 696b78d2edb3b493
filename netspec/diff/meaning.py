"""A normal form of what a graph computes outside training: networks that compute the same should have the same form.

Operations are **cores** (products, windows, normalisations, joins), with **chains** of elementwise functions on the
edges between them. It does not matter where the functions of a chain are written, at a layer or as layers of their own.
Dropout is the factor that it applies outside training, windows are described by the positions that they cover, and a
monotonically increasing function before maximum pooling is moved after it: max f(x) = f(max x).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from netspec.ir.graph import Graph, Node
from netspec.ir.ops import (
    BatchNorm,
    Bias,
    Conv,
    Dropout,
    Elu,
    Flatten,
    Input,
    LeakyRelu,
    Linear,
    LinearNeuron,
    Logistic,
    Loss,
    Max,
    MaxPool,
    Neuron,
    Op,
    Pool,
    Relu,
    Relu6,
    Sum,
    Tanh,
    is_identity,
)
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import number

Essence = tuple[Hashable, ...]
Place = tuple[str, int]
"""The identity of a core: its layer, and its index among the layer's cores."""


@dataclass(frozen=True, slots=True)
class Step:
    """A function on an edge, and the layer where it was written. ``rising`` says that it never decreases."""

    function: Essence
    rising: bool
    layer: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A value as it is read: the output of a core, with a chain of functions applied to it.

    ``chain`` are the functions outside training, ``trained`` those in training, where dropout is random. ``through``
    are the layers that the value passes through, whether they change it or not.
    """

    source: Place
    chain: tuple[Step, ...] = ()
    trained: tuple[Step, ...] = ()
    through: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Core:
    """An operation of a layer, with the values that it reads.

    ``weights`` are given by their owner and their name there. ``ordered`` says that the order of the edges matters.
    """

    essence: Essence
    edges: tuple[Edge, ...]
    weights: tuple[tuple[str, str], ...]
    ordered: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """The normal form of a network: its cores by layer, the class scores, and the output.

    Three sets of layers say what depends on a layer: the class scores (``scored``), the scores or the output
    (``shown``), the scores or the losses (``trained``).
    """

    cores: dict[str, tuple[Core, ...]]
    scores: Edge
    output: Edge
    scored: frozenset[str]
    shown: frozenset[str]
    trained: frozenset[str]


def meaning(graph: Graph) -> Meaning:
    """Return the normal form of what a graph computes."""
    cores: dict[str, list[Core]] = {name: [] for name in graph.layers}
    values: dict[str, Edge] = {}
    for node in graph.nodes.values():
        read = [values[name] for name in node.inputs]
        if isinstance(node.op, Neuron | Dropout | Flatten) or is_identity(node.op, graph.shapes(node)):
            values[node.name] = _extended(read[0], node, graph.shapes(node))
            continue
        here = cores[node.layer]
        value = Edge((node.layer, len(here)))
        if isinstance(node.op, MaxPool):
            (read[0], value) = _pooled(read[0], value)
        if isinstance(node.op, Linear):
            read = [_unflattened(edge) for edge in read]
        own = _essence_in(graph, node), tuple(read), _weights(graph, node)
        here.append(Core(*own, ordered=not isinstance(node.op, Sum | Max)))
        values[node.name] = value
    output = graph.output
    if isinstance(output.op, Loss):
        output = graph.nodes[output.inputs[-1]]
    return Meaning(
        {name: tuple(found) for name, found in cores.items()},
        values[graph.scores.name],
        values[output.name],
        _needed(graph, [graph.scores]),
        _needed(graph, [graph.scores, output]),
        _needed(graph, [graph.scores, *graph.losses]),
    )


def essence(op: Op, inputs: tuple[Shape, ...]) -> Essence:
    """Return a key that is equal for operations that compute the same of inputs with these shapes.

    It describes the operation outside training and without GPU groups. Dropout is the factor that it applies there.
    """
    if isinstance(op, Dropout):
        return _name(LinearNeuron(1 - op.rate if op.scaling == "test" else 1.0))
    if isinstance(op, BatchNorm):
        return _name(replace(op, momentum=0.0))
    if isinstance(op, Bias):
        return ("Bias", op.per)
    if is_identity(op, inputs):
        return _SAME
    if isinstance(op, Conv) and op.table is not None and op.table.links == op.filters * inputs[0].channels:
        return _name(replace(op, table=None), inputs[0])
    return _name(op, inputs[0] if inputs else None)


def _essence_in(graph: Graph, node: Node) -> Essence:
    own = essence(node.op, graph.shapes(node))
    given = graph.preprocessing
    return (*own, given.range, given.mean, given.order, given.std) if isinstance(node.op, Input) else own


def _name(op: Op, x: Shape | None = None) -> Essence:
    parts: list[Hashable] = [type(op).__name__]
    for field in dataclasses.fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Window) and x is not None:
            parts.append(_places(value, x, padded=not isinstance(op, Pool)))
        else:
            parts.append(number(value) if isinstance(value, float) else value)
    return tuple(parts)


def _places(window: Window, x: Shape, *, padded: bool) -> Essence:
    """The positions of a window's kernel. Padding at the far side counts only if it is read (``padded``)."""
    rows, columns = window.fit(x.height, x.width)
    sides = window.effective_pad(x.height, x.width)
    return tuple(
        (
            window.kernel[i],
            window.dilation[i] if window.kernel[i] > 1 else 1,
            window.stride[i] if axis.output > 1 else 1,
            before,
            after if padded else 0,
            axis.output,
        )
        for i, (axis, before, after) in enumerate(((rows, sides.top, sides.bottom), (columns, sides.left, sides.right)))
    )


_FLAT = _name(Flatten())
_SAME = _name(LinearNeuron())
_RELU = _name(Relu())


def _rises(op: Op) -> bool:
    """Whether a function never decreases. (softrelu does, by 0.018 at 4; sqrt is undefined below 0.)"""
    if isinstance(op, Dropout):
        return True
    if isinstance(op, Tanh):
        return op.a * op.b > 0
    return isinstance(op, Relu | Relu6 | LeakyRelu | Elu | Logistic) or (isinstance(op, LinearNeuron) and op.a > 0)


def _extended(edge: Edge, node: Node, inputs: tuple[Shape, ...]) -> Edge:
    """Return an edge with one more function applied."""
    op = node.op
    outside = Step(essence(op, inputs), _rises(op), node.layer)
    inside = outside
    if isinstance(op, Dropout) and op.rate > 0:
        inside = Step(("Dropout", number(op.rate), op.scaling), False, node.layer)
    return Edge(
        edge.source, _with(edge.chain, outside), _with(edge.trained, inside), edge.through | frozenset({node.layer})
    )


def _with(chain: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """Append a step to a chain, unless it changes nothing."""
    again = step.function == _RELU and bool(chain) and chain[-1].function == _RELU
    return chain if again or step.function == _SAME else (*chain, step)


def _pooled(read: Edge, value: Edge) -> tuple[Edge, Edge]:
    """Move the rising functions at the end of what a maximum pooling reads to the beginning of what it makes."""
    before, behind = _parted(read.chain)
    trained_before, trained_behind = _parted(read.trained)
    passed = read.through if behind or trained_behind else frozenset()
    return (
        Edge(read.source, before, trained_before, read.through),
        Edge(value.source, behind, trained_behind, passed),
    )


def _parted(chain: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Split a chain into its beginning and the rising functions at its end."""
    end = len(chain)
    while end and chain[end - 1].rising:
        end -= 1
    return chain[:end], chain[end:]


def _unflattened(edge: Edge) -> Edge:
    """Remove flattening from an edge to a matrix product, which reads an image as a vector anyway."""
    kept, trained = (tuple(s for s in c if s.function != _FLAT) for c in (edge.chain, edge.trained))
    return Edge(edge.source, kept, trained, edge.through)


def _weights(graph: Graph, node: Node) -> tuple[tuple[str, str], ...]:
    owners = ((graph.parameters[key].layer, key) for key in node.params)
    return tuple((layer, key[len(layer) + 1 :]) for layer, key in owners)


def _needed(graph: Graph, wanted: Iterable[Node]) -> frozenset[str]:
    """The layers that these nodes are computed from, directly or indirectly, including their own."""
    needed: set[str] = set()
    waiting = [node.layer for node in wanted]
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(graph.layers[name].inputs)
    return frozenset(needed)
