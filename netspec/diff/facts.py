"""Describe a layer of a graph by its keys as in a spec, with defaults filled in and conventions resolved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netspec.ir import ops
from netspec.ir.constraint import BOUNDS
from netspec.ir.graph import SPLIT, WHOLE, Graph, Layer, Node, Parameter
from netspec.ir.rules import momentum_of
from netspec.ir.schedules import Schedule
from netspec.ir.window import Pad, TransposedWindow, Window
from netspec.keys import by_name, texts
from netspec.keys.learning import LEARNING, OF_PRODUCTS

TRAINING_KEYS = ("init", "bias", "average", *by_name((*LEARNING, *OF_PRODUCTS)))
"""Keys that only affect training. (Adding or removing a bias affects more.)"""
PREPARATION_KEYS = ("range", "mean", "order", "std")
"""Keys of the input that describe its values."""

_RENAMED = (
    (ops.BatchNorm, "momentum", "average"),
    (ops.Input, "size", "shape"),
    (ops.Loss, "weight", "loss_weight"),
    (ops.Linear, "groups", "parts"),
)
"""Attributes of operations that have another name in a spec."""
_SIZE = ("height", "width")
"""The attributes of a crop that the key ``size`` sets."""
_NEUTRAL = {
    "pad": "0",
    "stride": "1",
    "dilation": "1",
    "groups": "1",
    "shares": "1",
    "first": "0",
    "parts": "1",
    "table": "none",
    "neuron": "linear",
    "over": "units",
    "mean": "none",
}
_NOT_DESCRIBED = (*TRAINING_KEYS, "gpu", "reads", "rounding")


@dataclass(frozen=True, slots=True)
class Fact:
    """The value of a key.

    Two facts are the same if their texts are equal, or if they have a text in ``also`` in common. So ``he`` equals
    ``he`` with another fan as well as the Gaussian that it amounts to, and a rate equals another one that is the same
    multiple of its network's rate.
    """

    text: str
    also: frozenset[str] = frozenset()

    def same(self, other: Fact) -> bool:
        return self.text == other.text or bool(self.also & other.also)


def layer_facts(graph: Graph, layer: Layer, *, by_gpu: bool) -> dict[str, Fact]:
    """Return the keys of a layer, without ``inputs`` and ``weights``, which name other layers.

    With ``by_gpu``, ``groups`` is as in the file, and ``gpu`` and ``reads`` are included. Otherwise ``groups`` is that
    of the merged operation, which can be compared between networks with different numbers of GPU groups.
    """
    nodes = main_nodes(graph, layer)
    attributes = [dict(_attributes(graph, layer, node, by_gpu)) for node in nodes]
    facts = {key: Fact(texts.per_input([values[key] for values in attributes])) for key in attributes[0]}
    if isinstance(nodes[0].op, ops.Input):
        facts |= {key: Fact(texts.word(getattr(graph.preprocessing, key))) for key in PREPARATION_KEYS}
    facts["neuron"] = Fact(texts.neuron(neuron_of(graph, layer)))
    facts |= _learning(graph, layer, nodes)
    if by_gpu and graph.groups > 1:
        facts |= _placement(graph, layer, nodes)
    return facts


def description(graph: Graph, layer: Layer) -> str:
    """Describe a layer in one line: its type and the keys that determine what it computes."""
    facts = layer_facts(graph, layer, by_gpu=False)
    stated = ("groups",) if layer.type == "groupnorm" else ()  # whose default is not the neutral one
    shown = [
        f"{k}={f.text}"
        for k, f in facts.items()
        if k not in _NOT_DESCRIBED and (f.text != _NEUTRAL.get(k) or k in stated)
    ]
    return " ".join([layer.type, *shown])


def main_nodes(graph: Graph, layer: Layer) -> tuple[Node, ...]:
    """Return the operations that a layer's keys describe: one, or for a layer with weights one product per input.

    The sum and bias after several products and the final neuron are left out.
    """
    nodes = graph.nodes_of(layer)
    products = tuple(n for n in nodes if isinstance(n.op, ops.Connected))
    return products or (nodes[0],)


def neuron_of(graph: Graph, layer: Layer) -> ops.Op:
    """The neuron at the end of a layer, or the identity if it has none."""
    last = graph.nodes[layer.nodes[-1]].op
    return last if len(layer.nodes) > 1 and isinstance(last, ops.Neuron) else ops.LinearNeuron()


def fields_of(op: ops.Op, key: str) -> tuple[str, ...]:
    """The names of the attributes of an operation that a key sets."""
    if isinstance(op, ops.Crop) and key == "size":
        return _SIZE
    return (next((field for kind, field, name in _RENAMED if isinstance(op, kind) and name == key), key),)


def _key_of(op: ops.Op, field: str) -> str:
    return next((name for kind, attribute, name in _RENAMED if isinstance(op, kind) and attribute == field), field)


def _attributes(graph: Graph, layer: Layer, node: Node, by_gpu: bool) -> Iterator[tuple[str, str]]:
    """Yield the attributes of an operation as keys of its layer."""
    op = node.op
    for name in (field.name for field in dataclasses.fields(op)):
        value = getattr(op, name)
        if not _is_key(op, name, by_gpu):
            continue
        if isinstance(value, Window):
            yield from _window(value)
        elif isinstance(value, Pad):
            yield name, texts.pad(value)
        elif isinstance(op, ops.Crop) and name in _SIZE:
            yield "size", texts.pair((op.height, op.width))
        elif name == "table":
            yield name, str(value or "none")
        elif name == "groups" and by_gpu:
            yield _key_of(op, name), str(value // _shares(graph, layer, node))
        else:
            yield name if name == "groups" else _key_of(op, name), texts.word(value)


def _is_key(op: ops.Op, name: str, by_gpu: bool) -> bool:
    """Whether an attribute is described as a key: biases are with their initial values, and with ``by_gpu`` the shares
    of GPU groups by ``gpu`` and ``reads``."""
    if name == "bias":
        return not isinstance(op, ops.Connected)
    return not by_gpu or not (name == "shares" or (name == "groups" and isinstance(op, ops.Slice | ops.Concat)))


def _window(window: Window) -> Iterator[tuple[str, str]]:
    yield "kernel", texts.pair(window.kernel)
    yield "stride", texts.pair(window.stride)
    yield "pad", texts.pad(window.pad)
    if window.kind == "conv":
        yield "dilation", texts.pair(window.dilation)
    if not isinstance(window, TransposedWindow):
        yield "rounding", window.rounding


def _shares(graph: Graph, layer: Layer, node: Node) -> int:
    """The number of GPU groups whose shares are read separately. The file's ``groups`` count within one share."""
    split = layer.placement.split and graph.nodes[node.inputs[0]].placement.split
    return graph.groups if split and layer.reads == "own" and not isinstance(node.op, ops.Concat) else 1


def _learning(graph: Graph, layer: Layer, nodes: tuple[Node, ...]) -> dict[str, Fact]:
    """The keys for initial values and training of a layer's own parameters."""
    own = tuple(graph.parameters_of(layer.name))
    weights = tuple(p for p in own if p.role == "weight")
    biases = tuple(p for p in own if p.role == "bias")
    fan_in, fan_out = _fans(graph, nodes)
    facts = {}
    if weights:
        facts["init"] = _initial(weights, fan_in, fan_out)
    if isinstance(nodes[0].op, ops.Connected | ops.ChannelScale):
        facts["bias"] = _as_bias(_initial(biases, fan_in, fan_out)) if biases else Fact("none")
    if weights:
        facts |= _rates(graph, weights, graph.train.weight_decay, graph.train.schedule)
    if biases:
        schedule = graph.train.bias_schedule or graph.train.schedule
        facts |= {f"bias_{key}": fact for key, fact in _rates(graph, biases, graph.train.bias_decay, schedule).items()}
    for p in own[:1]:
        facts["update_every"] = Fact("once a batch" if p.update_every is None else str(p.update_every))
    if weights:
        facts |= _bounds(weights)
    if weights and isinstance(nodes[0].op, ops.Linear):
        facts["norm_over"] = Fact("parts" if any(p.constraint.parts > 1 for p in weights) else "unit")
    return facts


def _rates(graph: Graph, parameters: Sequence[Parameter], decay: float, schedule: Schedule) -> dict[str, Fact]:
    """Learning rate, schedule, momentum and decay of a layer's weights or biases. ``decay`` and ``schedule`` are the
    values of the ``train`` line."""
    train = graph.train
    momentum = momentum_of(train.rule) or 0.0
    return {
        "lr": _combined([Fact(texts.number(p.lr), _as_multiple(p.lr, train.lr)) for p in parameters]),
        "schedule": _combined([_schedule(graph, p, schedule) for p in parameters]),
        "momentum": _combined([_number_or_default(p.momentum, momentum) for p in parameters]),
        "decay": _combined([_number_or_default(p.decay, decay) for p in parameters]),
    }


def _bounds(weights: Sequence[Parameter]) -> dict[str, Fact]:
    """The bounds on weights, and ``super_eps``, which selects another update rule."""
    values = {"super_eps": [p.super_eps for p in weights]}
    values |= {key: [getattr(p.constraint, key) for p in weights] for key in BOUNDS}
    return {
        key: Fact(texts.per_input(["none" if bound is None else texts.number(bound) for bound in bounds]))
        for key, bounds in values.items()
    }


def _fans(graph: Graph, products: tuple[Node, ...]) -> tuple[float, float]:
    """fan_in over all inputs, and the largest fan_out of an input."""
    params = [n.op.params(graph.shapes(n), n.output) for n in products]
    weights = [p for shapes in params for p in shapes if p.role == "weight"]
    return sum(p.fan_in for p in weights), max((p.fan_out for p in weights), default=0)


def _initial(parameters: Sequence[Parameter], fan_in: float, fan_out: float) -> Fact:
    """Initial values by their word and, as an alternative, by their numbers."""
    distributions = [p.distribution for p in parameters]
    text = texts.per_input([texts.initialiser(d, fan_in, fan_out) for d in distributions])
    return Fact(text, frozenset({texts.per_input([texts.distribution(d) for d in distributions])}))


def _as_bias(initial: Fact) -> Fact:
    """Write a constant as ``bias=`` does, as a bare number."""
    text = initial.text
    return Fact(text[len("constant(") : -1] if text.startswith("constant(") else text, initial.also)


def _combined(facts: list[Fact]) -> Fact:
    """Combine the facts of a layer's parameters into one."""
    if len({f.text for f in facts}) == 1:
        return facts[0]
    also = [sorted(f.also) for f in facts]
    return Fact(texts.per_input([f.text for f in facts]), frozenset({str(also)} if all(also) else ()))


def _as_multiple(value: float, base: float) -> frozenset[str]:
    return frozenset({f"{texts.number(value / base)} times the train line's"} if base else ())


def _schedule(graph: Graph, parameter: Parameter, default: Schedule) -> Fact:
    """The schedule of a parameter's learning rate. For a rate of 0, all schedules are the same."""
    schedule = graph.schedule_of(parameter)
    also = {"the train line's"} if schedule == default else set()
    return Fact(texts.schedule(schedule), frozenset(also | ({"of a rate of 0"} if parameter.lr == 0 else set())))


def _number_or_default(value: float, default: float) -> Fact:
    return Fact(texts.number(value), frozenset({"the train line's"} if value == default else ()))


def _placement(graph: Graph, layer: Layer, nodes: tuple[Node, ...]) -> dict[str, Fact]:
    """The keys ``gpu`` and ``reads``. A placement that follows from the first input is the same whatever it is."""
    placement = layer.placement
    text = "all" if placement.split else "whole" if placement.gpu is None else str(placement.gpu)
    text = ",".join(map(str, placement.replicas)) if placement.replicas else text
    first = graph.layers[layer.inputs[0]].placement if layer.inputs else None
    gathers = first == SPLIT and placement == WHOLE
    is_default = first == placement or gathers
    facts = {"gpu": Fact(text, frozenset({"as its first input"} if is_default else ()))}
    if isinstance(nodes[0].op, ops.Connected | ops.Lrn):
        facts["reads"] = Fact(layer.reads)
    return facts
