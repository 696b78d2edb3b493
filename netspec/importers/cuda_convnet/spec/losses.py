"""Costs as the losses of a spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.model import Learning
from netspec.importers.cuda_convnet.spec.lines import Lines
from netspec.units import literal

_BY_CLASS = ("cost.crossent2", "cost.bce", "cost.dce")
CLASSES = 1
"""``dataIdx`` of the numbers of the classes, where no ``cost.logreg`` says it: so have it all files that are known."""
_OF_ANY = ("sumsquares", "gatedsumsquares", "topographic")
"""Losses of a spec that read any value, or an image."""


@dataclass(frozen=True, slots=True)
class Difference:
    """(a x + b t)^2 is b^2 (-a/b x - t)^2: the layer x, the ``factor`` -a/b, and the ``weight`` b^2."""

    value: str
    factor: float
    weight: float


@dataclass(frozen=True, slots=True)
class Compared:
    """``logistic``: layers whose logistic neuron belongs to a cost. ``differences``: sums with labels, of which a cost
    takes the squares. ``alone``: there is one cost."""

    logistic: frozenset[str]
    differences: Mapping[str, Difference]
    alone: bool


def compared(definition: Definition, learning: Learning) -> Compared:
    """The layers that are read together with their cost."""
    logistic, differences = set(), dict[str, Difference]()
    costs = sum(layer.is_cost for layer in definition.layers.values())
    reads = Counter(name for layer in definition.layers.values() for name in set(layer.inputs))
    for layer in definition.layers.values():
        if layer.type in _BY_CLASS:
            logistic.add(layer.inputs[1])
        if layer.type == "cost.sum2" and reads[layer.inputs[0]] == 1:
            found = _difference(definition, learning, layer)
            if found is not None:
                differences[layer.inputs[0]] = found
    return Compared(frozenset(logistic), differences, costs == 1)


def add(definition: Definition, layer: Layer, lines: Lines, learning: Learning, known: Compared) -> None:
    """The line of a cost; none where training does it anyway, or where it has a gate of data."""
    layers, weight = definition.layers, learning.costs.get(layer.name, 1.0)
    keys = {} if weight == 1 else {"loss_weight": literal(weight)}
    word, read = "", ""
    gate: list[str] = []
    if layer.type == "cost.gsum2" and _gated_by_other_data(definition, layer):
        return
    if layer.type in ("cost.logreg", "cost.crossent"):
        if known.alone and not keys and _last(definition) == layer.inputs[1]:
            return
        word, read = "crossentropy", lines.value(layer, layers[layer.inputs[1]].inputs[0])
    elif layer.type in _BY_CLASS:
        made = layers[layer.inputs[1]]
        word, read = "binarycrossentropy", lines.value(layer, layer.inputs[1])
        if (positive := learning.positive.get(layer.name, 1.0)) != 1:
            keys["positive"] = literal(positive)
        if made.neuron is not None and made.neuron.word == "logistic":
            read = lines.value(layer, made.inputs[0]) if made.type == "neuron" else lines.before[made.name]
        else:
            keys["of"] = "probabilities"
    elif layer.type == "cost.rflickr":
        word, read = "cauchyerror", lines.value(layer, layer.inputs[1])
    elif layer.type == "cost.sum2" and (from_labels := known.differences.get(layer.inputs[0])) is not None:
        word, read = "squarederror", lines.value(layer, from_labels.value)
        if from_labels.factor != 1:
            scaled = {"a": literal(from_labels.factor)}
            read = lines.add(layer, "linear", scaled, [read], lines.images[read], "-scaled")
        if (weight := weight * from_labels.weight) != 1:
            keys["loss_weight"] = literal(weight)
    elif layer.type == "cost.sum2":
        word, read = "sumsquares", lines.value(layer, layer.inputs[0])
    elif layer.type == "cost.gsum2" and definition.is_labels(layers[layer.inputs[0]]):
        word, read = "sumsquares", lines.value(layer, layer.inputs[1])
        keys["gate"] = "class"
    elif layer.type == "cost.gsum2":
        word, read, gate = "gatedsumsquares", lines.value(layer, layer.inputs[1]), [lines.value(layer, layer.inputs[0])]
    elif layer.type == "cost.tica":
        word, read = "topographic", lines.read(layer, 0, layer.reads[0])
        keys["size"] = literal(layer.values["size"])
        if layer.values["size"] % 2 == 0:
            message = "windows of an even size lie otherwise in the original's gradient; here it is that of the value"
            layer.options.warn("cfg-substitute", message, "sizeX")
    else:
        word, read = "setcrossentropy", lines.value(layer, layer.inputs[1])
        keys["size"] = literal(_set_size(layer, learning))
    if word not in _OF_ANY and lines.images[read] is not None:
        read = lines.add(layer, "flatten", {}, [read], None, "-flat")
    lines.add(layer, word, keys, [*gate, read], None)


def _gated_by_other_data(definition: Definition, layer: Layer) -> bool:
    """Warn of a gate that is neither a layer's number nor the class's: a third matrix of data."""
    gate = definition.layers[layer.inputs[0]]
    costs = [cost for cost in definition.layers.values() if cost.type == "cost.logreg"]
    numbers = {definition.layers[cost.inputs[0]].values["dataIdx"] for cost in costs} or {CLASSES}
    index = gate.values.get("dataIdx")
    if not definition.is_labels(gate) or index in numbers:
        return False
    message = f"its gate is a matrix of data (dataIdx={index}) that is neither the images nor the number of their class"
    note = f"the numbers of the classes are dataIdx={', '.join(map(str, sorted(numbers)))}"
    told = f"{message}; it is trained without this cost"
    layer.options.warn("cfg-left-out", told, "inputs", notes=(f"{note}; a spec has no other data",))
    return True


def _set_size(layer: Layer, learning: Learning) -> int:
    """How many classes a set has: what the parameter file says; without one, one class."""
    if layer.name not in learning.sets:
        message = "its setSize stands in the parameter file; sets of one class, the cross-entropy, stand in for it"
        layer.options.warn("cfg-substitute", message, "type")
    return learning.sets.get(layer.name, 1)


def _last(definition: Definition) -> str:
    """The last layer that is no cost. A spec without a loss is trained with the cross-entropy of a softmax there."""
    made = (layer.name for layer in reversed(definition.layers.values()) if not layer.is_cost and layer.type != "data")
    return next(made, "")


def _difference(definition: Definition, learning: Learning, cost: Layer) -> Difference | None:
    """What a cost takes the squared difference of, if it is a layer and the labels."""
    total = definition.layers[cost.inputs[0]]
    if total.type != "eltsum" or len(total.inputs) != 2 or total.neuron is not None:
        return None
    labels = [definition.is_labels(definition.layers[name]) for name in total.inputs]
    if sorted(labels) != [False, True]:
        return None
    factors, place = learning.sums.get(total.name, total.values["coeffs"]), labels.index(True)
    a, b = factors[1 - place], factors[place]
    return Difference(total.inputs[1 - place], -a / b, b * b) if b else None
