"""Write costs as the losses of a spec."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from netspec.formatting import format_literal
from netspec.importers.cuda_convnet.layers.model import Definition, Layer
from netspec.importers.cuda_convnet.learning.model import Learning
from netspec.importers.cuda_convnet.spec.labels import costs_over_other_data
from netspec.importers.cuda_convnet.spec.lines import Lines

_BY_CLASS = ("cost.crossent2", "cost.bce", "cost.dce")
_OF_ANY = ("sumsquares", "gatedsumsquares", "topographic")
"""Losses of a spec that can read an image, not only a vector."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A squared difference from labels: (a x + b t)^2 = b^2 (-a/b x - t)^2.

    ``labels`` is the layer of t, ``value`` that of x, ``factor`` is -a/b, and ``weight`` is b^2.
    """

    labels: str
    value: str
    factor: float
    weight: float


@dataclass(frozen=True, slots=True)
class Compared:
    """The costs of a file, and the layers that are written as parts of them.

    ``logistic`` are layers whose logistic neuron becomes part of a cost. ``differences`` are sums with labels that a
    cost takes the squares of. ``only_cost``: there is only one cost. ``left_out`` are costs of data that a spec does
    not have.
    """

    logistic: frozenset[str]
    differences: Mapping[str, Difference]
    only_cost: bool
    left_out: frozenset[str]


def compared(definition: Definition, learning: Learning) -> Compared:
    """Find the layers that are written as parts of a cost, and the costs that are left out."""
    logistic, differences, compared_with = set(), dict[str, Difference](), dict[str, tuple[str, str]]()
    costs = sum(layer.is_cost for layer in definition.layers.values())
    reads = Counter(name for layer in definition.layers.values() for name in set(layer.inputs))
    for layer in definition.layers.values():
        if layer.type in _BY_CLASS:
            logistic.add(layer.inputs[1])
        if layer.type == "cost.sum2" and reads[layer.inputs[0]] == 1:
            difference = _difference(definition, learning, layer)
            if difference is not None:
                differences[layer.inputs[0]] = difference
                compared_with[layer.name] = difference.labels, difference.value
    left_out = costs_over_other_data(definition, compared_with)
    return Compared(frozenset(logistic), differences, costs == 1, left_out)


@dataclass(frozen=True, slots=True)
class _Loss:
    """A loss of a spec: its type, the lines that it reads, its keys, and a factor for its ``loss_weight``."""

    word: str
    reads: tuple[str, ...]
    keys: dict[str, str] = field(default_factory=dict)
    factor: float = 1.0


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the costs of a file as losses. Methods may return ``None``, for a cost without a line."""

    definition: Definition
    lines: Lines
    learning: Learning
    compared: Compared

    def of_class(self, cost: Layer) -> _Loss | None:
        """Write a cross-entropy, except where training uses it by default."""
        only_cost = self.compared.only_cost and self.learning.of(cost).coeff == 1
        if only_cost and _last_layer(self.definition) == cost.inputs[1]:
            return None
        return _Loss("crossentropy", (self.lines.value(cost, self.definition.layers[cost.inputs[1]].inputs[0]),))

    def by_class(self, cost: Layer) -> _Loss:
        """Write binary cross-entropies, one per class, of the scores if the layer has a logistic neuron."""
        scores, positive = self.definition.layers[cost.inputs[1]], self.learning.of(cost).class_weight
        keys = {"positive": format_literal(positive)} if positive != 1 else {}
        read = self.lines.value(cost, scores.name)
        if scores.neuron is None or scores.neuron.word != "logistic":
            return _Loss("binarycrossentropy", (read,), keys | {"of": "probabilities"})
        if scores.type == "neuron":
            read = self.lines.value(cost, scores.inputs[0])
        else:
            read = self.lines.before[scores.name]
        return _Loss("binarycrossentropy", (read,), keys)

    def of_errors(self, cost: Layer) -> _Loss:
        return _Loss("cauchyerror", (self.lines.value(cost, cost.inputs[1]),))

    def of_squares(self, cost: Layer) -> _Loss:
        """Write a sum of squares, or of squared differences from labels."""
        difference = self.compared.differences.get(cost.inputs[0])
        if difference is None:
            return _Loss("sumsquares", (self.lines.value(cost, cost.inputs[0]),))
        read = self.lines.value(cost, difference.value)
        if difference.factor != 1:
            scaled = {"a": format_literal(difference.factor)}
            read = self.lines.add(cost, "linear", scaled, [read], self.lines.images[read], "-scaled")
        return _Loss("squarederror", (read,), factor=difference.weight)

    def of_gated_squares(self, cost: Layer) -> _Loss:
        """Write a sum of squares times a gate, which is a layer's output or 1 for the image's class."""
        read = self.lines.value(cost, cost.inputs[1])
        if self.definition.is_labels(self.definition.layers[cost.inputs[0]]):
            return _Loss("sumsquares", (read,), {"gate": "class"})
        return _Loss("gatedsumsquares", (self.lines.value(cost, cost.inputs[0]), read))

    def of_neighbours(self, cost: Layer) -> _Loss:
        if cost.values["size"] % 2 == 0:
            message = "the original's gradient places windows of an even size differently; here it is that of the value"
            cost.options.warn("cfg-substitute", message, "sizeX")
        read = self.lines.read(cost, 0, cost.reads[0])
        return _Loss("topographic", (read,), {"size": format_literal(cost.values["size"])})

    def of_sets(self, cost: Layer) -> _Loss:
        read = self.lines.value(cost, cost.inputs[1])
        return _Loss("setcrossentropy", (read,), {"size": format_literal(_set_size(cost, self.learning))})


_WRITTEN: Mapping[str, Callable[[_Writer, Layer], _Loss | None]] = {
    "cost.logreg": _Writer.of_class,
    "cost.crossent": _Writer.of_class,
    **dict.fromkeys(_BY_CLASS, _Writer.by_class),
    "cost.rflickr": _Writer.of_errors,
    "cost.sum2": _Writer.of_squares,
    "cost.gsum2": _Writer.of_gated_squares,
    "cost.tica": _Writer.of_neighbours,
    "cost.msm": _Writer.of_sets,
}


def add(definition: Definition, layer: Layer, lines: Lines, learning: Learning, compared: Compared) -> None:
    """Add the line of a cost, unless it is left out or training uses this loss by default."""
    if layer.name in compared.left_out:
        return
    loss = _WRITTEN[layer.type](_Writer(definition, lines, learning, compared), layer)
    if loss is None:
        return
    weight = learning.of(layer).coeff * loss.factor
    keys = {"loss_weight": format_literal(weight)} if weight != 1 else {}
    reads = list(loss.reads)
    if loss.word not in _OF_ANY and lines.images[reads[-1]] is not None:
        reads[-1] = lines.add(layer, "flatten", {}, [reads[-1]], None, "-flat")
    lines.add(layer, loss.word, keys | loss.keys, reads, None)


def _set_size(layer: Layer, learning: Learning) -> int:
    """Return how many classes a set has according to the parameter file, or 1 without one."""
    size = learning.of(layer).set_size
    if size is None:
        message = "its setSize is in the parameter file; sets of one class, which give the cross-entropy, are assumed"
        layer.options.warn("cfg-substitute", message, "type")
        return 1
    return size


def _last_layer(definition: Definition) -> str:
    """Return the last layer that is no cost. A spec without a loss trains with its cross-entropy if it is a softmax."""
    names = (layer.name for layer in reversed(definition.layers.values()) if not layer.is_cost and layer.type != "data")
    return next(names, "")


def _difference(definition: Definition, learning: Learning, cost: Layer) -> Difference | None:
    """Return the squared difference that a cost computes, if it is that of a layer and labels."""
    total = definition.layers[cost.inputs[0]]
    if total.type != "eltsum" or len(total.inputs) != 2 or total.neuron is not None:
        return None
    labels = [definition.is_labels(definition.layers[name]) for name in total.inputs]
    if sorted(labels) != [False, True]:
        return None
    factors, place = learning.of(total).factors or total.values["coeffs"], labels.index(True)
    a, b = factors[1 - place], factors[place]
    return Difference(total.inputs[place], total.inputs[1 - place], -a / b, b * b) if b else None
