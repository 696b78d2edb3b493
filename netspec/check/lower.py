"""Turn one layer into operations: placement, lowering, parameters. Mistakes are raised as ``Fault``, not reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from netspec.check.arithmetic import Step
from netspec.check.learning import Rules
from netspec.check.placement import placement_of
from netspec.formatting import format_sizes
from netspec.ir.fault import Fault
from netspec.ir.graph import Layer, Node, Parameter, Placement
from netspec.ir.ops import ParamShape
from netspec.ir.settings import Train
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable
from netspec.keys import IDENTITY, Initialiser
from netspec.lowering import Grouping, LayerType, Lowering, Operand


class Weight(NamedTuple):
    """The key and shape of a weight parameter, its connection table if it has one, and the axis that is divided."""

    key: str
    shape: tuple[int, ...]
    table: ConnectionTable | None
    axis: int


class Lowered(NamedTuple):
    """A layer's operations, parameters and output value."""

    layer: Layer
    nodes: tuple[Node, ...]
    parameters: tuple[Parameter, ...]
    value: Operand
    steps: tuple[Step, ...]
    weights: tuple[Weight, ...]
    """The weights that it uses, its own or another layer's, in the order of its inputs."""


class Request(NamedTuple):
    """What a layer is lowered from, except for the values that it reads."""

    name: str
    type: LayerType
    grouping: Grouping
    values: Mapping[str, Any]
    input_names: tuple[str, ...]
    groups: int
    train: Train
    owner: Lowered | None
    """The layer whose weights it shares, if any."""


def lower(request: Request, operands: Sequence[Operand]) -> Lowered:
    """Lower a layer that reads ``operands``.

    Raises
    ------
    Fault
        If the placement or an operation is impossible.
    """
    placement = placement_of(request.grouping, request.values.get("gpu"), operands, request.groups)
    declared = _Parameters(request, placement)
    low = Lowering(request.name, tuple(operands), request.values, placement, request.groups, declared.declare)
    request.type.lower(low)
    neuron = request.values.get("neuron", IDENTITY)
    if neuron != IDENTITY:
        low.emit(neuron, low.result)
    shapes = {o.node: o.shape for o in operands} | {node.name: node.output for node in low.nodes}
    steps = tuple([Step(n.op, tuple([shapes[name] for name in n.inputs]), n.output) for n in low.nodes])
    nodes = (*low.nodes[:-1], low.nodes[-1]._replace(name=request.name))
    value = Operand(request.name, nodes[-1].output, placement)
    read = {name for node in nodes for name in node.inputs}
    layer = Layer(
        request.name,
        request.type.name,
        tuple([name for name in request.input_names if name in read]),  # of a crop's two inputs, the first
        tuple([n.name for n in nodes]),
        value.shape,
        placement,
        request.values.get("reads", "own"),
    )
    return Lowered(layer, nodes, tuple(declared.own), value, steps, tuple(declared.weights))


def renamed(lowered: Lowered, request: Request) -> Lowered:
    """Return a lowered layer under the name, and with the input names, of another layer that is otherwise the same.

    The names of a layer's operations and parameters all begin with the layer's name. Nodes are made field by field:
    with ``_replace``, the check of a deep network took 15 % longer.
    """
    old_name, name = lowered.layer.name, request.name
    inputs = request.input_names[: len(lowered.layer.inputs)]
    if (old_name, lowered.layer.inputs) == (name, inputs):
        return lowered
    reads = dict(zip(lowered.layer.inputs, inputs, strict=True))

    def rename(text: str) -> str:
        return name + text[len(old_name) :]

    nodes = tuple(
        Node(
            rename(node.name),
            name,
            node.op,
            tuple(reads[read] if read in reads else rename(read) for read in node.inputs),
            tuple(map(rename, node.params)),
            node.output,
            node.placement,
        )
        for node in lowered.nodes
    )
    parameters = tuple(p._replace(key=rename(p.key), layer=name) for p in lowered.parameters)
    layer = lowered.layer
    return Lowered(
        layer._replace(name=name, inputs=inputs, nodes=tuple(map(rename, layer.nodes))),
        nodes,
        parameters,
        Operand(name, lowered.value.shape, lowered.value.placement),
        lowered.steps,
        tuple(weight._replace(key=rename(weight.key)) for weight in lowered.weights),
    )


class _Parameters:
    """Creates the parameters of one layer, or looks up those that it shares."""

    def __init__(self, request: Request, placement: Placement) -> None:
        self.request = request
        self.placement = placement
        self.rules = Rules(request.train, request.values)
        self.own: list[Parameter] = []
        self.weights: list[Weight] = []

    def declare(self, param: ParamShape, index: int | None, initialiser: Initialiser) -> str:
        owner = self.request.owner
        if param.role == "weight" and owner is not None:
            weight = self._shared(owner, param, index or 0)
            self.weights.append(weight)
            return weight.key
        suffix = param.role if index is None else f"{param.role}s.{index}"
        key = f"{self.request.name}.{suffix}"
        rule = self.rules.of(param.role, index or 0)
        self.own.append(
            Parameter(
                key,
                self.request.name,
                param.role,
                param.shape,
                initialiser.distribution(param.fan_in, param.fan_out, param.shape[2:]),
                *rule,
                param.table,
                param.axis,
            )
        )
        if param.role == "weight":
            self.weights.append(Weight(key, param.shape, param.table, param.axis))
        return key

    def _shared(self, owner: Lowered, param: ParamShape, index: int) -> Weight:
        """Return the owner's weight for one input. Raises ``Fault`` with ``weights-mismatch`` if it does not fit."""
        inputs = len(self.request.input_names)
        if len(owner.weights) != inputs:
            raise _mismatch(owner, f"inputs: {inputs}, matrices to take: {len(owner.weights)}")
        weight = owner.weights[index]
        if weight.shape != param.shape:
            needs, has = map(format_sizes, (param.shape, weight.shape))
            raise _mismatch(owner, f"{self.request.name} needs {needs}, {owner.layer.name} has {has}")
        alike = self.request.type.name == owner.layer.type  # those of adjoint types are divided along other axes
        if weight.axis != param.axis and (alike or self.placement.split):
            note = "only one of them has groups: the shapes of their weights are equal by chance"
            raise _mismatch(owner, note, "groups")
        if owner.layer.placement != self.placement:
            raise _mismatch(owner, "both must be placed alike on the GPU groups")
        if weight.table != param.table:
            note = f"their connection tables differ: {weight.table or 'none'} of {owner.layer.name}"
            raise _mismatch(owner, note, "table")
        return weight


def _mismatch(owner: Lowered, note: str, *keys: str) -> Fault:
    message = f"{{layer}} cannot take {owner.layer.name}'s weights"
    return Fault("weights-mismatch", message, ("weights", *keys), (note,))


def reshaped(operands: Sequence[Operand], shapes: Sequence[Shape]) -> tuple[Operand, ...]:
    """Return the operands with other shapes."""
    return tuple(Operand(o.node, s, o.placement) for o, s in zip(operands, shapes, strict=True))
