"""The graph's inputs: which one has the images, their size, and the order of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.diagnostics.model import source_error
from netspec.formatting import plural
from netspec.importers.operators.graph.model import BATCH, Sizes
from netspec.ir.shape import Shape
from netspec.source import Source

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, ValueInfoProto

_COLOURS = (1, 3)
"""The usual numbers of channels of an image."""

PRODUCER = "netspec"
"""The producer of the files that ``compile --to onnx`` writes. Their axes are N,C,H,W."""

_LAST_OF_PRODUCER = {"pytorch": False, "tf2onnx": True, "keras2onnx": True}
"""Whether programs usually have the channels last, by the producer of their files."""

_CHANNELS_FIRST = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization", "LRN")
"""Operators that read N,C,H,W."""

_NUMBERS = (*range(1, 8), 10, 11, 12, 13, 16)
"""ONNX's types of whole and real numbers with 8 bits or more."""


@dataclass(frozen=True, slots=True)
class Images:
    """The input with the images: its name, its shape with the batch, and whether its axes are N,H,W,C.

    ``is_guess``: nothing in the model says whether they are these or N,C,H,W.
    """

    name: str
    shape: Sizes
    channels_last: bool
    is_guess: bool = False


def images_of(model: ModelProto, given: Shape | None, source: Source) -> Images:
    """Find the input with the images. ``given`` is the shape of ``--input``.

    Raises
    ------
    SpecError
        ``onnx-input``: there is not exactly one input, its sizes are not known, or ``given`` does not go with it.
    """
    graph = model.graph
    constants = {tensor.name for tensor in graph.initializer}
    read = _read_in(graph)
    inputs = [value for value in graph.input if value.name not in constants and value.name in read]
    if len(inputs) != 1:
        listed = ", ".join(f"{value.name} ({_written(_axes(value))})" for value in inputs)
        message = f"the model has {plural(len(inputs), 'input')}; a spec has one, the images"
        raise source_error("onnx-input", source, message, (listed,) if listed else ())
    (value,) = inputs
    if value.type.tensor_type.elem_type not in _NUMBERS:
        raise source_error("onnx-input", source, f"the input {value.name} does not have numbers of a usual type")
    axes = _axes(value)
    if not 2 <= len(axes) <= 4:
        message = f"the input {value.name} has the shape {_written(axes)}, which is neither images nor vectors"
        note = "images are N x channels x height x width or N x height x width x channels, vectors are N x features"
        raise source_error("onnx-input", source, message, (note,))
    known = False if is_ours(model.producer_name) else _channels_last(graph, value.name, axes)
    if known is None and given is not None:
        known = _last_is_given(given, axes)
    channels_last = _last_is_channels(axes, model.producer_name) if known is None else known
    batch = axes[0] if isinstance(axes[0], int) else BATCH
    if given is not None:
        return Images(value.name, (batch, *_given_sizes(given, axes, channels_last, source)), channels_last)
    sizes = [axis for axis in axes[1:] if isinstance(axis, int)]
    if len(sizes) < len(axes) - 1:
        raise _unknown_size(value.name, axes, channels_last, source)
    return Images(value.name, (batch, *sizes), channels_last, known is None)


def _read_in(graph: GraphProto) -> set[str]:
    """Return the names of all values that a graph and the graphs inside it read or return."""
    inner = [a.g for node in graph.node for a in node.attribute if a.HasField("g")]
    names = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    return names.union(*map(_read_in, inner))


def _axes(value: ValueInfoProto) -> tuple[int | str, ...]:
    """Return the axes of an input: their sizes, or the symbols for sizes that are not fixed."""
    axes = value.type.tensor_type.shape.dim
    return tuple(axis.dim_value if axis.dim_value > 0 else axis.dim_param or "?" for axis in axes)


def _written(axes: tuple[int | str, ...]) -> str:
    return " x ".join(map(str, axes)) or "of a single number"


def _channels_last(graph: GraphProto, name: str, axes: tuple[int | str, ...]) -> bool | None:
    """Whether an input's axes are N,H,W,C, because a Transpose makes them N,C,H,W; ``None`` if no reader tells."""
    if len(axes) != 4:
        return False
    readers = [node for node in graph.node if name in node.input]
    orders = [list(a.ints) for node in readers for a in node.attribute if node.op_type == "Transpose"]
    if orders and len(orders) == len(readers) and all(order == [0, 3, 1, 2] for order in orders):
        return True
    return False if any(node.op_type in _CHANNELS_FIRST for node in readers) else None


def _last_is_given(given: Shape, axes: tuple[int | str, ...]) -> bool | None:
    """Whether an input's axes are N,H,W,C, because only these are as given; else, only their channels are."""
    if not given.is_image:
        return None
    shape = tuple(given)
    for first, last in ((shape, (*shape[1:], shape[0])), ((shape[0],), (None, None, shape[0]))):
        fits_first, fits_last = _fits(first, axes), _fits(last, axes)
        if fits_first != fits_last:
            return fits_last
    return None


def _fits(sizes: Sequence[int | None], axes: tuple[int | str, ...]) -> bool:
    """Whether sizes of the axes after N are those of the model, where it fixes them; ``None`` is any size."""
    pairs = zip(sizes, axes[1:], strict=False)
    return all(size is None or isinstance(axis, str) or size == axis for size, axis in pairs)


def _last_is_channels(axes: tuple[int | str, ...], producer: str) -> bool:
    """Whether four axes are more likely N,H,W,C: only the last is fixed, the program has it so, or it is of colours."""
    others = axes[1:3]
    if not any(isinstance(axis, int) for axis in others):
        return isinstance(axes[3], int)
    if producer in _LAST_OF_PRODUCER and not _has_colours(axes[1:], not _LAST_OF_PRODUCER[producer]):
        return _LAST_OF_PRODUCER[producer]
    return axes[3] in _COLOURS and not any(axis in _COLOURS for axis in others)


def _has_colours(axes: Sequence[int | str], channels_last: bool) -> bool:
    """Whether axes have a number of colours in this order, and only in this one.

    Images with colours last, or in grey, have to be squares: others may be maps that are 1 or 3 pixels wide, or series.
    """
    first, second, third = axes
    if channels_last:
        return third in _COLOURS and first not in _COLOURS and first == second
    alone = first in _COLOURS and second not in _COLOURS and third not in _COLOURS
    return alone and (first != 1 or second == third)


def is_likely(sizes: Sizes, channels_last: bool, producer: str) -> bool:
    """Whether an order of an image's axes is beyond doubt although it is a guess."""
    usual = _LAST_OF_PRODUCER.get(producer.partition(" ")[0]) == channels_last
    return _has_colours(sizes, channels_last) or (usual and not _has_colours(sizes, not channels_last))


def is_ours(producer: str) -> bool:
    """Whether a file is one of netspec's."""
    return producer.partition(" ")[0] == PRODUCER


def _given_sizes(given: Shape, axes: tuple[int | str, ...], channels_last: bool, source: Source) -> Sizes:
    sizes = tuple(given)
    if len(axes) == 3 and given.is_image and given.channels == 1:
        return sizes[1:]
    if len(sizes) != len(axes) - 1:
        message = f"--input {given} does not go with the model's input of {_written(axes)}"
        raise source_error("onnx-input", source, message)
    return (*sizes[1:], sizes[0]) if channels_last else sizes


def _unknown_size(name: str, axes: tuple[int | str, ...], channels_last: bool, source: Source) -> Exception:
    """Return the error for an input whose sizes the model leaves open, with the option that gives them."""
    message = f"the model does not say how large its input {name} is: {_written(axes)}"
    if len(axes) == 2:
        note = "give the number of features, such as --input 784"
    else:
        channels = axes[-1] if channels_last else axes[1]
        note = f"give the size of the images, such as --input {channels if isinstance(channels, int) else 3}x224x224"
    return source_error("onnx-input", source, message, (note,))
