"""The lines of the spec while the layers are translated, and what the translation of a layer may ask for and do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from netspec.diagnostics import Diagnostic
from netspec.importers.caffe.net.layers import Layer, Network, Top
from netspec.importers.caffe.schema.record import Record
from netspec.importers.spec import lines
from netspec.importers.spec.problem import Inexpressible, Rejected
from netspec.ir.shape import Shape

BlobPlace = tuple[str, int]
"""Where the numbers of a parameter are: the name of the layer whose blob it is, and the number of the blob."""

Line = lines.Line[Layer, BlobPlace]
"""A line of the spec that was made from a layer."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value of Caffe's: a line whose output it is, the line's shape, and the sizes of its axes after the first.

    ``sizes`` are those of the line's shape, or others that the same numbers in the same order have.
    """

    line: int
    shape: Shape
    sizes: tuple[int, ...]

    def of(self, line: int, shape: Shape | None = None) -> Value:
        """Return the value of another line; of one with the same shape, it has the sizes of this value."""
        return replace(self, line=line) if shape is None else Value(line, shape, tuple(shape))


NO_LINE = -1
"""In place of a line, for a layer whose parameters no other can have."""

MOST_OUTPUTS = 2**31 - 1
"""The largest size of an axis in Caffe (``INT_MAX``, src/caffe/blob.cpp)."""


@dataclass(slots=True)
class Draft(lines.Draft[Layer, BlobPlace]):
    """The lines so far. ``values`` has each value of the network; ``None`` for one that cannot be expressed.

    ``labels`` are the values that are labels, ``readers`` the layers that read each value. ``owners`` has, for each
    name of a parameter, the first layer that has it, which of its parameters it is, and the number of its line or
    ``NO_LINE``. ``bias_decays``: the train line has a decay of biases. ``decay`` is that of weights, 0 without a
    solver. ``substitutes`` are warnings.
    """

    network: Network
    labels: frozenset[Top]
    readers: Mapping[Top, Sequence[Layer]]
    bias_decays: bool = False
    decay: float = 0.0
    values: dict[Top, Value | None] = field(default_factory=dict)
    owners: dict[str, tuple[Layer, int, int]] = field(default_factory=dict)
    substitutes: list[Diagnostic] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Site:
    """A layer to be translated, its number, and the draft that its lines are added to."""

    layer: Layer
    number: int
    draft: Draft

    def parameter(self, name: str) -> Record:
        """Return a message of the layer: ``convolution_param``."""
        return self.layer.record.message(name)

    @property
    def x(self) -> Value:
        """The first or only bottom."""
        return self.value(0)

    @property
    def values(self) -> list[Value]:
        """All bottoms."""
        return [self.value(place) for place in range(len(self.layer.bottoms))]

    def value(self, place: int) -> Value:
        """Return a bottom. Raises ``Inexpressible`` if it is a loss."""
        value = self.draft.values.get(self.layer.bottoms[place])
        if value is None:
            raise Inexpressible("it reads a loss", self.layer.record.places("bottom")[place])
        return value

    def image(self, place: int = 0) -> Value:
        """Return a bottom as an image. Raises ``Inexpressible`` if it does not have the axes of one."""
        value = self.value(place)
        if len(value.sizes) != 3:
            raise Inexpressible(f"it reads N x channels x height x width, and its bottom is {described(value)}")
        return self.with_shape(value, Shape(*value.sizes))

    def features(self, place: int = 0) -> Value:
        """Return a bottom as a value whose channels are its own: an image, or else a vector."""
        value = self.value(place)
        if tuple(value.shape) == value.sizes:
            return value
        if len(value.sizes) == 3:
            return self.image(place)
        if len(value.sizes) != 1:
            raise Inexpressible(f"its bottom is {described(value)}; a spec has images and vectors")
        return self.vector(value)

    def vector(self, value: Value) -> Value:
        """Return a value as a vector."""
        shape = Shape(value.shape.units)
        return Value(self.draft.flattened(value.line), shape, tuple(shape))

    def with_shape(self, value: Value, shape: Shape) -> Value:
        """Return a value as the output of a line of this shape, adding a line ``reshape`` if need be."""
        line = self.draft.with_shape(value.line, shape)
        return Value(line, shape, tuple(shape))

    def top(self, place: int) -> Top:
        """Return the value that is a top of the layer."""
        return Top(self.number, place)

    def result(self, value: Value, place: int = 0) -> None:
        """Give a top its value."""
        self.draft.values[self.top(place)] = value

    def emit(
        self,
        type_: str,
        x: Value,
        keys: Mapping[str, str] | None = None,
        shape: Shape | None = None,
        *,
        blobs: Mapping[str, BlobPlace] | None = None,
        claimed: bool = False,
    ) -> Line:
        """Add a line that reads ``x``, make it the layer's top, and return it. Its shape is by default that of x."""
        new = x.shape if shape is None else shape
        line = self.draft.new_line(type_, [x.line], keys or {}, new, origin=self.layer, arrays=blobs, claimed=claimed)
        self.result(x.of(line, shape))
        return self.draft.lines[line]

    def owned_line(self) -> Line | None:
        """Return the line of the first bottom if this layer alone reads it, so that it may be completed."""
        value = self.x
        line = self.draft.lines[value.line]
        own = line.origin is not None and tuple(value.shape) == value.sizes
        made_by = self.draft.network.layers[self.layer.bottoms[0].layer]
        return line if own and line.origin is made_by and len(self.draft.readers[self.layer.bottoms[0]]) == 1 else None


def described(value: Value) -> str:
    """Return the axes of a value in numbers: ``N x 256 x 6 x 6``."""
    return " x ".join(["N", *map(str, value.sizes)])


def outputs_of(site: Site, parameter: Record) -> int:
    """Return ``num_output``. Raises ``Rejected`` if it is missing, 0, or above ``MOST_OUTPUTS``."""
    outputs = parameter.integer("num_output")
    if outputs == 0:
        raise Rejected("it has no num_output", parameter.place("num_output"))
    if outputs > MOST_OUTPUTS:
        raise Rejected(f"num_output is at most {MOST_OUTPUTS:,}", parameter.place("num_output"))
    return outputs


def axis_of(record: Record, value: Value, name: str = "axis") -> int:
    """Return an axis, counted from 0, the images. Raises ``Rejected`` if the value has no such axis."""
    axis, rank = record.integer(name), len(value.sizes) + 1
    if not -rank <= axis < rank:
        raise Rejected(f"{name} is {axis}, and its bottom has {rank} axes", record.place(name))
    return axis % rank
