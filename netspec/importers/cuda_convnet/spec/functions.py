"""Write neurons, that is, activation functions, as keys or lines of a spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Layer, Neuron
from netspec.importers.cuda_convnet.spec.lines import Lines
from netspec.ir.ops import Relu6

_WORDS = ("logistic", "relu", "nrelu", "softrelu", "abs", "square", "sqrt")
_WITH_NUMBERS = ("tanh", "linear", "log")
_CAPPED = Neuron("brelu", (Relu6.top,))
FUNCTIONS = (*_WORDS, "relu6", *_WITH_NUMBERS)
"""The types of lines that apply a function to every value."""
_TAKE_A_KEY = {
    "conv", "local", "fc", "sfc", "treefc", "pool", "cmpool", "cmrnorm", "rnorm", "cnorm", "nailbed", "blur", "href",
    "hs", "dropout", "dropout2", "concat", "pass", "sum", "eltsum", "eltmax", "resize", "rscale", "crop",
    "rgb2yuv", "rgb2lab",
}  # fmt: skip
"""The types whose lines take ``neuron=``."""


def add_neuron(layer: Layer, lines: Lines, name: str, *, separate: bool) -> None:
    """Add the neuron of a layer whose line is ``name``, as a key of this line or as lines of its own.

    ``separate``: it needs lines of its own because something reads the value before the neuron.
    """
    lines.before[layer.name] = lines.values[layer.name] = name
    if layer.type == "neuron" or layer.neuron is None or layer.neuron.word == "ident":
        return
    neuron = layer.neuron
    key = neuron.word if neuron.word in _WORDS else ""
    if neuron == _CAPPED:
        key = "relu6"
    if neuron.word in _WITH_NUMBERS:
        key = f"{neuron.word}({', '.join(map(format_literal, neuron.numbers))})"
    # The last line of pooling across maps only reshapes its result; the line before it can take the neuron.
    place = -2 if layer.type == "cmpool" else -1
    line = lines.all[place]
    takes = layer.type in _TAKE_A_KEY and line.type not in FUNCTIONS
    if key and not separate and takes and lines.all[-1].name == name:
        lines.all[place] = replace(line, keys={**line.keys, "neuron": key})
    else:
        lines.values[layer.name] = _lines(layer, lines, name, neuron, "_neuron")


def add_neuron_layer(layer: Layer, lines: Lines) -> str:
    """Add the lines of a layer of type ``neuron`` and return the name of the last one."""
    read = lines.input_lines(layer)[0]
    assert layer.neuron is not None
    if layer.neuron.word == "ident":
        return lines.add(layer, "linear", {}, [read], lines.images[read])
    return _lines(layer, lines, read, layer.neuron, "")


def _lines(layer: Layer, lines: Lines, name: str, neuron: Neuron, suffix: str) -> str:
    """Add lines that apply a neuron to the value of a line, and return the name of the last one."""
    image, word, numbers = lines.images[name], neuron.word, neuron.numbers

    def step(type_: str, keys: Mapping[str, str], inputs: list[str], part: str = "") -> str:
        return lines.add(layer, type_, keys, inputs, image, suffix + part)

    if word in _WORDS:
        return step(word, {}, [name])
    if neuron == _CAPPED:
        return step("relu6", {}, [name])
    if word in _WITH_NUMBERS:
        return step(word, {key: format_literal(value) for key, value in zip("ab", numbers, strict=False)}, [name])
    a = numbers[0]
    if word == "dropout":
        return step("dropout", {"rate": format_literal(a), "scaling": "test"}, [name])
    if word == "brelu":  # min(a, max(0, x)) = a - max(0, a - max(0, x))
        low = step("relu", {}, [name], "-above-0")
        turned = step("linear", {"a": "-1", "b": format_literal(a)}, [low], "-from-top")
        high = step("relu", {}, [turned], "-below-top")
        return step("linear", {"a": "-1", "b": format_literal(a)}, [high])
    if a:  # drelu: x - a tanh(x / a)
        curve = step("tanh", {"a": format_literal(-a), "b": format_literal(1 / a)}, [name], "-curve")
        return step("sum", {}, [name, curve])
    message = "drelu[0] is x - 0 tanh(x / 0): x except at 0, where the original gave NaN; the identity is used instead"
    layer.options.warn("cfg-substitute", message, "neuron")
    return step("linear", {}, [name])
