"""A normal form of what a graph computes outside training: networks that compute the same should have the same form.

Operations are **cores** (products, windows, normalisations, joins), with **chains** of elementwise functions on the
edges between them. It does not matter where the functions of a chain are written, at a layer or as layers of their own.
Dropout is the factor that it applies outside training, windows are described by the positions that they cover, and a
monotonically increasing function before maximum pooling is moved after it: max f(x) = f(max x). The product of a value
and its logistic function is silu. A convolution whose kernel covers all of its input is a matrix product, and an image
of one pixel is a vector. A concatenation of concatenations is one concatenation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from netspec.ir import ops
from netspec.ir.graph import Graph, Node
from netspec.ir.shape import Shape
from netspec.ir.window import Window
from netspec.keys.texts import number

Signature = tuple[Hashable, ...]
CoreId = tuple[str, int]
"""The identity of a core: its layer, and its index among the layer's cores."""


@dataclass(frozen=True, slots=True)
class Step:
    """A function on an edge, and the layer where it was written. ``rising`` says that it never decreases."""

    function: Signature
    rising: bool
    layer: str


@dataclass(frozen=True, slots=True)
class Edge:
    """A value as it is read: the output of a core, with a chain of functions applied to it.

    ``chain`` are the functions outside training, ``training_chain`` those in training, where dropout is random.
    ``through`` are the layers that the value passes through, whether they change it or not.
    """

    source: CoreId
    chain: tuple[Step, ...] = ()
    training_chain: tuple[Step, ...] = ()
    through: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Core:
    """An operation of a layer, with the values that it reads.

    ``weights`` are given by their owner and their name there. ``ordered`` says that the order of the edges matters.
    """

    signature: Signature
    edges: tuple[Edge, ...]
    weights: tuple[tuple[str, str], ...]
    ordered: bool


@dataclass(frozen=True, slots=True)
class NormalForm:
    """The normal form of a network: its cores by layer, the class scores, and the output. ``reader_of_scores`` is the
    layer of the loss or softmax that says which value the scores are, if there is one.

    Three sets of layers say what depends on a layer: the class scores (``for_scores``), the scores or the output
    (``for_output``), the scores or the losses (``for_losses``).
    """

    cores: dict[str, tuple[Core, ...]]
    scores: Edge
    output: Edge
    reader_of_scores: str | None
    for_scores: frozenset[str]
    for_output: frozenset[str]
    for_losses: frozenset[str]


def normal_form(graph: Graph) -> NormalForm:
    """Return the normal form of what a graph computes."""
    cores: dict[str, list[Core]] = {name: [] for name in graph.layers}
    values: dict[str, Edge] = {}
    for node in graph.nodes.values():
        read = [values[name] for name in node.inputs]
        if isinstance(node.op, ops.Neuron | ops.Dropout | ops.Flatten) or _changes_nothing(node.op, graph.shapes(node)):
            values[node.name] = _with_function(read[0], node, graph.shapes(node))
            continue
        if isinstance(node.op, ops.Product) and (gated := _gated(read, node.layer)):
            values[node.name] = gated
            continue
        layer_cores = cores[node.layer]
        value = Edge((node.layer, len(layer_cores)))
        if isinstance(node.op, ops.MaxPool):
            (read[0], value) = _move_past_pooling(read[0], value)
        if is_product(node.op, graph.shapes(node)):
            read = [_without_flattening(edge) for edge in read]
        if node.op == ops.Concat():
            read = [part for edge in read for part in _concatenated(edge, cores)]
        parts = _node_signature(graph, node), tuple(read), _weights(graph, node)
        layer_cores.append(Core(*parts, ordered=not isinstance(node.op, ops.Sum | ops.Max | ops.Product)))
        values[node.name] = value
    output = graph.output
    if isinstance(output.op, ops.Loss):
        output = graph.nodes[output.inputs[-1]]
    ends = values[graph.scores.name], values[output.name]
    reader = graph.reader_of_scores
    return NormalForm(
        _without_inner_joins({name: tuple(layer_cores) for name, layer_cores in cores.items()}, ends),
        *ends,
        reader.layer if reader else None,
        _ancestors(graph, [graph.scores]),
        _ancestors(graph, [graph.scores, output]),
        _ancestors(graph, [graph.scores, *graph.losses]),
    )


def signature(op: ops.Op, inputs: tuple[Shape, ...]) -> Signature:
    """Return a key that is equal for operations that compute the same of inputs with these shapes.

    It describes the operation outside training and without GPU groups. Dropout is the factor that it applies there.
    """
    if isinstance(op, ops.Dropout):
        return _describe(ops.LinearNeuron(1 - op.rate if op.scaling == "test" else 1.0))
    if isinstance(op, ops.BatchNorm):
        return _describe(replace(op, momentum=0.0))
    if isinstance(op, ops.LayerNorm) and inputs[0].units == inputs[0].channels:  # one position is all of them
        return _describe(ops.GroupNorm(op.eps, op.groups, op.affine))
    if isinstance(op, ops.Bias):
        return ("Bias", op.per)
    if _changes_nothing(op, inputs):
        return _IDENTITY
    if isinstance(op, ops.Conv) and op.table is not None and op.table.links == op.filters * inputs[0].channels:
        op = replace(op, table=None)
    if isinstance(op, ops.Conv) and is_product(op, inputs):
        return _describe(ops.Linear(op.filters, op.groups, op.bias))
    return _describe(op, inputs[0] if inputs else None)


def _changes_nothing(op: ops.Op, inputs: tuple[Shape, ...]) -> bool:
    """Whether the output has the numbers of the input, and its shape except that one pixel may be a vector."""
    if isinstance(op, ops.Flatten | ops.Reshape):
        output = op.shape(inputs)
        return output == inputs[0] or output.channels == inputs[0].channels == output.units
    if isinstance(op, ops.Pool) and op.window.kernel == (1, 1) and not any(op.window.pad):
        return op.shape(inputs) == inputs[0]
    return ops.is_identity(op, inputs)


def is_product(op: ops.Op, inputs: tuple[Shape, ...]) -> bool:
    """Whether an operation is a matrix product: also a convolution with one position, all of whose kernel is read."""
    if isinstance(op, ops.Conv) and op.table is None:
        height, width = inputs[0].height, inputs[0].width
        rows, columns = op.window.fit(height, width)
        return (
            op.window.kernel == (height, width)
            and rows.output == columns.output == 1
            and not any(op.window.effective_pad(height, width))
        )
    return isinstance(op, ops.Linear)


def _node_signature(graph: Graph, node: Node) -> Signature:
    own = signature(node.op, graph.shapes(node))
    if not isinstance(node.op, ops.Input):
        return own
    given = graph.preprocessing
    return (*own, given.range, given.mean, given.order, given.std)


def _describe(op: ops.Op, x: Shape | None = None) -> Signature:
    parts: list[Hashable] = [type(op).__name__]
    for field in dataclasses.fields(op):
        value = getattr(op, field.name)
        if isinstance(value, Window) and x is not None:
            parts.append(_positions(value, x, padded=not isinstance(op, ops.Pool)))
        else:
            parts.append(number(value) if isinstance(value, float) else value)
    return tuple(parts)


def _positions(window: Window, x: Shape, *, padded: bool) -> Signature:
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


JOIN = _describe(ops.Concat())
"""The signature of a concatenation."""

_FLAT = _describe(ops.Flatten())
_IDENTITY = _describe(ops.LinearNeuron())
_RELU = _describe(ops.Relu())
_GATED = {_describe(ops.Logistic()): _describe(ops.Silu()), _describe(ops.HardSigmoid()): _describe(ops.HardSwish())}


def _is_rising(op: ops.Op) -> bool:
    """Whether a function never decreases. (softrelu does, by 0.018 at 4; sqrt is undefined below 0.)"""
    if isinstance(op, ops.Dropout):
        return True
    if isinstance(op, ops.Tanh):
        return op.a * op.b > 0
    return isinstance(op, ops.Relu | ops.Relu6 | ops.LeakyRelu | ops.Elu | ops.Logistic | ops.HardSigmoid) or (
        isinstance(op, ops.LinearNeuron) and op.a > 0
    )


def _with_function(edge: Edge, node: Node, inputs: tuple[Shape, ...]) -> Edge:
    """Return an edge with one more function applied."""
    op = node.op
    outside_training = Step(signature(op, inputs), _is_rising(op), node.layer)
    in_training = outside_training
    if isinstance(op, ops.Dropout) and op.rate > 0:
        in_training = Step(("Dropout", number(op.rate), op.scaling, op.choices(inputs[0]).units), False, node.layer)
    return Edge(
        edge.source,
        _appended(edge.chain, outside_training),
        _appended(edge.training_chain, in_training),
        edge.through | frozenset({node.layer}),
    )


def _gated(read: list[Edge], layer: str) -> Edge | None:
    """Return x with silu or hardswish applied, if a product reads x and its logistic function or hardsigmoid."""
    for x, gate in (read, read[::-1]) if len(read) == 2 else ():
        before, trained_before = gate.chain[:-1], gate.training_chain[:-1]
        if (x.source, x.chain, x.training_chain) == (gate.source, before, trained_before) and gate.chain:
            function = _GATED.get(gate.chain[-1].function)
            if function is not None:
                step, through = Step(function, False, layer), x.through | gate.through | {layer}
                return Edge(x.source, (*x.chain, step), (*x.training_chain, step), through)
    return None


def _appended(chain: tuple[Step, ...], step: Step) -> tuple[Step, ...]:
    """Append a step to a chain, unless it changes nothing."""
    again = step.function == _RELU and bool(chain) and chain[-1].function == _RELU
    return chain if again or step.function == _IDENTITY else (*chain, step)


def _move_past_pooling(read: Edge, value: Edge) -> tuple[Edge, Edge]:
    """Move the rising functions at the end of what a maximum pooling reads to the beginning of what it makes."""
    before, behind = _split_rising(read.chain)
    trained_before, trained_behind = _split_rising(read.training_chain)
    passed = read.through if behind or trained_behind else frozenset()
    return (
        Edge(read.source, before, trained_before, read.through),
        Edge(value.source, behind, trained_behind, passed),
    )


def _split_rising(chain: tuple[Step, ...]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """Split a chain into its beginning and the rising functions at its end."""
    end = len(chain)
    while end and chain[end - 1].rising:
        end -= 1
    return chain[:end], chain[end:]


def _without_flattening(edge: Edge) -> Edge:
    """Remove flattening from an edge to a matrix product, which reads an image as a vector anyway."""
    chain, training_chain = (tuple(s for s in c if s.function != _FLAT) for c in (edge.chain, edge.training_chain))
    return Edge(edge.source, chain, training_chain, edge.through)


def _concatenated(edge: Edge, cores: Mapping[str, Sequence[Core]]) -> Iterable[Edge]:
    """Return the values of which an edge to a concatenation consists: those that another one joined, or its own."""
    layer, index = edge.source
    core = cores[layer][index]
    if core.signature != JOIN or edge.chain or edge.training_chain:
        return (edge,)
    return tuple(replace(part, through=part.through | edge.through | {layer}) for part in core.edges)


def _without_inner_joins(cores: dict[str, tuple[Core, ...]], ends: Iterable[Edge]) -> dict[str, tuple[Core, ...]]:
    """Leave out concatenations that only other concatenations read, which now have their values."""
    edges = (edge for layer_cores in cores.values() for core in layer_cores for edge in core.edges)
    read = {edge.source[0] for edge in (*edges, *ends)}
    return {
        name: () if name not in read and [core.signature for core in layer_cores] == [JOIN] else layer_cores
        for name, layer_cores in cores.items()
    }


def _weights(graph: Graph, node: Node) -> tuple[tuple[str, str], ...]:
    owners = ((graph.parameters[key].layer, key) for key in node.params)
    return tuple((layer, key[len(layer) + 1 :]) for layer, key in owners)


def _ancestors(graph: Graph, nodes: Iterable[Node]) -> frozenset[str]:
    """The layers that these nodes are computed from, directly or indirectly, including their own."""
    above: set[str] = set()
    waiting = [node.layer for node in nodes]
    while waiting:
        name = waiting.pop()
        if name not in above:
            above.add(name)
            waiting.extend(graph.layers[name].inputs)
    return frozenset(above)
