"""Costs as the losses of a spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from netspec.importers.cuda_convnet.learning import Learning
from netspec.importers.cuda_convnet.lines import Lines, number
from netspec.importers.cuda_convnet.model import Definition, Layer

_BY_CLASS = ("cost.crossent2", "cost.bce", "cost.dce")


@dataclass(frozen=True, slots=True)
class Compared:
    """``logistic``: layers whose logistic neuron belongs to a cost. ``differences``: differences from labels, of which
    a cost takes the squares, and what it is that differs. ``alone``: there is one cost."""

    logistic: frozenset[str]
    differences: Mapping[str, str]
    alone: bool


def compared(definition: Definition) -> Compared:
    """The layers that are read together with their cost."""
    logistic, differences = set(), dict[str, str]()
    costs = sum(layer.is_cost for layer in definition.layers.values())
    reads = Counter(name for layer in definition.layers.values() for name in set(layer.inputs))
    for layer in definition.layers.values():
        if layer.type in _BY_CLASS:
            logistic.add(layer.inputs[1])
        if layer.type == "cost.sum2" and reads[layer.inputs[0]] == 1:
            value = _difference(definition, layer)
            if value is not None:
                differences[layer.inputs[0]] = value
    return Compared(frozenset(logistic), differences, costs == 1)


def add(definition: Definition, layer: Layer, lines: Lines, learning: Learning, known: Compared) -> None:
    """The line of a cost; none where training does it anyway, or where a spec has nothing like it."""
    layers, weight = definition.layers, learning.costs.get(layer.name, 1.0)
    keys = {} if weight == 1 else {"loss_weight": number(weight)}
    word, read = "", ""
    if layer.type in ("cost.logreg", "cost.crossent"):
        if known.alone and not keys and _last(definition) == layer.inputs[1]:
            return
        word, read = "crossentropy", lines.value(layer, layers[layer.inputs[1]].inputs[0])
    elif layer.type in _BY_CLASS:
        made = layers[layer.inputs[1]]
        if made.neuron is not None and made.neuron.word == "logistic":
            word = "binarycrossentropy"
            read = lines.value(layer, made.inputs[0]) if made.type == "neuron" else lines.before[made.name]
    elif layer.type == "cost.rflickr":
        layer.options.warn(
            "cfg-substitute", "a spec has no log(1 + d^2); the squared error, its beginning, stands in for it", "type"
        )
        word, read = "squarederror", lines.value(layer, layer.inputs[1])
    elif layer.type == "cost.sum2" and (value := known.differences.get(layer.inputs[0])) is not None:
        word, read = "squarederror", lines.value(layer, value)
    if not word:
        layer.options.warn("cfg-left-out", f"a spec has no {layer.type}; it is trained without", "type")
        return
    if lines.images[read] is not None:
        read = lines.add(layer, "flatten", {}, [read], None, "-flat")
    lines.add(layer, word, keys, [read], None)


def _last(definition: Definition) -> str:
    """The last layer that is no cost. A spec without a loss is trained with the cross-entropy of a softmax there."""
    made = (layer.name for layer in reversed(definition.layers.values()) if not layer.is_cost and layer.type != "data")
    return next(made, "")


def _difference(definition: Definition, cost: Layer) -> str | None:
    """The layer of which a cost takes the squared difference from the labels."""
    total = definition.layers[cost.inputs[0]]
    if total.type != "eltsum" or len(total.inputs) != 2:
        return None
    labels = [definition.is_labels(definition.layers[name]) for name in total.inputs]
    if sorted(labels) != [False, True] or sorted(total.values["coeffs"]) != [-1, 1] or total.neuron is not None:
        return None
    return total.inputs[labels.index(False)]
