"""Receptive fields: the pixels of the image that a unit depends on.

The formulas are those of Araujo, Norris & Sim: Computing receptive fields of convolutional neural networks. Distill
(2019), doi:10.23915/distill.00021. Borders do not count: a field may reach into the padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from netspec.ir.graph import Graph
from netspec.ir.ops import (
    Blur,
    ContrastNorm,
    Crop,
    Deconv,
    GroupNorm,
    LayerNorm,
    Linear,
    Loss,
    MapNorm,
    Mirror,
    Nailbed,
    Op,
    RandomScale,
    Reshape,
    Resize,
    Softmax,
    Upsample,
    ZeroPad,
    window_of,
)
from netspec.ir.shape import Shape
from netspec.ir.window import TransposedWindow


@dataclass(frozen=True, slots=True)
class Span:
    """The fields along one axis: unit i depends on the ``size`` pixels from ``start + i * stride`` on.

    Pixels are counted from the first of the image, so that of the padding before it have negative numbers. The
    ``stride`` is negative where the image is mirrored.
    """

    start: int
    size: int
    stride: int

    def through(self, first: int, extent: int, stride: int = 1) -> Span:
        """The fields of units of which unit i reads ``extent`` neighbours, from number ``first + i * stride`` on."""
        ends = first * self.stride, (first + extent - 1) * self.stride
        return Span(self.start + min(ends), self.size + max(ends) - min(ends), self.stride * stride)

    def contains(self, pixels: int) -> bool:
        """Whether the first unit's field has all pixels of an image with so many on this axis."""
        return self.start <= 0 and self.start + self.size >= pixels


@dataclass(frozen=True, slots=True)
class Field:
    """The fields of a layer's units along both axes."""

    rows: Span
    columns: Span


ReceptiveField = Field | Literal["all", "varies"]
"""``all``: each unit depends on everything that reaches the layer. ``varies``: fields differ in size or distance."""

_PIXEL = Field(Span(0, 1, 1), Span(0, 1, 1))


def receptive_fields(graph: Graph) -> dict[str, ReceptiveField]:
    """Return the receptive field of each layer, by its name: of the input's pixels, outside training.

    A vector counts as an image of one pixel.
    """
    image = graph.input.output
    fields: dict[str, ReceptiveField] = {}
    for node in graph.nodes.values():
        inputs = [fields[name] for name in node.inputs]
        field = _field(node.op, inputs, graph.shapes(node), node.output) if inputs else _PIXEL
        fields[node.name] = "all" if _is_whole(field, node.output, image) else field
    return {name: fields[layer.nodes[-1]] for name, layer in graph.layers.items()}


def _is_whole(field: ReceptiveField, output: Shape, image: Shape) -> bool:
    """Whether there is a single position, with all of the image in its field."""
    if not isinstance(field, Field) or output.height * output.width > 1:
        return False
    return field.rows.contains(image.height) and field.columns.contains(image.width)


def _field(op: Op, inputs: Sequence[ReceptiveField], shapes: Sequence[Shape], output: Shape) -> ReceptiveField:
    """Return the field of an operation's output from those of its inputs."""
    joined = _join(inputs)
    if joined == "all" or _reads_everything(op, shapes[0]):
        return "all"
    if joined == "varies" or isinstance(op, Resize | Upsample | RandomScale) or _enlarges(op):
        return "varies"
    if isinstance(op, Reshape) and output.is_image and output[1:] != shapes[0][1:]:
        return "varies"
    return _moved(op, joined, shapes[0])


def _enlarges(op: Op) -> bool:
    """Whether neighbouring units of a transposed convolution read different numbers of pixels, or the same ones."""
    return isinstance(op, Deconv) and op.window.stride != (1, 1)


def _reads_everything(op: Op, x: Shape) -> bool:
    """Whether each unit depends on all positions of the (first) input."""
    if isinstance(op, LayerNorm | Softmax):
        return not x.is_image
    return isinstance(op, Linear | GroupNorm | Loss)


def _join(fields: Sequence[ReceptiveField]) -> ReceptiveField:
    """The field of a unit that depends on one unit of each input, at the same position."""
    known = [field for field in fields if isinstance(field, Field)]
    if len(known) < len(fields):
        return "all" if "all" in fields else "varies"
    rows, columns = _join_spans([field.rows for field in known]), _join_spans([field.columns for field in known])
    return Field(rows, columns) if rows and columns else "varies"


def _join_spans(spans: Sequence[Span]) -> Span | None:
    strides = {span.stride for span in spans}
    if len(strides) > 1:
        return None
    start = min(span.start for span in spans)
    return Span(start, max(span.start + span.size for span in spans) - start, strides.pop())


def _moved(op: Op, field: Field, x: Shape) -> Field:
    """The field after an operation that reads a window of ``x`` around each position, or moves the positions."""
    rows, columns = field.rows, field.columns
    window = window_of(op)
    if isinstance(window, TransposedWindow):  # of stride 1: unit i reads the pixels whose windows it is in
        (height, width), pad = window.extent, window.pad
        return Field(rows.through(pad.top + 1 - height, height), columns.through(pad.left + 1 - width, width))
    if window is not None:
        (height, width), (down, right) = window.extent, window.stride
        return Field(rows.through(-window.pad.top, height, down), columns.through(-window.pad.left, width, right))
    match op:
        case Blur(size=size) | MapNorm(size=size):
            times = 2 if isinstance(op, ContrastNorm) else 1  # the squares are of differences from means of windows
            first, extent = -(size // 2) * times, (size - 1) * times + 1
            return Field(rows.through(first, extent), columns.through(first, extent))
        case Nailbed(stride=stride):
            top, left = op.starts(x)
            return Field(rows.through(top, 1, stride), columns.through(left, 1, stride))
        case Crop(top=top, left=left):
            return Field(rows.through(top, 1), columns.through(left, 1))
        case ZeroPad(pad=pad):
            return Field(rows.through(-pad.top, 1), columns.through(-pad.left, 1))
        case Mirror():
            return Field(rows, columns.through(x.width - 1, 1, -1))
    return field
