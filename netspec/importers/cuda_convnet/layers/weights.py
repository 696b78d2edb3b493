"""Read the initial values of a layer's weights and biases, and whose weights it shares."""

from __future__ import annotations

import re
from dataclasses import replace

from netspec.formatting import format_sizes, plural
from netspec.importers.cuda_convnet.layers.kinds import Context
from netspec.importers.cuda_convnet.layers.model import Layer, Shared
from netspec.importers.cuda_convnet.options import shortened

INITIAL_VALUES = ("initW", "initB", "initWFunc", "initBFunc", "weightSource")
"""The keys of all layers with weights."""
_SUBSTITUTES = {
    "initWFunc": "initW is",
    "initBFunc": "initB is",
    "initCFunc": "the channels in order are",
}
_FUNCTION = re.compile(r"[^.]+\.[^()]+(?:\([^,]+(?:,[^,]+)*\))?")
_SOURCE = re.compile(r"([^\[\]]+)(?:\[([0-9]{1,6})\])?")


def initial_values(context: Context, drawn: bool | None = None) -> dict[str, object]:
    """Read the initial values. Warns about initialisation functions, which are not in the file.

    ``drawn`` says whether the layer draws random connections; it is ``None`` for types that cannot.
    """
    options = context.options
    values: dict[str, object] = {
        "initW": options.reals("initW", len(context.inputs), repeat=context.repeat),
        "initB": options.real("initB", 0.0),
    }
    sources = options.words("weightSource") if options.get("weightSource") else [""]
    for key, substitute in _SUBSTITUTES.items():
        function = options.text(key, "").strip()
        if key == "initCFunc" and not drawn:
            if function and drawn is not None and context.dialect == "2012":
                options.warn("cfg-ignored-key", "initCFunc only applies with randSparse; it is ignored", key)
            continue
        if function and not _FUNCTION.fullmatch(function):
            note = "it is written module.function or module.function(parameter,parameter)"
            raise options.report_key_error(
                "bad-value", f"{key}={shortened(function)} is not a function", key, notes=(note,)
            )
        if key == "initWFunc" and all(sources):
            continue  # all matrices are shared, and the original discarded what the function returned
        if function:
            options.warn(
                "cfg-substitute", f"{key} calls a function that is not in the file; {substitute} used instead", key
            )
    return values


def shared_weights(context: Context, layer: Layer) -> Layer:
    """Return the layer with the owners of its weight matrices, read from ``weightSource``."""
    options = context.options
    if not options.text("weightSource", "").strip():
        return replace(layer, shared=(None,) * len(context.inputs))
    words = options.words("weightSource")
    if len(words) != len(context.inputs):
        message = f"weightSource lists {plural(len(words), 'source')} for {plural(len(context.inputs), 'input')}"
        raise options.report_key_error("bad-value", message, "weightSource")
    for number, word in enumerate(words):
        layer = replace(layer, shared=(*layer.shared, _owner(context, layer, number, word)))
    return layer


def _owner(context: Context, layer: Layer, number: int, word: str) -> Shared | None:
    """Return the owner of one matrix of a layer, whose matrices of earlier inputs have theirs in ``layer.shared``."""
    options = context.options
    if not word:
        return None
    match = _SOURCE.fullmatch(word)
    name, index = (match[1].strip(), int(match[2] or 0)) if match else (word, 0)
    is_own = name == layer.name
    source = layer if is_own else context.named(name)
    if source is None:
        raise options.report_error("unknown-layer", f"there is no layer '{shortened(name)}' above it", "weightSource")
    if source.type != layer.type:
        message = f"it is {layer.type} and cannot take the weights of {name}, which is {source.type}"
        raise options.report_error("weights-mismatch", message, "weightSource")
    if source.gpu != layer.gpu:
        raise options.report_error("weights-mismatch", f"{name} is on another GPU", "weightSource")
    if index >= (number if is_own else len(source.weights)):
        which = f"an earlier input of {name}" if is_own else f"an input of {name}"
        raise options.report_error("weights-mismatch", f"{index} is not the number of {which}", "weightSource")
    if source.weights[index] != layer.weights[number]:
        has, needs = map(format_sizes, (source.weights[index], layer.weights[number]))
        raise options.report_error("weights-mismatch", f"it needs {needs} weights, {name} has {has}", "weightSource")
    return source.shared[index] or Shared(name, index)
