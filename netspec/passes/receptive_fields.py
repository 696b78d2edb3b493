"""Receptive fields: the pixels of the image that a unit depends on.

The formulas are those of Araujo, Norris & Sim: Computing receptive fields of convolutional neural networks. Distill
(2019), doi:10.23915/distill.00021. Behind layers that enlarge maps, neighbouring units depend on different numbers of
pixels, or on the same ones, and the fields of several units repeat. Borders do not count: a field may reach into the
padding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from netspec.ir import ops
from netspec.ir.graph import Graph
from netspec.ir.shape import Shape
from netspec.ir.window import TransposedWindow
from netspec.passes.spans import Span, joined


@dataclass(frozen=True, slots=True)
class Field:
    """The fields of a layer's units along both axes."""

    rows: Span
    columns: Span


ReceptiveField = Field | Literal["all", "varies"]
"""``all``: each unit depends on everything that reaches the layer. ``varies``: fields do not repeat, or after too many
units."""

_PIXEL = Field(Span.regular(0, 1, 1), Span.regular(0, 1, 1))


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


def _field(op: ops.Op, inputs: Sequence[ReceptiveField], shapes: Sequence[Shape], output: Shape) -> ReceptiveField:
    """Return the field of an operation's output from those of its inputs."""
    read = _join(inputs)
    if read == "all" or _reads_everything(op, shapes[0]):
        return "all"
    if read == "varies" or isinstance(op, ops.Resize | ops.RandomScale) or _is_uneven(op) or _spreads(op, shapes):
        return "varies"
    if isinstance(op, ops.Reshape) and output.is_image and output != shapes[0]:
        return "varies"
    moved = _moved(op, shapes[0])
    if moved is None:
        return read
    return _of_spans(moved[0].of(read.rows), moved[1].of(read.columns))


def _is_uneven(op: ops.Op) -> bool:
    """Whether neighbouring units read at distances that differ from place to place."""
    uneven = ops.BinPool | ops.Interpolate
    return isinstance(op, uneven) or (isinstance(op, ops.Upsample) and op.method == "corners")


def _spreads(op: ops.Op, shapes: Sequence[Shape]) -> bool:
    """Whether a product multiplies units at all positions by a unit at one position."""
    return isinstance(op, ops.Product) and len({(x.height, x.width) for x in shapes}) > 1


def _of_spans(rows: Span | None, columns: Span | None) -> ReceptiveField:
    return Field(rows, columns) if rows and columns else "varies"


def _reads_everything(op: ops.Op, x: Shape) -> bool:
    """Whether each unit depends on all positions of the (first) input."""
    if isinstance(op, ops.LayerNorm | ops.Softmax):
        return not x.is_image
    return isinstance(op, ops.Linear | ops.GroupNorm | ops.Loss)


def _join(fields: Sequence[ReceptiveField]) -> ReceptiveField:
    """The field of a unit that depends on one unit of each input, at the same position."""
    known = [field for field in fields if isinstance(field, Field)]
    if len(known) < len(fields):
        return "all" if "all" in fields else "varies"
    return _of_spans(joined([field.rows for field in known]), joined([field.columns for field in known]))


class _Reading(NamedTuple):
    """Which units an operation's output reads along one axis: unit i reads ``units(i)``, and unit ``i + period`` the
    same ones ``stride`` further on."""

    units: Callable[[int], Iterable[int]]
    stride: int = 1
    period: int = 1

    def of(self, span: Span) -> Span | None:
        return span.through(self.units, self.stride, self.period)


def _neighbours(first: int, count: int, stride: int = 1, distance: int = 1) -> _Reading:
    """Unit i reads ``count`` units at a ``distance`` from each other, the first of them ``first + i * stride``."""
    return _Reading(lambda i: (first + i * stride + k * distance for k in range(count)), stride)


def _moved(op: ops.Op, x: Shape) -> tuple[_Reading, _Reading] | None:
    """Which units of ``x`` an operation reads along both axes. ``None``: only the one at the same position."""
    window = ops.window_of(op)
    if isinstance(window, TransposedWindow):
        return _spread(window, 0), _spread(window, 1)
    if window is not None:
        pads = window.pad.top, window.pad.left
        rows, columns = (
            _neighbours(-pad, window.kernel[axis], window.stride[axis], window.dilation[axis])
            for axis, pad in enumerate(pads)
        )
        return rows, columns
    match op:
        case ops.Blur(size=size) | ops.MapNorm(size=size):
            times = 2 if isinstance(op, ops.ContrastNorm) else 1  # the squares are of differences from means of windows
            reading = _neighbours(-(size // 2) * times, (size - 1) * times + 1)
            return reading, reading
        case ops.Nailbed(stride=stride):
            top, left = op.starts(x)
            return _neighbours(top, 1, stride), _neighbours(left, 1, stride)
        case ops.Crop(top=top, left=left):
            return _neighbours(top, 1), _neighbours(left, 1)
        case ops.BorderPad(pad=pad):
            return _neighbours(-pad.top, 1), _neighbours(-pad.left, 1)
        case ops.PixelUnshuffle(factor=factor):  # the pixels of a square, whichever becomes a channel
            reading = _neighbours(0, factor, factor)
            return reading, reading
        case ops.PixelShuffle(factor=factor):
            repeated = ops.Upsample((factor, factor))
            return _sampled(repeated, 0), _sampled(repeated, 1)
        case ops.Mirror():
            return _neighbours(0, 1), _neighbours(x.width - 1, 1, -1)
        case ops.Upsample():
            return _sampled(op, 0), _sampled(op, 1)
    return None


def _spread(window: TransposedWindow, axis: Literal[0, 1]) -> _Reading:
    """What a pixel of the output of a transposed convolution reads: those whose windows it is in."""
    pad = (window.pad.top, window.pad.left)[axis]
    kernel, stride, dilation = window.kernel[axis], window.stride[axis], window.dilation[axis]

    def units(i: int) -> Iterable[int]:
        places = (i + pad - k * dilation for k in range(kernel))
        return (place // stride for place in places if place % stride == 0)

    return _Reading(units, 1, stride)


def _sampled(op: ops.Upsample, axis: Literal[0, 1]) -> _Reading:
    """The pixel that is repeated, or the two around the position that is sampled."""
    factor = op.factor[axis]

    def units(i: int) -> Iterable[int]:
        if op.method == "nearest":
            return (i // factor,)
        position = Fraction(2 * i + 1 - factor, 2 * factor)
        return math.floor(position), math.ceil(position)

    return _Reading(units, 1, factor)
