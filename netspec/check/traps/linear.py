"""The trap of layers with weights that follow each other with nothing but linear operations in between.

A product of matrices is a matrix, and a convolution of a convolution is one with a larger kernel. However many weights
such layers have, they compute no more than one layer can. A fully connected layer can also do the work of convolutions
below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from netspec.check.facts import LayerFacts
from netspec.check.traps.warning import warning
from netspec.diagnostics import Diagnostic
from netspec.formatting import format_count, format_product, format_sizes
from netspec.ir.graph import Graph, Node
from netspec.ir.ops import (
    AvgPool,
    BatchNorm,
    Bias,
    ChannelScale,
    Conv,
    Dropout,
    Flatten,
    Linear,
    SumPool,
    ZeroPad,
    window_of,
)

_BETWEEN = frozenset((AvgPool, BatchNorm, Bias, ChannelScale, Dropout, Flatten, SumPool, ZeroPad))
"""Operations that are linear in a trained network, and that a layer with weights can do as well."""
_OTHER_IN_TRAINING = (BatchNorm, Dropout)
_WEIGHTED = frozenset((Conv, Linear))

MAX_NAMED = 4
"""How many layers are named one by one."""


class Single(NamedTuple):
    """The layer that could do the work of several: its channels (numbers, if it reads a vector), kernel and stride.

    ``narrowest`` is the smallest number of channels that one of them makes, or of numbers, if they end with a fully
    connected layer. ``padded``: a window after the first one reads padding, which the single layer could not do.
    """

    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    narrowest: int = 0
    padded: bool = False

    def weights(self, outputs: int) -> int:
        """Return the number of its weights."""
        return outputs * self.channels * self.kernel[0] * self.kernel[1]


class Run(NamedTuple):
    """Operations with weights of which each reads the one before, the operations between them, and what could do the
    work of all."""

    weighted: tuple[Node, ...]
    between: tuple[tuple[Node, ...], ...]
    single: Single

    @property
    def lacking(self) -> tuple[str, ...]:
        """The layers whose neuron is missing: of two layers with weights the first, or the normalisation after it."""
        norms = [[node.layer for node in nodes if isinstance(node.op, BatchNorm)] for nodes in self.between]
        return tuple([norm[-1] if norm else node.layer for node, norm in zip(self.weighted, norms, strict=False)])


def linear_layers(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Diagnostic]:
    """Warn about layers with weights that compute no more than one layer could."""
    for run in linear_runs(graph, facts):
        names = [node.layer for node in run.weighted]
        own = set(names)
        message = f"{named(names)} compute no more than one layer could: there is no neuron between them"
        weights = [graph.parameters[node.params[0]] for node in run.weighted]
        terms = " + ".join(_product(weight.shape) for weight in weights) + " = " if len(weights) <= MAX_NAMED else ""
        notes = [f"{terms}{format_count(sum(weight.size for weight in weights))} weights", _of_single(run)]
        passed = [node for nodes in run.between for node in nodes if node.layer not in own]
        if passed:
            layers = list(dict.fromkeys(node.layer for node in passed))
            when = " in a trained network" if any(isinstance(node.op, _OTHER_IN_TRAINING) for node in passed) else ""
            notes.append(f"{named(layers)} between them {'is' if len(layers) == 1 else 'are'} linear too{when}")
        yield warning("linear-layers", message, run.weighted[0], facts, (), notes)


def named(names: Sequence[str]) -> str:
    """Name layers one by one, or the first and the last of many."""
    if len(names) > MAX_NAMED:
        return f"the {format_count(len(names))} layers from {names[0]} to {names[-1]}"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _of_single(run: Run) -> str:
    """Say which layer could compute the same, and with how many weights."""
    last, single = run.weighted[-1], run.single
    outputs, (high, wide), (down, right) = last.output.channels, single.kernel, single.stride
    layer = "fc"
    if isinstance(last.op, Conv):
        layer = f"conv with kernel={high if high == wide else format_sizes(single.kernel)}"
        if single.stride != (1, 1):
            layer += f" stride={down if down == right else format_sizes(single.stride)}"
    size = f"{_product((outputs, single.channels, high, wide))} = {format_count(single.weights(outputs))}"
    where = ", except at the borders" if single.padded else ""
    return f"a single {layer} has {size} weights and can compute the same{where}"


def _product(shape: Sequence[int]) -> str:
    """Write the number of weights as a product, without the size of a kernel of one pixel."""
    return format_product(shape[:2] if tuple(shape[2:]) == (1, 1) else shape)


def linear_runs(graph: Graph, facts: Mapping[str, LayerFacts]) -> Iterator[Run]:
    """Yield the longest runs of layers that one layer could replace, unless they may be meant.

    A layer with fewer channels than those around it saves weights and limits the rank of the whole, as MobileNetV2's
    bottlenecks do (Sandler et al., 2018, section 3.2). Kernels of a row and a column, or of a map and a pixel, save
    weights in place of one kernel, unless the maps between them are enough for all that this one could compute. So do
    convolutions before a fully connected layer that would have more weights without them. A block that ends with the
    projection of a depthwise convolution ends so by design, wide or narrow, and a block may follow that begins with
    another convolution (Howard et al.: Searching for MobileNetV3, 2019, table 2, the first two blocks).
    """
    followers = _followers(graph, facts)
    taken: set[str] = set()
    for name in followers:
        if name in taken:
            continue
        weighted, between = [graph.nodes[name]], []
        single = _start(graph, weighted[0])
        while follower := followers.get(weighted[-1].name):
            longer = _extended(graph, single, weighted, *follower)
            if longer is None:
                break
            single = longer
            between.append(follower[0])
            weighted.append(follower[1])
        taken.update(node.name for node in weighted)
        if between:
            yield Run(tuple(weighted), tuple(between), single)


def _start(graph: Graph, node: Node) -> Single:
    """Return what could do the work of one operation."""
    (x,) = graph.shapes(node)
    channels = x.units if isinstance(node.op, Linear) else x.channels
    return _with_window(Single(channels, narrowest=node.output.channels), graph, node)._replace(padded=False)


def _with_window(single: Single, graph: Graph, node: Node) -> Single:
    """Return the layer that has the window of an operation too, if it has one, or reads the zeros around it."""
    window = window_of(node.op)
    if window is None:
        return single._replace(padded=single.padded or isinstance(node.op, ZeroPad))
    (x,) = graph.shapes(node)
    (high, wide), (down, right) = single.kernel, single.stride
    kernel = (high + (window.extent[0] - 1) * down, wide + (window.extent[1] - 1) * right)
    stride = (down * window.stride[0], right * window.stride[1])
    padded = single.padded or any(window.effective_pad(x.height, x.width))
    return single._replace(kernel=kernel, stride=stride, padded=padded)


def _extended(
    graph: Graph, single: Single, weighted: Sequence[Node], between: tuple[Node, ...], node: Node
) -> Single | None:
    """Return what could do the work of ``weighted`` and of one more operation, or ``None`` if that may be meant."""
    for passed in between:
        single = _with_window(single, graph, passed)
    outputs, narrowest = node.output.channels, single.narrowest
    if isinstance(node.op, Linear) and isinstance(weighted[-1].op, Conv):
        return _of_image(graph, weighted, node)
    if isinstance(node.op, Conv):
        window = node.op.window
        of_single = min(single.channels * single.kernel[0] * single.kernel[1], outputs * window.area)
        several = min(*single.kernel, *window.kernel) > 1
        enough = narrowest >= (min(single.channels, outputs) if several else of_single)
    else:
        enough = narrowest >= min(single.channels, outputs)
    return _with_window(single._replace(narrowest=min(narrowest, outputs)), graph, node) if enough else None


def _of_image(graph: Graph, weighted: Sequence[Node], node: Node) -> Single | None:
    """Return the fully connected layer that could do the work of convolutions and of one that reads their maps."""
    (x,), (read,) = graph.shapes(weighted[0]), graph.shapes(node)
    outputs = node.output.channels
    least = min(read.units, *(before.output.units for before in weighted))
    total = sum(graph.parameters[each.params[0]].size for each in (*weighted, node))
    if least < min(x.units, outputs) or total < outputs * x.units:
        return None
    return Single(x.units, narrowest=min(least, outputs))


def _followers(graph: Graph, facts: Mapping[str, LayerFacts]) -> dict[str, tuple[tuple[Node, ...], Node]]:
    """Map each operation with weights to the operations after it and the one with weights that reads the last of them,
    if nothing else reads any of their values."""
    makers: dict[str, Node] = {}
    pairs = []
    for node in graph.nodes.values():
        kind = type(node.op)
        if kind in _WEIGHTED:
            maker = makers.get(node.inputs[0])
            makers[node.name] = node
            if maker is not None:
                pairs.append((maker, node))
        elif kind in _BETWEEN and node.inputs[0] in makers:
            makers[node.name] = makers[node.inputs[0]]
    if not pairs:
        return {}
    readers, shared = graph.readers(), _shared(graph)
    followers = {}
    for first, second in pairs:
        values = _values(graph, first, second)
        alone = all(len(readers[value.name]) == 1 for value in values)
        stated = any("neuron" in facts[value.layer].pairs for value in values)
        plain = _is_plain(graph, first, shared) and _is_plain(graph, second, shared)
        if alone and not stated and plain and not _is_projection(graph, first):
            followers[first.name] = (values[1:], second)
    return followers


def _is_plain(graph: Graph, node: Node, shared: frozenset[str]) -> bool:
    """Whether a layer reads one value, each output all channels of it, with weights of its own that are learnt."""
    op, weight = node.op, node.params[0]
    whole = isinstance(op, Linear | Conv) and op.groups == 1 and not (isinstance(op, Conv) and op.table is not None)
    one = len(graph.layers[node.layer].inputs) == 1
    return whole and one and graph.parameters[weight].lr > 0 and shared.isdisjoint(node.params)


def _is_projection(graph: Graph, node: Node) -> bool:
    """Whether a convolution of single pixels reads a depthwise one, perhaps through a neuron and a gate."""
    if not isinstance(node.op, Conv) or node.op.window.area > 1:
        return False
    above, seen = list(node.inputs), set[str]()
    while above:
        maker = graph.nodes[above.pop()]
        if isinstance(maker.op, Conv) and 1 < maker.op.groups == graph.shapes(maker)[0].channels:
            return True
        if type(maker.op) not in _WEIGHTED:
            above += [name for name in maker.inputs if name not in seen]
            seen.update(maker.inputs)
    return False


def _values(graph: Graph, first: Node, second: Node) -> tuple[Node, ...]:
    """Return the operations from ``first`` to the one that ``second`` reads."""
    values = [graph.nodes[second.inputs[0]]]
    while values[-1] is not first:
        values.append(graph.nodes[values[-1].inputs[0]])
    return tuple(values[::-1])


def _shared(graph: Graph) -> frozenset[str]:
    """Return the parameters that more than one layer uses."""
    return frozenset(
        key for node in graph.nodes.values() for key in node.params if graph.parameters[key].layer != node.layer
    )
