"""The checked network: operations in order, the parameters they use, and the layers of the file that they come from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from netspec.ir.constraint import FREE, Constraint
from netspec.ir.distribution import Distribution
from netspec.ir.ops import Input, Loss, Op, Softmax
from netspec.ir.ops.base import Role, learnt
from netspec.ir.settings import Augment, OwnSchedule, Preprocessing, Schedule, Test, Train
from netspec.ir.shape import Shape
from netspec.ir.table import ConnectionTable


class Placement(NamedTuple):
    """Where a value lives: in equal shares on all GPU groups (``split``), whole on one (``gpu``), whole on several that
    share the batch's images (``replicas``), or simply whole."""

    split: bool = False
    gpu: int | None = None
    replicas: tuple[int, ...] = ()


WHOLE = Placement()
SPLIT = Placement(split=True)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A tensor that is learnt. Its key is its name in a state_dict: ``conv1.weight``, ``conv3.weights.0``.

    ``lr``, ``momentum`` and ``decay`` are what this tensor starts training with; the schedule scales ``lr``: its own,
    or, where that is ``None``, the train line's (``Graph.schedule_of``).
    ``constraint`` is what it is held to after each update. It is updated once a batch, or, with ``update_every``, after
    so many of the ``accumulate`` parts of a batch, by the mean gradient of their images. ``super_eps`` is that of
    cuda-convnet of 2012, with which gradients are divided by a root of their running means. Of a weight with a
    ``table`` only the table's kernels are learnt; everything else in the array is 0.
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

    @property
    def size(self) -> int:
        """Numbers that are learnt."""
        return learnt(self.shape, self.table)


@dataclass(frozen=True, slots=True)
class Node:
    """One operation. The value that it makes bears its name: the layer's own for the layer's last operation,
    ``conv1:conv`` for one before it."""

    name: str
    layer: str
    op: Op
    inputs: tuple[str, ...]
    params: tuple[str, ...]
    output: Shape
    placement: Placement


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the file: what it reads (layers' names) and the operations it became, the last of which makes its
    value. ``reads`` says whether a layer over several GPU groups reads its own group's share or all of them."""

    name: str
    type: str
    inputs: tuple[str, ...]
    nodes: tuple[str, ...]
    output: Shape
    placement: Placement
    reads: Literal["own", "all"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A network that has passed the checker. ``groups`` is the number of GPU groups that the file speaks of."""

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
        """The shapes that a node reads."""
        return tuple([self.nodes[name].output for name in node.inputs])

    def needed(self, nodes: Iterable[Node]) -> frozenset[str]:
        """The operations that these are computed from, and these."""
        waiting = [node.name for node in nodes]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting.extend(self.nodes[name].inputs)
        return frozenset(found)

    @property
    def input(self) -> Node:
        """The operation that images come in at."""
        return next(node for node in self.nodes.values() if isinstance(node.op, Input))

    @property
    def output(self) -> Node:
        """The operation whose value is the network's: the file's last layer's."""
        return self.nodes[tuple(self.layers.values())[-1].nodes[-1]]

    @property
    def losses(self) -> tuple[Node, ...]:
        """The operations that are losses, in file order."""
        return tuple(node for node in self.nodes.values() if isinstance(node.op, Loss))

    @property
    def scores(self) -> Node:
        """The operation whose values are the class scores: what the last loss that knows classes reads, else what the
        last softmax reads, else the output itself. Training without a loss of its own takes the cross-entropy of
        these."""
        backwards = tuple(self.nodes.values())[::-1]
        found = [node for node in backwards if isinstance(node.op, Loss) and node.op.labelled]
        found += [node for node in backwards if isinstance(node.op, Softmax)]
        found += [node for node in (self.output,) if isinstance(node.op, Loss)]
        return self.nodes[found[0].inputs[-1]] if found else self.output

    def parameters_of(self, layer: str) -> Iterator[Parameter]:
        """The parameters that a layer owns (not those that it takes from another by ``weights=``)."""
        keys = dict.fromkeys(key for name in self.layers[layer].nodes for key in self.nodes[name].params)
        return (p for key in keys if (p := self.parameters[key]).layer == layer)

    def schedule_of(self, parameter: Parameter) -> Schedule:
        """What scales a parameter's learning rate: its own schedule, or the train line's."""
        return self.train.schedule if parameter.schedule is None else parameter.schedule
