"""The context in which an operation is emitted into the ONNX graph: its inputs, and how to add nodes and tensors."""

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
from netspec.passes.label_grid import Slices

Floats = NDArray[np.float32]

LABELS = "labels"
"""Name of the input of class numbers or of the classes of pixels, if the model has one."""


@dataclass
class Writer:
    """Collects the ONNX nodes and tensors of a graph. ``arrays`` holds parameters and running statistics by key, and
    ``grids`` which labels of pixels a loss reads, by its layer."""

    arrays: Mapping[str, Floats]
    labels: str = LABELS
    grids: Mapping[str, Slices | None] = field(default_factory=dict)
    nodes: list[NodeProto] = field(default_factory=list)
    tensors: dict[str, TensorProto] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def tensor(self, name: str, array: NDArray[Any]) -> str:
        """Store a constant or a parameter, once even if several operations use it, and return its name."""
        if name not in self.tensors:
            self.tensors[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def node(self, kind: str, inputs: tuple[str, ...], outputs: tuple[str, ...], attributes: dict[str, Any]) -> None:
        """Append a node of the ONNX operator ``kind``."""
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))


@dataclass(frozen=True, slots=True)
class Site:
    """One operation in the ONNX graph.

    Its intermediate values, and its tensors other than parameters, are named ``norm1/square``: the name of the
    operation, then a slash, which no layer name contains.

    Parameters
    ----------
    node:
        The operation.
    shapes:
        The shapes of its inputs, without the batch.
    writer:
        Collects the ONNX graph.
    """

    node: Node
    shapes: tuple[Shape, ...]
    writer: Writer

    @property
    def x(self) -> str:
        """The name of the first or only input."""
        return self.node.inputs[0]

    @property
    def shape(self) -> Shape:
        """The shape of ``x``, without the batch."""
        return self.shapes[0]

    @property
    def labels(self) -> str:
        """The name of the input of N class numbers, or of the classes of pixels."""
        return self.writer.labels

    @property
    def grid(self) -> Slices | None:
        """The rows and columns of the labels that a loss of pixels reads; ``None``: all."""
        return self.writer.grids.get(self.node.layer)

    def result(self, kind: str, *inputs: str, **attributes: Any) -> None:
        """Append the ONNX operator that computes the operation's output."""
        self.writer.node(kind, inputs, (self.node.name,), attributes)

    def result_by_group(self, groups: int, kind: str, *inputs: str, **attributes: Any) -> None:
        """Append the ONNX operator that computes the output from ``x`` and other inputs: with several groups of
        channels, one operator for each, between a split and a concatenation."""
        if groups == 1:
            self.result(kind, self.x, *inputs, **attributes)
            return
        parts = [self.inner(kind, part, *inputs, **attributes) for part in self.split(self.x, groups)]
        self.result("Concat", *parts, axis=1)

    def inner(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Append an ONNX operator that computes an intermediate value, and return its name."""
        name = self._unique_name(kind.lower())
        self.writer.node(kind, inputs, (name,), attributes)
        return name

    def multi_output(self, kind: str, *inputs: str, words: Sequence[str], **attributes: Any) -> tuple[str, ...]:
        """Append an ONNX operator that computes several intermediate values, and return their names."""
        names = tuple(self._unique_name(word) for word in words)
        self.writer.node(kind, inputs, names, attributes)
        return names

    def split(self, x: str, parts: int) -> tuple[str, ...]:
        """Split the channels of an input into equal parts, and return their names.

        ONNX would know the sizes from the number of parts. But onnxruntime (1.32) takes two nodes without sizes for one
        if they split the same value, into however many parts, and its results are wrong.
        """
        channels = dict(zip(self.node.inputs, self.shapes, strict=True))[x].channels
        sizes = np.full(parts, channels // parts, np.int64)
        stored = self.writer.tensor(self._unique_name("sizes"), sizes)
        return self.multi_output("Split", x, stored, words=("group",) * parts, axis=1)

    def constant(self, name: str, array: NDArray[Any] | float) -> str:
        """Store a constant of this operation, and return its name. A single number becomes float32."""
        values = np.asarray(array, dtype=np.float32) if isinstance(array, int | float) else array
        return self.writer.tensor(f"{self.node.name}/{name}", values)

    def sizes(self, name: str, *numbers: int) -> str:
        """Store an int64 constant (a shape, axes, the ends of a slice), and return its name."""
        return self.constant(name, np.array(numbers, dtype=np.int64))

    def parameter(self, index: int, layout: Callable[[Floats], Floats] = lambda values: values) -> str:
        """Store a parameter under its key, converted by ``layout``, and return the key."""
        key = self.node.params[index]
        return self.writer.tensor(key, layout(self.writer.arrays[key]))

    def parameters(self, layout: Callable[[Floats], Floats] = lambda values: values) -> tuple[str, ...]:
        """Store the weight, converted by ``layout``, and the bias if there is one, and return their keys."""
        return self.parameter(0, layout), *(self.parameter(index) for index in range(1, len(self.node.params)))

    def per_channel(self, index: int) -> str:
        """Store a parameter, one number for each channel, so that it broadcasts with ``x``, and return its key."""
        one_pixel = (1, 1) if self.shape.is_image else ()
        return self.parameter(index, lambda values: values.reshape(*values.shape, *one_pixel))

    def statistic(self, name: str, initial: float) -> str:
        """Store a running statistic of the layer, filled with ``initial`` if there is none, and return its key."""
        key = f"{self.node.layer}.{name}"
        default = np.full(self.node.output.channels, initial, dtype=np.float32)
        return self.writer.tensor(key, self.writer.arrays.get(key, default))

    def _unique_name(self, word: str) -> str:
        name, count = f"{self.node.name}/{word}", 1
        while name in self.writer.names:
            count += 1
            name = f"{self.node.name}/{word}{count}"
        self.writer.names.add(name)
        return name


Emission = Callable[[Any, Site], None]
"""Emits an operation at its site. The type of the first argument is its key in the table."""

Table = dict[type[Op], Emission]
