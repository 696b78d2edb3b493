"""The calls of PyTorch's operators in a program of torch.export, and the graph of ONNX's operators that they become."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor as TorchTensor
from torch import fx

from netspec.importers.operators.graph.model import COMPUTED, Array, Node, Sizes, Tensor
from netspec.importers.spec.problem import Inexpressible
from netspec.importers.torch_module.origins import module_of, operator_of, place_of

Read = Callable[[], Any]
Convert = Callable[["Call"], None]

RANDOM = "it draws random numbers outside training too"


@dataclass(slots=True)
class Building:
    """The graph so far.

    ``names`` has the name of each node's value in the graph, those of several values for a node that returns several.
    ``reads`` has functions that return the values of what is constant, ``parameters`` those of the module by identity,
    so that one with several names is one tensor. ``training``: the graph is that of training mode. ``on_read`` is
    called with the name of a parameter or buffer whenever it is read.
    """

    training: bool
    on_read: Callable[[str], None]
    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, Sizes] = field(default_factory=dict)
    names: dict[fx.Node, str | tuple[str, ...]] = field(default_factory=dict)
    reads: dict[fx.Node, Read] = field(default_factory=dict)
    parameters: dict[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operator of PyTorch, and the graph that its counterparts are added to.

    ``arguments`` are by the names in the operator's schema, with their defaults.
    """

    node: fx.Node
    building: Building
    arguments: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument; the default if there is none of this name, or if it is None."""
        value = self.arguments.get(name)
        return default if value is None else value

    @property
    def module(self) -> str:
        """The path of the module whose forward calls the operator, ``layer1.0.conv1``."""
        return module_of(self.node)

    @property
    def output(self) -> Sizes:
        """The shape of the value, of the first one if there are several."""
        return sizes_of(self.node.meta.get("val"))

    def sizes(self, name: str) -> Sizes:
        """Return the shape of an argument that is a tensor."""
        return sizes_of(self.get(name).meta.get("val"))

    def value(self, argument: Any) -> str:
        """Return the name of a tensor, of a number as a constant, or ``""`` for None."""
        if argument is None:
            return ""
        if not isinstance(argument, fx.Node):
            return self.constant(np.float64(argument))
        name = self.building.names[argument]
        if not isinstance(name, str):
            raise Inexpressible("it reads several values at once")
        return name

    def tensor(self, argument: fx.Node) -> Tensor:
        """Return a tensor that is constant. Raises ``Inexpressible`` if it is computed from the images."""
        name = self.building.names.get(argument)
        tensor = self.building.tensors.get(name) if isinstance(name, str) else None
        if tensor is None:
            raise Inexpressible(COMPUTED)
        return tensor

    def constant(self, values: Any) -> str:
        """Add a constant, and return its name."""
        array = np.asarray(values)
        name = f"{self.node.name}:constant{len(self.building.tensors)}"
        self.building.tensors[name] = Tensor(name, array.shape, lambda: array)
        return name

    def view(self, tensor: Tensor, word: str, shape: Sizes, change: Callable[[Array], Array]) -> str:
        """Add a constant in another form, one for all who ask for the same form, and return its name."""
        key = f"{word}:{id(tensor)}"  # several tensors may have the name of one module
        if key not in self.building.tensors:
            self.building.tensors[key] = Tensor(tensor.name, shape, lambda: change(tensor.read()))
        return key

    def emit(self, op: str, *inputs: str, **attributes: Any) -> None:
        """Make the call's value that of one of ONNX's operators; if it returns several, those that are read."""
        name, count = self.node.name, count_of(self.node)
        read = {user.args[1] for user in self.node.users if user.target is operator.getitem and user.users}
        others = tuple(f"{name}:{place}" if place in read else "" for place in range(1, count))
        self.add(op, inputs, (name, *others), attributes, self.output)
        self.building.names[self.node] = (name, *others) if count else name

    def inner(self, op: str, *inputs: str, sizes: Sizes, **attributes: Any) -> str:
        """Add an operator before the last one that the call becomes, and return the name of its value."""
        name = f"{self.node.name}:inner{len(self.building.nodes)}"
        self.add(op, inputs, (name,), attributes, sizes)
        return name

    def add(
        self, op: str, inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: Mapping[str, Any], sizes: Sizes
    ) -> None:
        """Add an operator. ``sizes`` is the shape of its first output."""
        node = Node(
            op,
            self.module,
            inputs,
            outputs,
            dict(attributes),
            self.module,
            operator_of(self.node),
            place=place_of(self.node),
        )
        self.building.nodes.append(node)
        self.building.shapes[outputs[0]] = sizes

    def same(self, argument: Any) -> None:
        """Make the call's value that of an argument."""
        self.building.names[self.node] = self.value(argument)


def sizes_of(value: Any) -> Sizes:
    """Return the shape of a call's value, of the first one if there are several; ``()`` if it is no tensor."""
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return tuple(int(size) for size in first.shape) if isinstance(first, TorchTensor) else ()


def count_of(node: fx.Node) -> int:
    """Return how many values a call returns as a tuple or list, 0 if it returns one."""
    value = node.meta.get("val")
    return len(value) if isinstance(value, (tuple, list)) else 0
