"""Translate an ONNX model to a spec."""

from __future__ import annotations

import re
from dataclasses import replace

from netspec.diagnostics import Diagnostic, SpecError
from netspec.diagnostics.model import first_line_span
from netspec.importers.onnx_file.graph.folding import fold
from netspec.importers.onnx_file.graph.inputs import is_likely, is_ours
from netspec.importers.onnx_file.graph.reading import read_model
from netspec.importers.operators.graph.model import Model
from netspec.importers.operators.translation import Origin, Translation
from netspec.importers.operators.translation import translate as translate_graph
from netspec.ir.settings import ASPECTS
from netspec.ir.shape import Shape
from netspec.source import Source

_NOT_IN_VALUES = re.compile(r"[^\w.,+-]")
"""What no value of a key of the input line has, so that the text of a file cannot become more than a value."""


def translate(source: Source, shape: Shape | None = None) -> Translation:
    """Translate the model that a source is named after. ``shape`` is that of the input, if it is to be another one.

    Raises
    ------
    CannotOpen
        The file cannot be read, or the library onnx is not installed.
    SpecError
        ``onnx-not-expressible``: a list of all that a spec cannot express, or a code of ``fold`` or ``read_model``.
    """
    model = fold(read_model(source), shape, source)
    written = f", written by {model.producer}" if model.producer else ""
    about = Origin(
        ("onnx-not-expressible", "onnx-outputs"),
        f"{written}, operator set {model.opset}",
        _preprocessing(model),
        unstated=frozenset(ASPECTS) - ({"preparation"} if is_ours(model.producer) else set()),
    )
    try:
        translation = translate_graph(model, source, about)
    except SpecError:
        other = _in_other_order(model, source, about)
        if other is None:
            raise
        return other
    sizes, last = model.shapes[model.input][1:], model.channels_last
    doubtful = model.order_is_guess and not is_likely(sizes, last, model.producer)
    if doubtful and _in_other_order(model, source, about) is not None:
        return replace(translation, diagnostics=(*translation.diagnostics, _either_order(model, source)))
    return translation


def _in_other_order(model: Model, source: Source, about: Origin) -> Translation | None:
    """Translate a model with the other order of its input's axes, if the order is a guess and that one can be.

    If both orders can be translated, they are the same function, of images whose axes are in either order.
    """
    if not model.order_is_guess:
        return None
    try:
        return translate_graph(replace(model, channels_last=not model.channels_last), source, about)
    except SpecError:
        return None


def _either_order(model: Model, source: Source) -> Diagnostic:
    """Return the warning for an order of axes that nothing in a model tells."""
    _, *sizes = model.shapes[model.input]
    words = ("channels x height x width", "height x width x channels")
    read, other = words[::-1] if model.channels_last else words
    shape = Shape(*sizes) if model.channels_last else Shape(sizes[2], *sizes[:2])
    message = f"the axes of the input {model.input} are read as {read}, but nothing in the model says so"
    note = f"if they are {other}, say so with --input {shape}" if len({*sizes}) > 1 else f"they may also be {other}"
    return Diagnostic("onnx-axes", message, (first_line_span(source),), (note,), severity="warning")


def _preprocessing(model: Model) -> dict[str, str]:
    """Return the keys of the input line that a file of netspec's records."""
    if not is_ours(model.producer):
        return {}
    usual = {"range": "1", "mean": "none", "std": "none", "order": "rgb"}
    about = {key: _NOT_IN_VALUES.sub("", model.about.get(f"input.{key}", value)) for key, value in usual.items()}
    return {key: value for key, value in about.items() if value != usual[key]}
