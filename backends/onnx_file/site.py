"""Where an operation is written into the ONNX graph: what it reads, and what it may add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from netspec.ir.graph import Node
from netspec.ir.ops import Op
from netspec.ir.shape import Shape

Floats = NDArray[np.float32]

LABELS = "labels"
"""What the input of class numbers is called, where there is one."""


@dataclass
class Writer:
    """Collects the ONNX nodes and tensors of a graph. ``arrays`` are the parameters and running statistics by key."""

    arrays: Mapping[str, Floats]
    labels: str = LABELS
    nodes: list[NodeProto] = field(default_factory=list)
    tensors: dict[str, TensorProto] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def tensor(self, name: str, array: NDArray[Any]) -> str:
        """A constant or a parameter under its name; what two operations share is stored once."""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: dict[str, Any]) -> None:
        """Append a node of the ONNX operator ``kind``."""
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))


@dataclass(frozen=True, slots=True)
class Site:
    """One operation's place in the ONNX graph.

    Values, and the tensors that the operation needs beside its parameters, are called after the operation:
    ``norm1/square``. No layer can be called so.

    Parameters
    ----------
    node:
        The operation.
    shapes:
        The shapes of what it reads, without the batch.
    writer:
        The ONNX graph so far.
    """

    node: Node
    shapes: tuple[Shape, ...]
    writer: Writer

    @property
    def x(self) -> str:
        """The value that an operation with one input reads."""
        return self.node.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of that value, without the batch."""
        return self.shapes[0]

    @property
    def labels(self) -> str:
        """The input of class numbers, N."""
        return self.writer.labels

    def result(self, kind: str, *inputs: str, **attributes: Any) -> None:
        """Append the ONNX operator that makes the operation's value."""
        self.writer.node(kind, inputs, (self.node.name,), attributes)

    def inner(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append an ONNX operator that makes a value on the way, and return that value's name."""
        name = self._new(kind.lower())
        self.writer.node(kind, inputs, (name,), attributes)
        return name

    def several(self, kind: str, x: str, words: Sequence[str], **attributes: Any) -> tuple[str, ...]:
        """Append an ONNX operator that makes several values on the way, and return their names."""
        names = tuple(self._new(word) for word in words)
        self.writer.node(kind, (x,), names, attributes)
        return names

    def split(self, x: str, parts: int) -> tuple[str, ...]:
        """Cut a value into so many equal runs of channels."""
        return self.several("Split", x, ("group",) * parts, axis=1)

    def constant(self, what: str, array: NDArray[Any] | float) -> str:
        """A tensor of the operation's own; a single number is float32."""
        values = np.asarray(array, dtype=np.float32) if isinstance(array, int | float) else array
        return self.writer.tensor(f"{self.node.name}/{what}", values)

    def sizes(self, what: str, *numbers: int) -> str:
        """A tensor of whole numbers: a shape, axes, the ends of a slice."""
        return self.constant(what, np.array(numbers, dtype=np.int64))

    def parameter(self, place: int, lay: Callable[[Floats], Floats] = lambda values: values) -> str:
        """A parameter of the operation, laid out as ONNX reads it, under its own key."""
        key = self.node.params[place]
        return self.writer.tensor(key, lay(self.writer.arrays[key]))

    def parameters(self, lay: Callable[[Floats], Floats] = lambda values: values) -> tuple[str, ...]:
        """The weight, laid out as ONNX reads it, and the bias if there is one."""
        return self.parameter(0, lay), *(self.parameter(place) for place in range(1, len(self.node.params)))

    def statistic(self, what: str, start: float) -> str:
        """A running statistic of the layer; where none is given it is still at its start."""
        key = f"{self.node.layer}.{what}"
        at_start = np.full(self.node.output.channels, start, dtype=np.float32)
        return self.writer.tensor(key, self.writer.arrays.get(key, at_start))

    def _new(self, word: str) -> str:
        name, count = f"{self.node.name}/{word}", 1
        while name in self.writer.names:
            count += 1
            name = f"{self.node.name}/{word}{count}"
        self.writer.names.add(name)
        return name


Emission = Callable[[Any, Site], None]
"""Writes an operation at its site; the first argument's type is the table's key."""

Table = dict[type[Op], Emission]
