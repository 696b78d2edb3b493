"""The graph's inputs: which one has the images, their size, and the order of its axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from netspec.formatting import plural
from netspec.importers.operators.graph.model import Sizes, model_error
from netspec.ir.shape import Shape
from netspec.source import Source

if TYPE_CHECKING:
    from onnx import GraphProto, ValueInfoProto

BATCH = 7
"""The number of images where the model does not fix one. No axis of a real model has this length by chance, so that an
operator which mixes images is noticed."""

_COLOURS = (1, 3)
"""The usual numbers of channels of an image."""

_CHANNELS_FIRST = ("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "BatchNormalization", "LRN")
"""Operators that read N,C,H,W."""

_NUMBERS = (*range(1, 8), 10, 11, 12, 13, 16)
"""ONNX's types of whole and real numbers with 8 bits or more."""


@dataclass(frozen=True, slots=True)
class Images:
    """The input with the images: its name, its shape with the batch, and whether its axes are N,H,W,C.

    ``is_guess``: nothing in the graph says whether they are these or N,C,H,W.
    """

    name: str
    shape: Sizes
    channels_last: bool
    is_guess: bool = False


def images_of(graph: GraphProto, given: Shape | None, source: Source) -> Images:
    """Find the input with the images. ``given`` is the shape of ``--input``.

    Raises
    ------
    SpecError
        ``onnx-input``: there is not exactly one input, its sizes are not known, or ``given`` does not go with it.
    """
    constants = {tensor.name for tensor in graph.initializer}
    read = _read_in(graph)
    inputs = [value for value in graph.input if value.name not in constants and value.name in read]
    if len(inputs) != 1:
        listed = ", ".join(f"{value.name} ({_written(_axes(value))})" for value in inputs)
        message = f"the model has {plural(len(inputs), 'input')}; a spec has one, the images"
        raise model_error("onnx-input", source, message, (listed,) if listed else ())
    (value,) = inputs
    if value.type.tensor_type.elem_type not in _NUMBERS:
        raise model_error("onnx-input", source, f"the input {value.name} does not have numbers of a usual type")
    axes = _axes(value)
    if not 2 <= len(axes) <= 4:
        message = f"the input {value.name} has the shape {_written(axes)}, which is neither images nor vectors"
        note = "images are N x channels x height x width or N x height x width x channels, vectors are N x features"
        raise model_error("onnx-input", source, message, (note,))
    known = _channels_last(graph, value.name, axes)
    channels_last = _last_is_colours(axes) if known is None else known
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


def _last_is_colours(axes: tuple[int | str, ...]) -> bool:
    """Whether only the last of four axes is a number of colours."""
    return axes[3] in _COLOURS and axes[1] not in _COLOURS and axes[2] not in _COLOURS


def _given_sizes(given: Shape, axes: tuple[int | str, ...], channels_last: bool, source: Source) -> Sizes:
    sizes = tuple(given)
    if len(axes) == 3 and given.is_image and given.channels == 1:
        return sizes[1:]
    if len(sizes) != len(axes) - 1:
        message = f"--input {given} does not go with the model's input of {_written(axes)}"
        raise model_error("onnx-input", source, message)
    return (*sizes[1:], sizes[0]) if channels_last else sizes


def _unknown_size(name: str, axes: tuple[int | str, ...], channels_last: bool, source: Source) -> Exception:
    """Return the error for an input whose sizes the model leaves open, with the option that gives them."""
    message = f"the model does not say how large its input {name} is: {_written(axes)}"
    if len(axes) == 2:
        note = "give the number of features, such as --input 784"
    else:
        channels = axes[-1] if channels_last else axes[1]
        note = f"give the size of the images, such as --input {channels if isinstance(channels, int) else 3}x224x224"
    return model_error("onnx-input", source, message, (note,))
