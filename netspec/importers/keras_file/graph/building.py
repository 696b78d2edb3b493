"""The graph of ONNX's operators while a network's layers are added to it, and what the conversion of a layer may ask
for and do.

Layers with windows are operators on N,C,H,W. A value that Keras has as N,H,W,C is kept in that order until a layer
needs Keras's own, so that a graph has few transpositions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netspec.formatting import format_sizes, listed
from netspec.importers.keras_file.model.fields import MOST, Broken, Fields, shortened
from netspec.importers.keras_file.model.network import Layer
from netspec.importers.keras_file.model.store import Store, values
from netspec.importers.operators.graph.model import Array, Node, Sizes, Tensor

FIRST, LAST = "channels_first", "channels_last"
TO_FIRST, TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)

CUT_OFF = "Identity"
"""The operator in place of a layer that reads what cannot be expressed."""


@dataclass(frozen=True, slots=True)
class Val:
    """A value: its name in the graph, and its shape in the order of Keras, the batch included, ``()`` if it is not
    known. ``order`` has for each of Keras's axes that of the graph."""

    name: str
    sizes: Sizes
    order: tuple[int, ...]

    @property
    def known(self) -> bool:
        return bool(self.sizes)

    @property
    def own_sizes(self) -> Sizes:
        """The shape in the graph."""
        return tuple(self.sizes[self.order.index(axis)] for axis in range(len(self.sizes)))

    def axis(self, number: int) -> int:
        """Return one of Keras's axes as a number from 0. Raises ``Broken`` if there is none."""
        if not -len(self.sizes) <= number < len(self.sizes):
            raise Broken(f"it reads {format_sizes(self.sizes[1:])} for each image, which has no axis {number}")
        return number % len(self.sizes)


@dataclass(slots=True)
class Building:
    """The graph so far. ``producers`` has the operator that computes each value.

    ``data_format`` is Keras's for layers that state none. ``old``: the file is of Keras 2. ``store`` has the weights,
    if they are read, and ``wrong`` says which of them are not those of the network. ``left_out`` is what the spec does
    not say, with the names of the layers. ``optimizer`` is the word of the update rule.
    """

    data_format: str
    old: bool
    store: Store | None
    optimizer: str
    nodes: list[Node] = field(default_factory=list)
    producers: dict[str, Node] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    shapes: dict[str, Sizes] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, what: str, layer: str = "") -> None:
        """Record something that the spec does not say, of a layer or of the whole model."""
        names = self.left_out.setdefault(what, [])
        if layer and layer not in names:
            names.append(layer)

    def notes(self) -> list[str]:
        """Return what the spec does not say, each thing once."""
        return [f"{listed(names, 4)}: {what}" if names else what for what, names in self.left_out.items()]


@dataclass(frozen=True, slots=True)
class Step:
    """A layer that is applied, and the graph that it is added to. ``operands`` are its arguments in their order, values
    and numbers; ``named`` those with names."""

    layer: Layer
    operands: tuple[Any, ...]
    named: Mapping[str, Any]
    building: Building

    @property
    def config(self) -> Fields:
        return self.layer.config

    @property
    def values(self) -> list[Val]:
        """All values that it reads."""
        return [operand for operand in self.operands if isinstance(operand, Val)]

    @property
    def x(self) -> Val:
        """The first or only value."""
        if not self.values:
            raise Broken(f"{self.layer.name} reads nothing")
        return self.values[0]

    @property
    def data_format(self) -> str:
        """The order of the axes of images."""
        return FIRST if self.config.get("data_format", self.building.data_format) == FIRST else LAST

    def image(self) -> tuple[str, Sizes]:
        """Return the name and shape of the value, N,C,H,W. Raises ``Broken`` if it is no image."""
        x = self.x
        if len(x.sizes) != 4:
            raise Broken(f"{self.layer.name} needs an image, and reads {format_sizes(x.sizes[1:])}")
        order = TO_FIRST if self.data_format == LAST else (0, 1, 2, 3)
        return self.ordered(x, order), tuple(x.sizes[axis] for axis in order)

    def ordered(self, x: Val, order: Sequence[int]) -> str:
        """Return the name of a value with Keras's axes in another order, which may need a Transpose."""
        perm = tuple(x.order[axis] for axis in order)
        if perm == tuple(range(len(perm))):
            return x.name
        return self.add("Transpose", [x.name], tuple(x.sizes[axis] for axis in order), perm=perm)

    def plain(self, x: Val) -> str:
        """Return the name of a value with the axes in the order of Keras."""
        return self.ordered(x, range(len(x.sizes)))

    def add(self, op: str, inputs: Sequence[str], sizes: Sizes, **attributes: Any) -> str:
        """Add an operator, and return the name of its value, whose shape in the graph this is."""
        if min(sizes) < 1:
            raise Broken(f"{self.layer.name}: nothing is left of its output, {format_sizes(sizes[1:])}")
        if math.prod(sizes[1:]) > MOST:
            raise Broken(f"{self.layer.name}: its output is too large, {format_sizes(sizes[1:])}")
        place = "/".join(self.layer.names)
        name = f"{place}:{len(self.building.nodes)}"
        node = Node(op, place, tuple(inputs), (name,), attributes, place, self.layer.kind)
        self.building.nodes.append(node)
        self.building.producers[name] = node
        self.building.shapes[name] = sizes
        return name

    def of_image(self, name: str) -> Val:
        """Return a value of the graph that is N,C,H,W as Keras has it."""
        sizes = self.building.shapes[name]
        order = TO_LAST if self.data_format == LAST else (0, 1, 2, 3)
        return Val(name, tuple(sizes[axis] for axis in order), order)

    def of_plain(self, name: str) -> Val:
        """Return a value of the graph whose axes are in the order of Keras."""
        sizes = self.building.shapes[name]
        return Val(name, sizes, tuple(range(len(sizes))))

    def each(self, op: str, x: Val, *others: str, **attributes: Any) -> Val:
        """Add an operator on each number of a value."""
        return Val(self.add(op, [x.name, *others], x.own_sizes, **attributes), x.sizes, x.order)

    def constant(self, numbers: Any) -> str:
        """Add a constant, and return its name."""
        array = np.asarray(numbers)
        name = f"{self.layer.name}:constant{len(self.building.tensors)}"
        self.building.tensors[name] = Tensor(name, array.shape, lambda: array)
        return name

    def along(self, x: Val, axis: int, numbers: Sequence[float]) -> str:
        """Add a constant with a number for each place on one of Keras's axes."""
        shape = [1] * len(x.sizes)
        shape[x.order[x.axis(axis)]] = len(numbers)
        return self.constant(np.asarray(numbers, np.float64).reshape(shape))

    def weight(
        self,
        place: int,
        variable: str,
        shape: Sizes,
        form: Sizes | None = None,
        change: Callable[[Array], Array] = lambda array: array,
    ) -> str:
        """Add one of the layer's variables, and return its name in the graph.

        Parameters
        ----------
        place, variable:
            Its number in the order in which the layer makes them, and its name.
        shape:
            That of the variable in Keras.
        form, change:
            The shape that it has in the graph, and how it gets it.
        """
        building, path = self.building, ".".join(self.layer.names)
        key = f"{path}:{id(self.layer)}:{variable}:{form}"
        if key in building.tensors:
            return key
        if math.prod(shape) > MOST:
            raise Broken(f"{self.layer.name}: it has too many weights, {format_sizes(shape)}")
        found = None if building.store is None else building.store.find(self.layer, place, variable)
        if found is not None and tuple(found.shape) != shape:
            building.wrong.append(
                f"{variable} of {path} is {format_sizes(shape)}, and {format_sizes(found.shape)} here"
            )
        elif found is None and building.store is not None:
            building.wrong.append(f"{variable} of {path} is missing")

        def read() -> Array:
            if found is None:
                return change(np.broadcast_to(np.float32(0), shape))
            return change(values(found).astype(np.float64 if found.dtype == np.float64 else np.float32))

        building.tensors[key] = Tensor(f"{path}.{variable}", form or shape, read)
        return key

    def refuse(self, reason: str) -> Val:
        """Add an operator for a layer that a spec cannot express, and return its value, of which nothing is known."""
        place = "/".join(self.layer.names)
        inputs, name = tuple(value.name for value in self.values), f"{place}:{len(self.building.nodes)}"
        called = shortened(self.layer.custom or self.layer.kind)
        self.building.nodes.append(Node(f"keras.{self.layer.kind}", place, inputs, (name,), {}, place, called, reason))
        return Val(name, (), ())

    def cut_off(self) -> Val:
        """Return the value of a layer that reads what cannot be expressed."""
        place, name = "/".join(self.layer.names), f"cut:{len(self.building.nodes)}"
        inputs = tuple(value.name for value in self.values)
        self.building.nodes.append(Node(CUT_OFF, place, inputs, (name,), {}, place, self.layer.kind))
        return Val(name, (), ())


def leaves(value: Any) -> list[Any]:
    """Return what is in a list, and in the lists in it."""
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, list) else [value]


Convert = Callable[[Step], Val]
