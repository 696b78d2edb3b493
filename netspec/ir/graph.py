"""The checked network: operations in order, the parameters they use, and the layers of the spec they come from.

Operations, parameters and layers are named tuples, because a network may have very many.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from netspec.ir.constraint import FREE, Constraint
from netspec.ir.distribution import Distribution
from netspec.ir.ops import Input, Loss, Op, Softmax
from netspec.ir.ops.base import Role, learnt
from netspec.ir.schedules import OwnSchedule, Schedule
from netspec.ir.settings import Augment, Preprocessing, Test, Train
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable


class Placement(NamedTuple):
    """Where a value lives: in equal shares on all GPU groups (``split``), whole on one of them (``gpu``), whole on
    several that divide the batch's images among them (``replicas``), or, with none of these, simply whole."""

    split: bool = False
    gpu: int | None = None
    replicas: tuple[int, ...] = ()


WHOLE = Placement()
SPLIT = Placement(split=True)


class Parameter(NamedTuple):
    """A learnt tensor. Its key is its name in a state_dict: ``conv1.weight``, ``conv3.weights.0``.

    ``lr``, ``momentum`` and ``decay`` are the values at the start of training; ``momentum`` is 0 if the update rule has
    none. ``schedule`` scales ``lr`` later; if it is ``None``, the schedule of the spec's ``train`` line does
    (``Graph.schedule_of``).
    ``constraint`` is enforced after each update. The tensor is updated once per batch, or, with ``update_every``, after
    this many of the ``accumulate`` parts of a batch, by the mean gradient of their images.
    ``super_eps`` is that of cuda-convnet of 2012, which divides gradients by a root of their running means.
    With a ``table``, only the kernels of the table are learnt; the rest of the array is 0. ``axis`` is the axis along
    which GPU groups and devices divide the array.
    """

    key: str
    layer: str
    role: Role
    shape: tuple[int, ...]
    distribution: Distribution
    lr: float
    momentum: float
    decay: float
    constraint: Constraint = FREE
    schedule: OwnSchedule | None = None
    update_every: int | None = None
    super_eps: float | None = None
    table: ConnectionTable | None = None
    axis: int = 0

    @property
    def size(self) -> int:
        """The number of learnt values."""
        return learnt(self.shape, self.table)


class Node(NamedTuple):
    """One operation. Its output value has the same name: the layer's name for the layer's last operation,
    ``conv1:conv`` for an earlier one."""

    name: str
    layer: str
    op: Op
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    output: Shape
    placement: Placement


class Layer(NamedTuple):
    """One layer of the spec: the names of the layers whose values it reads, and its operations, the last of which
    computes the layer's value. ``reads``: whether a layer over several GPU groups reads its own group's share or all of
    them."""

    name: str
    type: str
    inputs: tuple[str, ...]
    nodes: tuple[str, ...]
    output: Shape
    placement: Placement
    reads: Literal["own", "all"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network that has passed the checker. ``groups`` is the number of GPU groups in the spec."""

    name: str
    groups: int
    nodes: Mapping[str, Node]
    layers: Mapping[str, Layer]
    parameters: Mapping[str, Parameter]
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    train: Train = field(default_factory=Train)
    augment: Augment = field(default_factory=Augment)
    test: Test = field(default_factory=Test)

    def shapes(self, node: Node) -> tuple[Shape, ...]:
        """Return the shapes of a node's inputs."""
        return tuple([self.nodes[name].output for name in node.inputs])

    def readers(self) -> dict[str, list[Node]]:
        """Return the operations that read each value, by its name. An operation that reads it twice is there twice."""
        readers: dict[str, list[Node]] = {name: [] for name in self.nodes}
        for node in self.nodes.values():
            for name in node.inputs:
                readers[name].append(node)
        return readers

    def dependencies(self, nodes: Iterable[Node]) -> frozenset[str]:
        """Return the names of these operations and of all operations that they depend on."""
        pending = [node.name for node in nodes]
        names: set[str] = set()
        while pending:
            name = pending.pop()
            if name not in names:
                names.add(name)
                pending.extend(self.nodes[name].inputs)
        return frozenset(names)

    @property
    def input(self) -> Node:
        """The operation that takes the images."""
        return next(node for node in self.nodes.values() if isinstance(node.op, Input))

    @property
    def output(self) -> Node:
        """The operation whose value is the network's output: the last one of the spec's last layer."""
        return self.nodes[tuple(self.layers.values())[-1].nodes[-1]]

    @property
    def losses(self) -> tuple[Node, ...]:
        """The losses, in the order of the spec."""
        return tuple(node for node in self.nodes.values() if isinstance(node.op, Loss))

    @property
    def loss_weights(self) -> dict[str, float]:
        """The weight of each loss in the training loss, by the name of its layer."""
        return {node.layer: node.op.weight for node in self.nodes.values() if isinstance(node.op, Loss)}

    @property
    def scores(self) -> Node:
        """The operation whose values are the class scores.

        It is the input of the last loss on class scores; without one, that of the last softmax; without either, the
        output (or what it reads if it is a loss). A network without a loss is trained with the cross-entropy of these.
        """
        reader = self.reader_of_scores
        return self.nodes[reader.inputs[-1]] if reader else self.output

    @property
    def reader_of_scores(self) -> Node | None:
        """The loss or softmax whose input the class scores are, or ``None`` if they are the output."""
        reversed_nodes = tuple(self.nodes.values())[::-1]
        readers = [node for node in reversed_nodes if isinstance(node.op, Loss) and node.op.labelled]
        readers += [node for node in reversed_nodes if isinstance(node.op, Softmax)]
        readers += [node for node in (self.output,) if isinstance(node.op, Loss)]
        return readers[0] if readers else None

    @property
    def is_dense(self) -> bool:
        """Whether the class scores are maps, and not one number per class."""
        scores = self.scores.output
        return scores.units != scores.channels

    def nodes_of(self, layer: Layer) -> list[Node]:
        """Return the operations of a layer, in order."""
        return [self.nodes[name] for name in layer.nodes]

    def parameters_of(self, layer: str) -> Iterator[Parameter]:
        """Yield the parameters that a layer owns, without those that it takes from another by ``weights=``."""
        keys = dict.fromkeys(key for node in self.nodes_of(self.layers[layer]) for key in node.params)
        return (p for key in keys if (p := self.parameters[key]).layer == layer)

    def schedule_of(self, parameter: Parameter) -> Schedule:
        """Return the schedule of a parameter's learning rate: its own, or that of the ``train`` line."""
        return self.train.schedule if parameter.schedule is None else parameter.schedule
