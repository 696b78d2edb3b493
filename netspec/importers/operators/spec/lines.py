"""The lines of the spec while the graph is translated, and what the translation of a node may ask for and do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netspec.formatting import format_literal
from netspec.importers.operators.graph.model import COMPUTED, Array, Model, Node, Tensor
from netspec.importers.operators.spec.views import Value, image
from netspec.importers.spec import lines
from netspec.importers.spec.problem import Inexpressible
from netspec.ir.shape import Shape
from netspec.ir.window import Pad

Read = Callable[[], Array]
"""Returns the values of a parameter or running statistic."""

Arrays = Mapping[str, Read]
"""A layer's parameters and running statistics, by their keys inside the layer."""

Line = lines.Line[Node, Read]
"""A line of the spec that was made from a node."""


@dataclass(frozen=True, slots=True)
class Padded:
    """A value with padding that is not a line yet, because the windows that read it may state it."""

    value: Value
    pad: Pad


@dataclass(slots=True)
class Draft(lines.Draft[Node, Read]):
    """The lines so far. ``values`` has the value of the model under each name; ``None`` if it cannot be expressed.

    ``padded`` has padding that is left to the readers. ``owners`` has the first line that uses a weight, by the tensor
    of the weight, and the keys of the line and the layout that it is read in.
    """

    model: Model
    values: dict[str, Value | None] = field(default_factory=dict)
    padded: dict[str, Padded] = field(default_factory=dict)
    owners: dict[tuple[int, str], int] = field(default_factory=dict)

    def vector(self, value: Value) -> Value:
        """Return a value as a vector of its features, N,F."""
        return image(self.flattened(value.line), Shape(value.shape.units), value.batch)

    def share(self, number: int, weight: Tensor, signature: str) -> None:
        """Let a line use the weights of the first one with this weight and signature, if there is an earlier one."""
        owner = self.owners.setdefault((id(weight), signature), number)
        if owner != number:
            self.lines[number].share_weights(owner)


@dataclass(frozen=True, slots=True)
class Site:
    """A node to be translated, and the draft that its lines are added to."""

    node: Node
    draft: Draft

    @property
    def model(self) -> Model:
        return self.draft.model

    @property
    def x(self) -> Value:
        """The first or only input."""
        return self.value(0)

    def value(self, index: int) -> Value:
        """Return an input that is not constant. Raises ``Inexpressible`` if it is."""
        name = self.node.inputs[index] if index < len(self.node.inputs) else ""
        value = self.draft.values.get(name)
        if value is None:
            raise Inexpressible("it reads a constant where a spec has the value of a layer")
        return value

    def all_values(self) -> list[Value]:
        """Return all inputs. Raises ``Inexpressible`` if one is constant."""
        return [self.value(index) for index in range(len(self.node.inputs))]

    def tensor(self, index: int) -> Tensor | None:
        """Return an input that is constant, ``None`` if it is left out. Raises ``Inexpressible`` if it is computed."""
        name = self.node.inputs[index] if index < len(self.node.inputs) else ""
        if not name:
            return None
        if name not in self.model.tensors:
            raise Inexpressible(COMPUTED)
        return self.model.tensors[name]

    def needed_tensor(self, index: int) -> Tensor:
        """Return an input that must be constant. Raises ``Inexpressible`` if it is not."""
        tensor = self.tensor(index)
        if tensor is None:
            raise Inexpressible("it has no parameters")
        return tensor

    def get(self, attribute: str, default: Any = None) -> Any:
        """Return an attribute."""
        return self.node.attributes.get(attribute, default)

    def literal(self, value: float) -> str:
        """Return a number as text: the shortest that is the same float64, or float32 if the model has such numbers.

        Raises ``Inexpressible`` if it is infinite or not a number.
        """
        number = float(value) if self.model.exact else np.float32(value)
        if not np.isfinite(number):
            raise Inexpressible(f"it computes with {number}; the numbers of a spec are finite")
        return format_literal(float(str(number)))

    def is_read(self, place: int) -> bool:
        """Whether a node reads an output, or the model returns it."""
        name = self.node.outputs[place] if place < len(self.node.outputs) else ""
        return bool(name) and (name in self.model.readers or name in self.model.outputs)

    def output_sizes(self) -> tuple[int, ...]:
        """Return the shape of the first output, the batch included. Raises ``Inexpressible`` if it is not known."""
        sizes = self.model.shapes.get(self.node.outputs[0])
        if sizes is None:
            raise Inexpressible("its shape depends on the values that it reads")
        return sizes

    def image(self, index: int = 0) -> Value:
        """Return an input as N,C,H,W. A vector or flattened image with two more axes of length 1 becomes an image
        of one pixel by a line ``reshape``.

        Raises ``Inexpressible`` if its axes are others.
        """
        value = self.value(index)
        return as_image(self.draft, value)

    def result(self, value: Value) -> None:
        """Make a value that of the node's output.

        Raises ``Inexpressible`` if the model has it in another shape, as a sum with a number that has more axes.
        """
        sizes = self.model.shapes.get(self.node.outputs[0])
        if sizes not in (None, value.sizes):
            raise Inexpressible(f"its output has the axes {' x '.join(map(str, sizes))}, {described(value)} in a spec")
        self.stand_in(value)

    def stand_in(self, value: Value, place: int = 0) -> None:
        """Let a value stand for an output. All that read it must allow for another shape than the model's."""
        self.draft.values[self.node.outputs[place]] = value

    def emit(
        self,
        type_: str,
        x: Value,
        keys: Mapping[str, str] | None = None,
        shape: Shape | None = None,
        *,
        arrays: Arrays | None = None,
        hint: tuple[str, ...] = (),
        claimed: bool = False,
    ) -> Value:
        """Add a line that reads ``x`` and make it the node's output, viewed as ``x`` is. Return the value."""
        new = shape if shape is not None else x.shape
        line = self.line(type_, x, keys or {}, new, arrays=arrays, hint=hint, claimed=claimed)
        value = x.of(line, new)
        self.result(value)
        return value

    def line(
        self,
        type_: str,
        x: Value,
        keys: Mapping[str, str],
        shape: Shape,
        *,
        arrays: Arrays | None = None,
        hint: tuple[str, ...] = (),
        claimed: bool = False,
    ) -> int:
        """Add a line that reads ``x``, and return its number."""
        return self.draft.new_line(
            type_, [x.line], keys, shape, origin=self.node, hint=hint, arrays=arrays, claimed=claimed
        )


def as_image(draft: Draft, value: Value) -> Value:
    """Return a value as an image whose axes are N,C,H,W. Raises ``Inexpressible`` if they are others."""
    if value.shape.is_image and value.is_image:
        return value
    if value.axes == (("N",), value.own, (), ()):
        pixel = Shape(value.shape.units, 1, 1)
        return image(draft.with_shape(value.line, pixel), pixel, value.batch)
    raise Inexpressible(f"it reads an image as N x channels x height x width, and its input is {described(value)}")


def described(value: Value) -> str:
    """Return the axes of a value in words: ``N x HW x C``."""
    return " x ".join("".join(group) or "1" for group in value.axes)


def ones(count: int) -> Read:
    """Return a function that returns this many ones."""
    return lambda: np.ones(count, dtype=np.float32)


def zeros(count: int) -> Read:
    """Return a function that returns this many zeros."""
    return lambda: np.zeros(count, dtype=np.float32)
